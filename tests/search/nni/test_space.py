"""Search spaces: what is refused, which corners are tried, and that the project's own ones fit their recipes."""

import json
import re
from pathlib import Path

import pytest

from rarepix.config import TrialConfig
from rarepix.search.nni.space import check_space, corners, problems, read_space
from rarepix.settings import ConfigError

LR = {"_type": "loguniform", "_value": [0.0001, 0.1]}
LOSS = {
    "_type": "choice",
    "_value": [{"_name": "ce"}, {"_name": "focal", "gamma": {"_type": "uniform", "_value": [0, 5]}}, {"_name": "dice"}],
}
CONFIG = TrialConfig(data={"root": "anywhere"})


def spec(kind: str, *values: object) -> dict:
    """Return a search space of one key."""
    return {"x": {"_type": kind, "_value": list(values)}}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "must have at least one key"),
        ({"x": 3}, "must be {_type: ..., _value: [...]}, but got 3: a constant is a choice with one value"),
        ({"x": {"_value": [1]}}, r"must be {_type: ..., _value: \[...\]}, but got \['_value'\]"),
        (spec("unifrom", 0, 1), "unknown _type 'unifrom': did you mean 'uniform'"),
        (spec("uniform", 0), r"_value of uniform must be \[low, high\], but got \[0\]"),
        (spec("uniform", 2, 1), r"must have low < high, but got \[2, 1\]: write \[1, 2\]"),
        (spec("uniform", 1, 1), "must have low < high"),
        (spec("uniform", 0, float("inf")), "must be finite numbers, but got inf"),
        (spec("uniform", True, 2), "must be finite numbers, but got True"),
        (spec("uniform", "1e-4", 1), "'1e-4' must be a number, but YAML reads it as text: write 1.0e-4"),
        (spec("uniform", 0, "2E5"), "write 2.0e\\+5"),
        (spec("choice", "1e-4", "1e-3"), "write 1.0e-4"),
        (spec("loguniform", 0, 1), r"must have low > 0 .*but got \[0, 1\]"),
        (spec("qloguniform", 0, 1, 0.1), "must have low > 0"),
        (spec("quniform", 0, 1, 0), "must have q > 0"),
        (spec("randint", 3, 3), r"must have lower < upper .*but got \[3, 3\]"),
        (spec("randint", 0.5, 3), "must have whole numbers"),
        (spec("normal", 0, -1), "must have sigma > 0"),
        (spec("qlognormal", 0, 1, -1), "must have q > 0"),
        (spec("choice"), r"at least one value, but got \[\]"),
        (spec("choice", "ce", "ce"), "every choice must be given once, but 'ce' comes twice"),
        (spec("choice", {"gamma": LR}), "a nested choice must have a _name"),
        (spec("choice", "ce", {"_name": "focal"}), "in a nested choice every value must be a mapping with _name"),
        (spec("choice", {"_name": "focal", "gamma": 2}), "x.focal.gamma: must be {_type"),
        (
            spec("choice", {"_name": "focal", "gamma": {"_type": "uniform", "_value": [5, 1]}}),
            "x.focal.gamma: uniform must",
        ),
    ],
)
def test_refuses(space: dict, message: str) -> None:
    (problem,) = problems(space)
    assert re.search(message, problem) or message in problem


def test_every_type_of_nni_is_known() -> None:
    space = {
        "choice": {"_type": "choice", "_value": ["a", 1, None, True, [1, 2]]},
        "nested": LOSS,
        "randint": {"_type": "randint", "_value": [1, 6]},
        "uniform": {"_type": "uniform", "_value": [0, 1]},
        "quniform": {"_type": "quniform", "_value": [0, 1, 0.1]},
        "loguniform": LR,
        "qloguniform": {"_type": "qloguniform", "_value": [1, 100, 1]},
        "normal": {"_type": "normal", "_value": [0, 1]},
        "qnormal": {"_type": "qnormal", "_value": [10, 1, 2]},
        "lognormal": {"_type": "lognormal", "_value": [0, 1]},
        "qlognormal": {"_type": "qlognormal", "_value": [0, 1, 0.5]},
    }
    assert problems(space) == []


