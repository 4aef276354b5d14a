"""A trial's side of NNI. (What it receives from a real manager: tests of studies.)"""

import base64
import json
import math
import zlib
from pathlib import Path

import pytest

from rarepix import records
from rarepix.record_splits import ClassCounts, SplitSums
from rarepix.records import Block, ClassPixels, Dataset, Objective, Status, TrialRecord
from rarepix.search.nni import trial_io
from tests.search import pretend_trial

NAN = math.nan


@pytest.mark.parametrize(
    ("platform", "expected"), [(None, False), ("unittest", False), ("local", True), ("remote", True)]
)
def test_connected_is_whether_nni_started_the_process(
    monkeypatch: pytest.MonkeyPatch, platform: str | None, expected: bool
) -> None:
    monkeypatch.delenv("NNI_PLATFORM", raising=False)
    if platform:
        monkeypatch.setenv("NNI_PLATFORM", platform)
    assert trial_io.connected() is expected


def test_the_logs_of_a_trial_are_linked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NNI_OUTPUT_DIR", str(tmp_path))
    trial_io.show_logs(tmp_path / "logs")
    assert not (tmp_path / "tensorboard").exists(), "a trial without logs"
    for _ in range(2):
        (tmp_path / "logs").mkdir(exist_ok=True)
        trial_io.show_logs(tmp_path / "logs")
    assert (tmp_path / "tensorboard").resolve() == tmp_path / "logs"


def test_the_objective_is_called_default_and_what_is_absent_is_left_out() -> None:
    scores = {"objective": 0.5, "miou": 1, "iou/crow": NAN}
    assert trial_io.to_metrics(scores) == {"default": 0.5, "miou": 1.0}


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"miou": 0.5}, "the objective must be a finite number, but got None"),
        ({"objective": NAN}, "the objective must be a finite number, but got nan"),
        ({"objective": "0.5"}, "the objective must be a finite number, but got '0.5'"),
        ({"objective": 0.5, "loss": math.inf}, r"every score must be a finite number .* but got {'loss': inf}"),
        ({"objective": 0.5, "loss": "low"}, r"every score must be a finite number .* but got {'loss': 'low'}"),
        ({"objective": 0.5, "done": True}, r"but got {'done': True}"),
    ],
)
def test_refuses_what_would_kill_a_tuner(scores: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trial_io.to_metrics(scores)


def test_the_final_report_has_the_scores_of_the_validation_counts() -> None:
    counts = {
        "sky": ClassCounts(tp=6, fp=2, fn=0, tn=2),
        "crow": ClassCounts(tp=0, fp=0, fn=2, tn=8),
        "absent": ClassCounts(tp=0, fp=0, fn=0, tn=10),
    }
    dataset = Dataset(
        name="", root="", inventory_hash="", split="", split_file="", classes=tuple(counts), rare=("crow",),
        images={"val": 1}, pixels={"val": 10},
        contents={"val": {name: ClassPixels(images=1, pixels=1) for name in counts}},
    )  # fmt: skip
    record = TrialRecord(
        study="", trial="", attempt=1, status=Status.COMPLETE, started="", parameters={}, config={}, config_hash="",
        block=Block(seed=0, fold=0), versions={}, device="cpu", dataset=dataset, timings={"fit": 12.5},
        counts={"val": counts, "test": counts}, objective=Objective(name="rare_iou", value=0.125, epoch=3),
    )  # fmt: skip
    metrics = trial_io.to_metrics(trial_io.final_scores(record))
    assert metrics == {
        "default": 0.125,
        "miou": 0.375,
        "rare_iou": 0.0,
        "frequent_iou": 0.75,
        "worst_iou": 0.0,
        "iou/sky": 0.75,
        "iou/crow": 0.0,
        "seconds": 12.5,
    }


def test_the_final_report_has_the_scores_that_the_recipe_names() -> None:
    """Of two classes and ten pixels; the presence is of four images, two of them with the class."""
    counts = {"sky": ClassCounts(tp=6, fp=2, fn=0, tn=2), "crow": ClassCounts(tp=2, fp=0, fn=2, tn=6)}
    sums = SplitSums(confusion=((6, 0), (2, 2)), presence={"crow": ClassCounts(tp=1, fp=1, fn=1, tn=1)})
    dataset = Dataset(
        name="", root="", inventory_hash="", split="", split_file="", classes=("sky", "crow"), rare=("crow",),
        images={"val": 4}, pixels={"val": 10}, contents={"val": {}},
    )  # fmt: skip
    record = TrialRecord(
        study="", trial="", attempt=1, status=Status.COMPLETE, started="", parameters={}, config_hash="",
        config={"evaluate": {"objective": "mean_dice", "scores": ["kappa", "mean_false_alarm_rate", "miou"]}},
        block=Block(seed=0, fold=0), versions={}, device="cpu", dataset=dataset, timings={"fit": 12.5},
        counts={"val": counts}, sums={"val": sums}, objective=Objective(name="mean_dice", value=0.75, epoch=3),
    )  # fmt: skip
    scores = trial_io.final_scores(record)
    by_hand = {
        "objective": 0.75,
        "miou": (6 / 8 + 2 / 4) / 2,
        "rare_iou": 0.5,
        "frequent_iou": 0.75,
        "worst_iou": 0.5,
        "iou/sky": 0.75,
        "iou/crow": 0.5,
        "mean_dice": (12 / 14 + 4 / 6) / 2,
        "kappa": (0.8 - 0.56) / (1 - 0.56),  # 8 of 10 pixels agree, by chance (8 · 6 + 2 · 4) / 100
        "mean_false_alarm_rate": 0.5,
        "seconds": 12.5,
    }
    assert list(scores) == list(by_hand)
    assert scores == pytest.approx(by_hand)


def test_a_trial_without_masks_reports_whether_classes_are_found() -> None:
    presence = {"crow": ClassCounts(tp=3, fp=1, fn=1, tn=3), "owl": ClassCounts(tp=0, fp=0, fn=2, tn=6)}
    dataset = Dataset(
        name="", root="", inventory_hash="", split="", split_file="", classes=("sky", "crow", "owl"), rare=("owl",),
        images={"val": 8}, pixels={"val": 10}, contents={"val": {}},
    )  # fmt: skip
    record = TrialRecord(
        study="", trial="", attempt=1, status=Status.COMPLETE, started="", parameters={}, config={}, config_hash="",
        block=Block(seed=0, fold=0), versions={}, device="cpu", dataset=dataset, timings={"fit": 12.5},
        sums={"val": SplitSums(presence=presence)},
        objective=Objective(name="rare_presence_recall", value=0.0, epoch=3),
    )  # fmt: skip
    assert trial_io.final_scores(record) == {
        "objective": 0.0,
        "mean_presence_recall": 0.375,
        "mean_presence_specificity": 0.875,
        "mean_presence_balanced_accuracy": 0.625,
        "presence_balanced_accuracy/crow": 0.75,
        "presence_balanced_accuracy/owl": 0.5,
        "rare_presence_recall": 0.0,
        "seconds": 12.5,
    }


def test_a_lost_manager_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import nni
    import requests

    def refuse(*_: object) -> None:
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(nni, "get_next_parameter", refuse)
    monkeypatch.setattr(nni, "report_intermediate_result", refuse)
    with pytest.raises(trial_io.ManagerLost, match="NNI's manager must give parameters, but: refused"):
        trial_io.receive()
    with pytest.raises(trial_io.ManagerLost, match="NNI's manager must take a report, but: refused"):
        trial_io.report_intermediate({"objective": 0.5})


def test_a_closed_channel_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import nni

    monkeypatch.setattr(nni, "get_next_parameter", lambda: None)
    with pytest.raises(trial_io.ManagerLost, match="but gave None"):
        trial_io.receive()


def test_the_folder_of_a_study_is_named_after_recipe_and_experiment() -> None:
    assert trial_io.study_name("demo", "a1B2") == "demo-a1B2"


@pytest.fixture
def record() -> records.TrialRecord:
    received = trial_io.Received(parameters={"optim.lr": 0.1}, parameter_id="3", experiment="exp", job="aBcDe")
    return pretend_trial.record("study-exp", received)


def packed(document: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()


def test_a_packed_record_comes_back_without_its_files(record: records.TrialRecord) -> None:
    assert record.files
    assert trial_io.unpack_record(trial_io.pack_record(record)) == record.model_copy(update={"files": {}})


def test_a_thousand_classes_fit_into_a_report(record: records.TrialRecord) -> None:
    """NNI's server takes 50 MB, its database anything; a web page has to load them all."""
    wide = {
        f"class {number}": ClassCounts(tp=number**3, fp=number**2, fn=7, tn=10**9 - number) for number in range(1000)
    }
    assert len(trial_io.pack_record(record.model_copy(update={"counts": {"val": wide, "test": wide}}))) < 64_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no base64!", "must be whole"),
        (base64.b64encode(b"not packed").decode(), "must be whole"),
        (packed(["a", "list"]), "must be whole"),
        (packed({"study": "without a schema"}), "must be whole"),
        (packed({"schema": 99}), "must have schema 1 or 2, but has 99: update rarepix"),
        (packed({"schema": 1, "study": "too little"}), "must be whole"),
        (packed("x" * (trial_io.RECORD_BYTES + 1)), "must be whole"),
    ],
)
def test_a_text_that_is_no_record_is_refused(text: str, message: str) -> None:
    with pytest.raises(trial_io.RecordTransferError, match=message):
        trial_io.unpack_record(text)


