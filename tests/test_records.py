"""Records: what is written is read back, and no incomplete file is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from rarepix import layout, records
from rarepix.config import build_config, config_hash
from rarepix.record_splits import ClassCounts, SplitSums
from rarepix.records import Block, ClassPixels, Dataset, Failure, Objective, RecordError, Status, TrialRecord

SCHEMA_1 = Path(__file__).parent / "records" / "schema_1.json"
COUNTS = {"val": {"a": ClassCounts(tp=1, fp=2, fn=3, tn=4), "b": ClassCounts(tp=4, fp=3, fn=2, tn=1)}}
DATASET = Dataset(
    name="d", root="$D", inventory_hash="12", split="random", split_file="split.csv", classes=("a", "b"), rare=("b",),
    images={"val": 2}, pixels={"val": 10}, contents={"val": {"a": ClassPixels(images=2, pixels=4)}},
)  # fmt: skip


def record(**changes) -> TrialRecord:
    given = {
        "study": "s", "trial": "t", "attempt": 1, "status": Status.RUNNING, "started": "2026-01-01T00:00:00+00:00",
        "parameters": {"optim.lr": 0.1, "loss": {"_name": "focal", "gamma": 2.0}}, "config": {"seed": 3},
        "config_hash": "ab", "block": Block(seed=3, fold=1), "versions": {"python": "3"}, "device": "cpu",
    }  # fmt: skip
    return TrialRecord(**(given | changes))


def complete(**changes) -> TrialRecord:
    whole = {"dataset": DATASET, "objective": Objective(name="miou", value=0.5, epoch=2), "counts": COUNTS}
    return record(**({"status": Status.COMPLETE} | whole | changes))


@pytest.mark.parametrize(
    "given",
    [
        record(),
        complete(),
        record(status=Status.FAILED, error=Failure(type="X", message="a\n'b' ≥ c", where="x.py:3")),
        record(status=Status.STOPPED, attempt=2, resumed_from_epoch=4, parameter_id="7", finished="now"),
    ],
    ids=lambda given: given.status.value,
)
def test_round_trip(given, tmp_path):
    records.write(given, tmp_path / "new" / "record.json")
    assert records.read(tmp_path / "new" / "record.json") == given


def test_the_file_has_the_documented_names_and_integers(tmp_path):
    records.write(complete(), tmp_path / "record.json")
    document = json.loads((tmp_path / "record.json").read_text())
    assert document["schema"] == 2
    assert "schema_version" not in document
    assert document["status"] == "complete"
    assert document["counts"] == {
        "val": {"a": {"tp": 1, "fp": 2, "fn": 3, "tn": 4}, "b": {"tp": 4, "fp": 3, "fn": 2, "tn": 1}}
    }
    assert document["parameters"] == {"optim.lr": 0.1, "loss": {"_name": "focal", "gamma": 2.0}}


@pytest.mark.parametrize("missing", ["dataset", "objective", "counts"])
def test_a_complete_record_must_have_its_counts(missing):
    with pytest.raises(ValidationError, match="a complete record must have its dataset, its objective and its counts"):
        complete(**{missing: {} if missing == "counts" else None})


@pytest.mark.parametrize("value", [-1, 1.5, "many", None])
def test_counts_are_integers_from_zero(value):
    with pytest.raises(ValidationError, match="tp"):
        ClassCounts(tp=value, fp=0, fn=0, tn=0)


def test_no_prefix_of_a_record_is_read(tmp_path):
    file = tmp_path / "record.json"
    records.write(complete(), file)
    text = file.read_text().rstrip()
    for length in range(0, len(text), 7):
        file.write_text(text[:length])
        with pytest.raises(RecordError, match=r"record\.json must be a whole record"):
            records.read(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 3}, "must have schema 1 or 2, but has 3: update rarepix to read it"),
        ({"schema": "1"}, "must have schema 1 or 2, but has '1'"),
        ({"schema": True}, "must have schema 1 or 2, but has True"),
        ({"schema": None}, "must have schema 1 or 2, but has None"),
        ({"colour": "red"}, "is not a record of schema 2"),
        ({"status": "done"}, "is not a record of schema 2"),
        ({"counts": {}}, "a complete record must have"),
        ({"schema_version": 1}, "is not a record of schema 2"),
    ],
)
def test_refuses_invalid_records(change, message, tmp_path):
    file = tmp_path / "record.json"
    records.write(complete(), file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(RecordError, match=message):
        records.read(file)


def test_a_record_of_schema_1_is_read():
    """The file was written by a trial of the last version that wrote schema 1."""
    old = records.read(SCHEMA_1)
    assert (old.schema_version, old.status, old.plan) == (1, Status.COMPLETE, "segment")
    assert (old.sums, old.curves, old.stages, old.first_weights, old.dataset.source) == ({}, {}, [], "", None)
    assert (old.gate, old.gated) == (None, {})
    later = dict.fromkeys(("schema_version", "sums", "curves", "stages", "plan", "first_weights"), True)
    later |= {"gate": True, "gated": True, "objective": {"gated"}}
    rewritten = json.loads(old.model_dump_json(exclude=later | {"dataset": {"source"}}))
    document = json.loads(SCHEMA_1.read_text())
    assert rewritten == {key: value for key, value in document.items() if key != "schema"}


def test_the_configuration_in_a_record_of_schema_1_still_has_its_hash():
    old = records.read(SCHEMA_1)
    assert config_hash(build_config(old.config)) == old.config_hash


def test_a_record_may_hold_sums_instead_of_counts(tmp_path):
    """The network of a classifier predicts no masks."""
    present = {"a": ClassCounts(tp=1, fp=0, fn=2, tn=3)}
    classifier = complete(counts={}, sums={"val": SplitSums(presence=present)})
    records.write(classifier, tmp_path / "record.json")
    assert records.read(tmp_path / "record.json") == classifier
    with pytest.raises(ValidationError, match="its counts or sums"):
        complete(counts={}, sums={})


@pytest.mark.parametrize("content", [b"[]", b"3", b"null", b"{}", b"\xff\xfe", b""])
def test_refuses_other_files(content, tmp_path):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(RecordError, match=r"record\.json must be a whole record \(JSON with a schema number\), but"):
        records.read(tmp_path / "record.json")


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(RecordError, match="must be a whole record"):
        records.read(tmp_path / "record.json")


def test_a_value_that_json_lacks_leaves_the_old_record(tmp_path):
    file = tmp_path / "record.json"
    records.write(record(), file)
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write(record(timings={"train": float("nan")}, parameters={"x": float("nan")}), file)
    assert records.read(file) == record()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from rarepix import records
file = Path(sys.argv[1])
old = records.read(file)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    records.write(old.model_copy(update={"attempt": 2}), file)
except OSError as error:
    print(type(error).__name__, error)
    sys.exit(3)
"""


