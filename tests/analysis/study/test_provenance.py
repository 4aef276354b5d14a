"""How a study was run: what is known is said, what is not is left out, and commands can be run."""

import shlex

import pandas as pd
import pytest

from analysis import load_study, load_table
from analysis.study.provenance import commands, facts

RUNS = pd.DataFrame({"loss": ["ce", "focal"] * 3, "seed": [0, 0, 1, 1, 2, 2], "miou": [0.5, 0.6, 0.5, 0.7, 0.4, 0.6]})


@pytest.fixture
def runs():
    return load_table(RUNS, configuration="loss", block="seed", score="miou")


def test_what_is_not_known_is_left_out(runs):
    listed = dict(facts(runs))
    assert listed["trials"] == "6 complete"
    assert not {"first start", "last end", "versions", "recipe", "device"} & set(listed)
    assert not [value for value in listed.values() if value in ("", "–", "nan", "None")]


def test_a_study_says_all(tables):
    listed = dict(facts(tables))
    assert listed["first start"] == "2024-05-01T10:00:00+00:00"
    assert listed["last end"] == "2024-05-01T10:20:00+00:00"
    assert listed["recipe"] == "street/small"


def test_running_trials_have_no_end(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", finished=None))
    listed = dict(facts(load_study(tmp_path / "s")))
    assert "last end" not in listed
    assert "first start" in listed


def test_a_table_of_runs_has_no_training_command(runs):
    assert [command for _, command in commands(runs, "python -m analysis x")] == ["python -m analysis x"]


def test_without_a_recipe_there_is_a_sentence_and_no_command(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", config={"seed": 0}))
    (sentence, command), _ = commands(load_study(tmp_path / "s"), "again")
    assert sentence == "Trial t cannot be run again by a command from here: it left no recipe to start from."
    assert command == ""


def test_a_study_without_a_recipe_beside_one_with(make, tmp_path):
    """The column then has a gap, not a text."""
    make.add(tmp_path / "one", make.record("a"))
    make.add(tmp_path / "two", make.record("b", config={"seed": 0}))
    for best in ("a", "b"):
        tables = load_study([tmp_path / "one", tmp_path / "two"])
        first = tables.trials["trial"] == best
        (_, command), _ = commands(tables._replace(trials=tables.trials.assign(objective=first * 0.5)), "again")
        assert command.startswith("python -m trials.segment --recipe street/small" if best == "a" else "")
        assert bool(command) is (best == "a")


def test_a_database_alone_has_no_training_command(make, tmp_path):
    """It knows the recipe's name, but not the settings that the trials were given besides."""
    events = [(1, "a", "RUNNING", make.given(0, lr=0.1)), (3, "a", "SUCCEEDED", None)]
    database = make.database(tmp_path / "x1", events, [(2, "a", "0", "FINAL", 0, {"default": 0.5})])
    (sentence, command), _ = commands(load_study(database), "again")
    assert "left no record to start from" in sentence
    assert command == ""


def test_no_command_has_a_comment(tables):
    for _, command in commands(tables, "python -m analysis 'a#b'"):
        words = shlex.split(command, comments=True)
        assert words == shlex.split(command)


def test_from_python_the_page_shows_python(tables):
    what, code = commands(tables)[-1]
    assert "from Python" in what
    compile(code, "page", "exec")
    assert "analysis.load_study(" in code
    assert "write_report(" in code
