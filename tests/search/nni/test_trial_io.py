"""A trial's side of NNI. (What it receives from a real manager is tested in test_study.py.)"""

import math
from pathlib import Path

import pytest

from rarepix.records import Block, ClassCounts, ClassPixels, Dataset, Objective, Status, TrialRecord
from rarepix.search.nni import trial_io

NAN = math.nan


@pytest.mark.parametrize(
    ("platform", "expected"), [(None, False), ("unittest", False), ("local", True), ("remote", True)]
)
def test_connected_tells_whether_nni_started_the_process(
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
