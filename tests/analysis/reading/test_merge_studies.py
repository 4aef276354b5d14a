"""Several studies as one: told apart, comparable, and on blocks of the same data alone."""

import pandas as pd
import pytest

from analysis import load_study

FOCAL = {"_name": "focal", "gamma": 2.0}


@pytest.fixture
def two(make, tmp_path):
    """One study that sampled the loss, one that sampled the sampling; each ran with the other's as in its recipe."""
    recipe = {
        "recipe": "r",
        "loss": {"name": "ce", "gamma": None},
        "sampling": {"kind": "uniform"},
        "data": {"cap": None},
    }
    for trial, loss in (("a0", {"_name": "ce"}), ("a1", FOCAL)):
        make.add(tmp_path / "losses", make.record(trial, parameters={"loss": loss}, config=recipe))
    sampled = {"sampling.kind": "copy_paste", "data.cap": 3}
    make.add(tmp_path / "pasting", make.record("b0", parameters=sampled, config=recipe))
    return [tmp_path / "losses", tmp_path / "pasting"]


def test_each_trial_says_which_study_it_is_of(two):
    tables = load_study(two)
    assert tables.study == "losses + pasting"
    assert dict(zip(tables.trials["trial"], tables.trials["study"], strict=True)) == {
        "a0": "losses",
        "a1": "losses",
        "b0": "pasting",
    }
    for table in (tables.classes, tables.images, tables.curves):
        assert set(table["trial"]) == {"a0", "a1", "b0"}
    assert load_study(two[0]).trials["study"].unique().tolist() == ["losses"]


def test_what_a_study_did_not_sample_is_as_in_its_recipe(two):
    tables = load_study(two)
    rows = tables.trials.set_index("trial")
    assert tables.parameters == ("loss.name", "loss.gamma", "sampling.kind", "data.cap")
    assert rows["loss.name"].to_dict() == {"a0": "ce", "a1": "focal", "b0": "ce"}
    assert rows["sampling.kind"].to_dict() == {"a0": "uniform", "a1": "uniform", "b0": "copy_paste"}
    assert rows.loc["a0", "data.cap"] == "null"  # set to nothing, which a study could have sampled


def test_a_parameter_of_another_branch_stays_missing(two):
    gamma = load_study(two).trials.set_index("trial")["loss.gamma"]
    assert gamma.loc["a1"] == 2.0
    assert gamma.loc[["a0", "b0"]].isna().all()


def test_names_that_meet_are_told_apart_everywhere(make, tmp_path):
    for name in ("one", "two"):
        make.add(tmp_path / name, make.record("t", parameters={"lr": 1.0}))
        (tmp_path / name / "trials" / "empty").mkdir()
    tables = load_study([tmp_path / "one", tmp_path / "two"])
    assert tables.trials["trial"].tolist() == ["one/t", "two/t"]
    for table in (tables.classes, tables.images, tables.curves):
        assert set(table["trial"]) == {"one/t", "two/t"}
    assert tables.left_out["trial"].tolist() == ["one/empty", "two/empty"]
    assert tables.trials["lr"].notna().all()


def test_studies_of_the_same_name_are_told_apart(make, tmp_path):
    for place in ("x", "y"):
        make.add(tmp_path / place / "demo", make.record("t"))
    tables = load_study([tmp_path / "x" / "demo", tmp_path / "y" / "demo"])
    assert tables.trials["study"].tolist() == ["demo", "demo (2)"]
    assert tables.trials["trial"].tolist() == ["demo/t", "demo (2)/t"]


@pytest.mark.parametrize(("other", "block"), [("ab12", ("seed", "fold")), ("cd34", ("inventory_hash", "seed", "fold"))])
def test_trials_of_other_data_share_no_block(make, tmp_path, other, block):
    first = make.record("a")
    make.add(tmp_path / "one", first)
    describe_changes = first.dataset.model_copy(update={"inventory_hash": other})
    make.add(tmp_path / "two", make.record("b", dataset=describe_changes))
    assert load_study([tmp_path / "one", tmp_path / "two"]).block == block


def test_types_survive(two):
    tables, alone = load_study(two), load_study(two[0])
    for name in ("trials", "classes", "images"):
        merge_studies, single = getattr(tables, name).dtypes, getattr(alone, name).dtypes
        shared = [
            column for column in single.index if column in merge_studies and not column.startswith(("loss", "data.cap"))
        ]
        kinds = [column for column in shared if single[column] != "category"]
        pd.testing.assert_series_equal(merge_studies[kinds], single[kinds])
        assert all(merge_studies[column] == "category" for column in shared if single[column] == "category")


def test_one_study_among_empty_ones(make, tmp_path):
    make.add(tmp_path / "one", make.record("a"))
    (tmp_path / "two" / "trials").mkdir(parents=True)
    assert load_study([tmp_path / "two", tmp_path / "one"]).trials["trial"].tolist() == ["a"]


def test_bad_lists_are_refused(two, tmp_path):
    with pytest.raises(ValueError, match="at least one study must be named"):
        load_study([])
    with pytest.raises(ValueError, match="losses is named twice"):
        load_study([two[0], two[1] / ".." / "losses"])
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is a CSV file: use load_table"):
        load_study(tmp_path / "runs.csv")
    with pytest.raises(FileNotFoundError, match="must be a folder with trials"):
        load_study([two[0], tmp_path / "nothing"])


def test_trials_of_other_data_say_of_which(make, tmp_path):
    first = make.record("a")
    make.add(tmp_path / "one", first)
    other = first.dataset.model_copy(update={"inventory_hash": "cd34", "name": "indoor"})
    make.add(tmp_path / "two", make.record("b", dataset=other))
    trials = load_study([tmp_path / "one", tmp_path / "two"]).trials
    assert dict(zip(trials["trial"], trials["dataset"], strict=True)) == {"a": "street", "b": "indoor"}