def test_the_record_in_a_report_is_saved(record: records.TrialRecord, tmp_path) -> None:
    data = json.dumps(json.dumps({"default": 0.5, trial_io.RECORD_KEY: trial_io.pack_record(record)}))
    assert trial_io.save_reported_record(data, tmp_path / "aBcDe" / "record.json")
    assert records.read(tmp_path / "aBcDe" / "record.json").counts == record.counts


@pytest.mark.parametrize("metrics", [0.5, {"default": 0.5}, {"default": 0.5, trial_io.RECORD_KEY: 0.5}])
def test_a_report_without_a_record_writes_nothing(metrics: object, tmp_path) -> None:
    assert not trial_io.save_reported_record(json.dumps(json.dumps(metrics)), tmp_path / "record.json")
    assert not trial_io.save_reported_record("", tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("platform", "travels"), [("local", False), ("remote", True)])
def test_a_record_is_sent_from_other_machines_only(
    monkeypatch: pytest.MonkeyPatch, record: records.TrialRecord, platform: str, travels: bool
) -> None:
    import nni

    reports: list[dict] = []
    monkeypatch.setenv("NNI_PLATFORM", platform)
    monkeypatch.setattr(nni, "report_final_result", reports.append)
    trial_io.report_final(record)
    assert (trial_io.RECORD_KEY in reports[0]) is travels
    assert {type(value) for key, value in reports[0].items() if key != trial_io.RECORD_KEY} == {float}
