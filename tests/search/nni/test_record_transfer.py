"""A record as text: all of it comes back but the files, and nothing else is taken for one."""

import base64
import json
import zlib

import pytest

from rarepix import records
from rarepix.search.nni import record_transfer, trial_io
from tests.search import pretend_trial


@pytest.fixture
def record() -> records.TrialRecord:
    received = trial_io.Received(parameters={"optim.lr": 0.1}, parameter_id="3", experiment="exp", job="aBcDe")
    return pretend_trial.record("study-exp", received)


def fold(document: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()


def test_everything_but_the_files_comes_back(record: records.TrialRecord) -> None:
    assert record.files
    assert record_transfer.unpack(record_transfer.pack(record)) == record.model_copy(update={"files": {}})


def test_a_thousand_classes_fit_into_a_report(record: records.TrialRecord) -> None:
    """NNI's server takes 50 MB, its database anything; a web page has to load them all."""
    wide = {
        f"class {number}": records.ClassCounts(tp=number**3, fp=number**2, fn=7, tn=10**9 - number)
        for number in range(1000)
    }
    assert len(record_transfer.pack(record.model_copy(update={"counts": {"val": wide, "test": wide}}))) < 64_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no base64!", "must be whole"),
        (base64.b64encode(b"not packed").decode(), "must be whole"),
        (fold(["a", "list"]), "must be whole"),
        (fold({"study": "without a schema"}), "must be whole"),
        (fold({"schema": 99}), "must have schema 1, but has 99: update rarepix"),
        (fold({"schema": 1, "study": "too little"}), "must be whole"),
        (fold("x" * (record_transfer.LIMIT + 1)), "must be whole"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(record_transfer.RecordTransferError, match=message):
        record_transfer.unpack(text)


def test_the_record_in_a_report_is_kept(record: records.TrialRecord, tmp_path) -> None:
    data = json.dumps(json.dumps({"default": 0.5, record_transfer.KEY: record_transfer.pack(record)}))
    assert record_transfer.keep(data, tmp_path / "aBcDe" / "record.json")
    assert records.read(tmp_path / "aBcDe" / "record.json").counts == record.counts


@pytest.mark.parametrize("metrics", [0.5, {"default": 0.5}, {"default": 0.5, record_transfer.KEY: 0.5}])
def test_a_report_without_a_record_leaves_nothing(metrics: object, tmp_path) -> None:
    assert not record_transfer.keep(json.dumps(json.dumps(metrics)), tmp_path / "record.json")
    assert not record_transfer.keep("", tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("platform", "travels"), [("local", False), ("remote", True)])
def test_a_record_travels_from_other_machines_alone(
    monkeypatch: pytest.MonkeyPatch, record: records.TrialRecord, platform: str, travels: bool
) -> None:
    import nni

    said: list[dict] = []
    monkeypatch.setenv("NNI_PLATFORM", platform)
    monkeypatch.setattr(nni, "report_final_result", said.append)
    trial_io.report_final(record)
    assert (record_transfer.KEY in said[0]) is travels
    assert {
        kind for key, kind in ((key, type(value)) for key, value in said[0].items()) if key != record_transfer.KEY
    } == {float}