def test_a_full_disk_leaves_the_old_record_and_nothing_else(tmp_path):
    file = tmp_path / "record.json"
    records.write(complete(), file)
    ended = subprocess.run([sys.executable, "-c", DISK_FULL, str(file)], capture_output=True, text=True)
    assert (ended.returncode, "File too large" in ended.stdout) == (3, True), ended.stderr
    assert records.read(file) == complete()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_others_may_read_the_file(tmp_path):
    records.write_text(tmp_path / "a" / "b.txt", "é\n")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "é\n"
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        ("/given", "/variable", "/given"),
        (Path("/given"), None, "/given"),
        (None, "/variable", "/variable"),
        (None, None, "here/results"),
        (None, "", "here/results"),
        ("relative", "/variable", "here/relative"),
    ],
)
def test_results_root(given, variable, expected, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAREPIX_RESULTS", raising=False)
    if variable is not None:
        monkeypatch.setenv("RAREPIX_RESULTS", variable)
    assert layout.results_root(given) == Path(str(expected).replace("here", str(tmp_path)))


def test_study_and_trial_folders(tmp_path):
    assert layout.trial_folder(tmp_path, "s", "t") == tmp_path / "s" / "trials" / "t"
    assert layout.study_folder(tmp_path, "s") == tmp_path / "s"


def test_record_files_are_ordered_and_only_records(tmp_path):
    for trial in ("b", "a", "c"):
        records.write(record(trial=trial), layout.trial_folder(tmp_path, "s", trial) / "record.json")
    (tmp_path / "s" / "trials" / "d").mkdir()
    assert [file.parent.name for file in layout.record_files(tmp_path / "s")] == ["a", "b", "c"]


def test_studies_are_ordered_by_their_newest_record(tmp_path):
    times = {("old", "1"): 10, ("old", "2"): 20, ("new", "1"): 5, ("new", "2"): 30, ("middle", "1"): 25}
    for (study, trial), when in times.items():
        file = layout.trial_folder(tmp_path, study, trial) / "record.json"
        records.write(record(), file)
        os.utime(file, (when, when))
    (tmp_path / "empty" / "trials").mkdir(parents=True)
    assert [study.name for study in layout.studies(tmp_path)] == ["old", "middle", "new"]


def test_without_results_there_are_no_studies(tmp_path):
    assert layout.studies(tmp_path / "nowhere") == []
