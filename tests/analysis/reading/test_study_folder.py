"""A study's folder read: what cannot be read costs only itself, a copy is no second trial, a default is known."""

import json
import shutil

import pytest

from analysis import load_study
from rarepix.record_splits import ClassCounts
from rarepix.records import Objective, Status, read, write


def reasons(tables) -> dict[tuple[str, str], str]:
    return {(row.trial, row.file): row.reason for row in tables.left_out.itertuples()}


def test_a_record_that_is_a_folder_is_left_out(make, tmp_path):
    make.add(tmp_path / "s", make.record("t"))
    (tmp_path / "s" / "trials" / "odd" / "record.json").mkdir(parents=True)
    tables = load_study(tmp_path / "s")
    assert tables.trials["trial"].tolist() == ["t"]
    assert "Is a directory" in reasons(tables)["odd", "record.json"]


def test_a_copied_folder_is_no_second_trial(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("zebra"))
    shutil.copytree(folder, folder.with_name("a copy"))  # sorts first
    tables = load_study(tmp_path / "s")
    assert tables.trials["trial"].tolist() == ["zebra"]
    assert set(tables.curves["trial"]) == set(tables.images["trial"]) == {"zebra"}
    assert "a copy of trial 'zebra'" in reasons(tables)["a copy", "record.json"]


def test_of_two_copies_without_their_original_one_counts(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("t"))
    shutil.copytree(folder, folder.with_name("b"))
    folder.rename(folder.with_name("a"))
    tables = load_study(tmp_path / "s")
    assert tables.trials["trial"].tolist() == ["a"]
    assert "a copy of trial 'a'" in reasons(tables)["b", "record.json"]


@pytest.mark.parametrize("how", [{"started": "2024-05-02T10:00:00+00:00"}, {"parameter_id": "7"}])
def test_an_honest_repeat_stays(make, tmp_path, how):
    """The same configuration on the same block, run again."""
    first = make.record("one", parameters={"optim.lr": 0.1})
    make.add(tmp_path / "s", first)
    make.add(tmp_path / "s", first.model_copy(update={"trial": "two", **how}))
    tables = load_study(tmp_path / "s")
    assert tables.trials["trial"].tolist() == ["one", "two"]
    assert tables.trials["config_hash"].nunique() == 1
    assert tables.left_out.empty


def test_a_complete_trial_without_an_objective_is_told(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("t"))
    record = json.loads((folder / "record.json").read_text())
    record["objective"]["value"] = float("nan")
    (folder / "record.json").write_text(json.dumps(record))
    tables = load_study(tmp_path / "s")
    assert tables.trials["objective"].isna().all()
    assert "its objective is no number" in reasons(tables)["t", "objective"]


def test_a_class_that_is_nowhere_is_told(make, tmp_path):
    counts = {"val": {"a": ClassCounts(tp=1, fp=0, fn=0, tn=9), "b": ClassCounts(tp=0, fp=0, fn=0, tn=10)}}
    for trial in ("t0", "t1"):
        make.add(tmp_path / "s", make.record(trial, counts=counts, dataset=None, status=Status.STOPPED))
    assert list(reasons(load_study(tmp_path / "s"))) == [("", "class 'b'")]


def test_only_failed_trials_are_rows_without_scores(make, tmp_path):
    empty = {"objective": None, "counts": {}, "timings": {}, "dataset": None, "status": Status.FAILED}
    make.add(tmp_path / "s", make.record("t", **empty))
    tables = load_study(tmp_path / "s")
    assert tables.trials["status"].tolist() == ["failed"]
    assert tables.classes.empty
    assert tables.classes.columns.tolist()[:3] == ["trial", "split", "class"]


def test_attempts_that_left_a_validation_are_counted(tables):
    rows = tables.trials.set_index("trial")
    assert (rows.loc["t000", "attempt"], rows.loc["t000", "attempts"]) == (2, 2)
    assert (rows.loc["t001", "attempt"], rows.loc["t001", "attempts"]) == (1, 1)


def test_the_default_is_that_of_the_ledger(make, tmp_path):
    make.add(tmp_path / "s", make.record("t"))
    ledger = tmp_path / "s" / "search" / "ledger.jsonl"
    ledger.parent.mkdir()
    ledger.write_text(json.dumps({"settings": {}, "default": {"optim.lr": 0.1, "loss": {"_name": "ce"}}}) + "\n")
    assert load_study(tmp_path / "s").default == {"optim.lr": 0.1, "loss.name": "ce"}
    ledger.write_text('{"settings": {}, "default": "ce"}\n')
    tables = load_study(tmp_path / "s")
    assert tables.default is None
    assert "must begin with the settings of its search" in reasons(tables)["", "search/ledger.jsonl"]


def test_scores_follow_what_every_study_has(make, tmp_path):
    """So that a table that is read by eye begins alike."""
    make.add(tmp_path / "s", make.record("t"))
    columns = load_study(tmp_path / "s").trials.columns.tolist()
    assert columns[:3] == ["trial", "study", "attempt"]
    assert columns[columns.index("resumed_from_epoch") + 1] == "val_miou"


def test_a_record_written_again_is_read_again(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("t"))
    assert load_study(tmp_path / "s").trials["epoch"].tolist() == [9]
    record = read(folder / "record.json")
    write(record.model_copy(update={"objective": Objective(name="miou", value=0.1, epoch=3)}), folder / "record.json")
    assert load_study(tmp_path / "s").trials["epoch"].tolist() == [3]


def test_a_record_with_wrong_fields_is_told_in_one_line(make, tmp_path):
    """The first field and what is wrong with it, and nothing of the library that found it."""
    folder = make.add(tmp_path / "s", make.record("t"))
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record | {"attempt": "many", "block": {"seed": "x", "fold": 0}}))
    reason = reasons(load_study(tmp_path / "s"))["t", "record.json"]
    assert reason.startswith("it is not a record of schema 1 or 2: attempt: Input should be a valid integer")
    assert reason.endswith("(1 more of its fields is wrong)")
    assert "http" not in reason
    assert "\n" not in reason


def test_a_record_that_contradicts_itself_is_told_in_one_line(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("t"))
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record | {"counts": {}}))
    reason = reasons(load_study(tmp_path / "s"))["t", "record.json"]
    assert "a complete record must have its dataset, its objective and its counts" in reason
    assert "http" not in reason
    assert "\n" not in reason


def test_trials_that_are_judged_by_different_scores_are_told(make, tmp_path):
    names = ["miou", "mean_dice", "miou"]
    for number, name in enumerate(names):
        make.add(tmp_path / "s", make.record(f"t{number}", objective=Objective(name=name, value=0.5, epoch=9)))
    assert reasons(load_study(tmp_path / "s")) == {
        ("", "objective"): "trials must have one evaluate.objective to be compared by it, but have several (miou in 2, "
        "mean_dice in 1): put the trials of each into a folder of their own"
    }