def test_corners_vary_one_key_at_a_time_and_enter_every_branch() -> None:
    ce, dice = {"_name": "ce"}, {"_name": "dice"}
    assert list(corners({"optim.lr": LR, "loss": LOSS, "n": {"_type": "randint", "_value": [1, 6]}})) == [
        {"optim.lr": 0.0001, "loss": ce, "n": 1},
        {"optim.lr": 0.1, "loss": ce, "n": 1},
        {"optim.lr": 0.0001, "loss": {"_name": "focal", "gamma": 0}, "n": 1},
        {"optim.lr": 0.0001, "loss": {"_name": "focal", "gamma": 5}, "n": 1},
        {"optim.lr": 0.0001, "loss": dice, "n": 1},
        {"optim.lr": 0.0001, "loss": ce, "n": 5},
    ]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"optim.lrr": LR}, "unknown key 'optim.lrr': did you mean 'optim.lr'"),
        ({"seed": {"_type": "randint", "_value": [0, 5]}}, "seed: a block .* is enumerated, never tuned"),
        ({"data.fold": {"_type": "choice", "_value": [0, 1]}}, "data.fold: a block"),
        (
            {"evaluate.objective": {"_type": "choice", "_value": ["miou", "mean_dice"]}},
            "evaluate.objective: it says by which score trials are compared, the same for all of them: take it out",
        ),
        ({"data": {"_type": "choice", "_value": [{"_name": "a", "fold": LR}]}}, "data.fold: a block"),
        ({"optim.lr": {"_type": "uniform", "_value": [-1, 1]}}, "optim.lr: .*greater than 0, but got -1"),
        (
            {"loss": {"_type": "choice", "_value": [{"_name": "focl"}]}},
            "unknown loss.name 'focl': did you mean 'focal'",
        ),
        ({"loss": {"_type": "choice", "_value": [{"_name": "focal", "gama": LR}]}}, "did you mean 'loss.gamma'"),
    ],
)
def test_a_space_must_fit_the_configuration(space: dict, message: str) -> None:
    assert problems(space) == []
    with pytest.raises(ConfigError, match=message):
        check_space(space, CONFIG)


def test_a_space_that_fits_is_accepted() -> None:
    check_space({"optim.lr": LR, "loss": LOSS}, CONFIG)


def test_every_problem_is_told_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check_space({"optim.lr": {"_type": "uniform", "_value": [-1, 1]}, "loss": LOSS}, CONFIG)
    assert len(str(caught.value).splitlines()) == 1


def test_reads_yaml_and_json(tmp_path: Path) -> None:
    yaml_file, json_file = tmp_path / "a.yml", tmp_path / "a.json"
    yaml_file.write_text("optim.lr: {_type: loguniform, _value: [1.0e-4, 0.1]}\n")
    json_file.write_text(json.dumps({"optim.lr": LR}, indent="\t").replace("0.0001", "1e-4"))
    assert read_space(yaml_file) == {"optim.lr": LR}
    assert read_space(json_file) == {"optim.lr": LR}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {_type: choice, _value: [1]}\na: {_type: choice, _value: [2]}\n", "the key 'a' is given twice"),
        ('{"a": {}, "a": {}}', "the key 'a' is given twice"),
        ("a: [", "must be YAML or JSON"),
        ("- a", "must be a mapping of names, but is a list"),
        ("", "is empty"),
        ("a: !!python/object/apply:os.getcwd []", "must be YAML or JSON"),
        ("a: {_type: uniform, _value: [1e-4, 1]}", "search space bad.yml: a: '1e-4' must be a number"),
    ],
)
def test_refuses_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_space(file)


def test_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the search space must be a file, but .*none\.yml does not exist"):
        read_space(tmp_path / "none.yml")
