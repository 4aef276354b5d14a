"""A trial on two devices (CPU processes): it counts every image once, one process writes, and none is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch

from rarepix import layout, records
from rarepix.config import config_hash, updated
from rarepix.records import Status, TrialRecord
from rarepix.trial.launch import run_ranks
from rarepix.trial.lifecycle import NON_FINITE, RankFailed, RunContext, describe_failure, start_attempt
from tests.house.source import CHECKOUT
from tests.trial import two_stages

pytestmark = pytest.mark.full

PASTE = "paste={_name: copy_paste, donors: uniform}"
OBJECTIVE = "evaluate.objective=mean_presence_recall"
SECONDS = 400
"""Limit of every wait: a trial takes a tenth of it on a quiet machine."""


class TwoDeviceTrial:
    """The script ``trials.segment`` on two devices, in a process group of its own."""

    def __init__(self, recipe: Path, results: Path, environment: dict[str, str]) -> None:
        self.folder = layout.trial_folder(results, "tiny", "t")
        self.command = [sys.executable, "-m", "trials.segment", "--recipe", recipe, "--results", results]
        self.command += ["--trial", "t", "--set", "engine.devices=2", "--set", "evaluate.batch_size=2"]
        self.environment = environment

    def start(self, *settings: str) -> subprocess.Popen:
        """Start the trial."""
        options = [word for setting in settings for word in ("--set", setting)]
        return subprocess.Popen(
            [*self.command, *options], env=self.environment, cwd=CHECKOUT, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def finish(self, *settings: str) -> tuple[int, str, str]:
        """Run the trial to its end; return exit code, output and errors."""
        process = self.start(*settings)
        texts = process.communicate(timeout=SECONDS)
        return process.returncode, *texts

    @property
    def record(self) -> TrialRecord:
        """The record that it left."""
        return records.read(self.folder / "record.json")


@pytest.fixture
def trial(tiny_recipe: Path, tmp_path: Path, environment: dict[str, str]) -> TwoDeviceTrial:
    return TwoDeviceTrial(tiny_recipe, tmp_path, environment)


def test_a_trial_on_two_devices(trial, finished, tiny_config):
    code, output, errors = trial.finish(PASTE)
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in output.splitlines()] == ["objective", "objective", "miou"]  # each line once

    record, other = trial.record, finished.record
    assert (record.status, record.attempt, record.device) == (Status.COMPLETE, 1, "2 × CPU, 1 threads")
    files = {str(path.relative_to(trial.folder)) for path in trial.folder.rglob("*") if path.is_file()}
    assert files == {*record.files.values(), "record.json", ".lock"}
    assert sum(record.pasting.values()) == tiny_config.engine.epochs * 12  # every training image of both devices

    images, images_of_one = (pd.read_parquet(folder / "images.parquet") for folder in (trial.folder, finished.folder))
    where = ["split", "image", "class"]
    assert images[where].equals(images_of_one[where])  # every image once, in order
    for split, classes in record.counts.items():
        for name, counts in classes.items():
            of_one = other.counts[split][name]
            assert counts.tp + counts.fn == of_one.tp + of_one.fn  # the pixels of the class
            assert sum(counts.model_dump().values()) == sum(of_one.model_dump().values())

    rows, rows_of_one = (pd.read_csv(folder / "history.csv") for folder in (trial.folder, finished.folder))
    same = ["attempt", "epoch", "step", "lr"]
    assert rows[same].equals(rows_of_one[same])
    # validation and the test of the best checkpoint count the same network, in every process
    assert record.objective.value == pytest.approx(
        rows.loc[rows["epoch"] == record.objective.epoch, "objective"].item()
    )


def test_the_same_weights_give_the_same_counts(trial, finished, tiny_config):
    """A trial of one device whose training is finished is not resumed on two, unless its record says two."""
    shutil.copytree(finished.folder, trial.folder)
    images = pd.read_parquet(trial.folder / "images.parquet")
    document = json.loads((trial.folder / "record.json").read_text()) | {"status": "failed", "trial": "t"}
    (trial.folder / "record.json").write_text(json.dumps(document))
    (trial.folder / "images.parquet").unlink()
    code, _, errors = trial.finish()
    assert (code, errors.partition(":")[0]) == (1, "AttemptError")  # several devices compute something else

    document["config_hash"] = config_hash(updated(tiny_config, {"engine.devices": 2}))
    (trial.folder / "record.json").write_text(json.dumps(document))
    last = trial.folder / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=True)
    state["rarepix"]["stage"]["config_hash"] = document["config_hash"]
    torch.save(state, last)
    code, _, errors = trial.finish()
    assert (code, errors) == (0, "")
    assert (trial.record.attempt, trial.record.resumed_from_epoch) == (2, 2)
    assert trial.record.counts == finished.record.counts
    assert trial.record.sums == finished.record.sums
    assert trial.record.curves == finished.record.curves
    assert trial.record.objective == finished.record.objective
    pd.testing.assert_frame_equal(pd.read_parquet(trial.folder / "images.parquet"), images)


def test_a_trial_of_two_stages_on_two_devices(trial):
    """Each process trains both; the first dies with the second stage half done, which is then all that is trained."""
    trial.command[2] = two_stages.__name__
    process = trial.start()
    limit = time.monotonic() + SECONDS
    while not (trial.folder / "stages" / "refine" / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.002)
    process.kill()
    process.communicate(timeout=SECONDS)
    code, _, errors = trial.finish()
    assert (code, errors) == (0, "")
    record, rows = trial.record, pd.read_csv(trial.folder / "history.csv")
    assert (record.status, record.attempt, record.device) == (Status.COMPLETE, 2, "2 × CPU, 1 threads")
    assert [(stage.name, stage.epochs) for stage in record.stages] == [("coarse", 2), ("refine", 3)]
    assert record.resumed_from_epoch in (3, 4, 5)
    again = rows[rows["attempt"] == 2]
    assert again["epoch"].tolist() == [*range(record.resumed_from_epoch + 1, 6)]
    assert set(again["stage"]) <= {"refine"}

    trial.folder = trial.folder.parents[2] / "whole" / "trials" / "t"
    trial.command += ["--study", "whole"]
    code, _, errors = trial.finish()
    assert (code, errors) == (0, "")
    assert record.counts == trial.record.counts
    assert record.stages == trial.record.stages


@pytest.mark.parametrize(
    "settings",
    [
        ("model.architecture=classifier", "model.options={}", "loss.name=presence_bce", OBJECTIVE),
        ("model.presence=encoder", "loss.name=ce+presence_bce"),
        ("model.presence=encoder", "loss.name=ce+presence_bce", "loss.alpha=0"),
        ("model.presence=encoder", "loss.name=proposed", "sampling.kind=mixed", "optim.name=radam"),
        ("model.presence=encoder", "loss.name=proposed_published", "sampling.kind=over"),
    ],
    ids=["classifier", "both outputs", "an idle head", "proposed", "published, an idle head"],
)
def test_presence_on_two_devices(trial, settings):
    code, _, errors = trial.finish(*settings)
    assert (code, errors) == (0, "")
    for split, sums in trial.record.sums.items():
        for counts in sums.presence.values():
            assert sum(counts.model_dump().values()) == trial.record.dataset.images[split]  # every image once
        curves = trial.record.curves[split]
        assert curves.positive + curves.empty == trial.record.dataset.images[split]
        assert "presence" in curves.images


def test_a_rank_that_fails_fails_the_trial(trial):
    code, _, errors = trial.finish("optim.lr=1e30")
    assert code == NON_FINITE
    assert errors.startswith("RankFailed: NonFiniteLoss: the loss must be finite, but at step ")
    assert len(errors.splitlines()) == 1
    assert (trial.record.status, trial.record.error.type) == (Status.FAILED, "NonFiniteLoss")
    assert trial.record.error.where.startswith("module.py:")


def test_no_process_is_left_when_the_main_process_is_killed(trial):
    process = trial.start("engine.epochs=500")
    limit = time.monotonic() + SECONDS
    while not (trial.folder / "history.csv").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)
    main = psutil.Process(process.pid)
    processes = [main, *main.children(recursive=True)]
    assert len(processes) >= 3  # and a helper of multiprocessing
    main.kill()
    process.communicate(timeout=SECONDS)
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []
    assert trial.record.status is Status.RUNNING


def test_torchrun_is_refused(trial):
    trial.environment = trial.environment | {"TORCHELASTIC_RUN_ID": "x"}
    code, _, errors = trial.finish()
    assert (code, errors.startswith("RuntimeError: engine.devices starts the processes of a trial itself")) == (1, True)


@pytest.fixture
def context(tiny_config, tmp_path) -> RunContext:
    config = updated(tiny_config, {"engine.devices": 2})
    return RunContext(config=config, results=tmp_path, study="s", trial="t", parameters={})


def run_work(work, context: RunContext) -> list[dict]:
    """Let two ranks do *work*; return what they reported."""
    reports = []
    run_ranks(work, replace(context, report=reports.append), start_attempt(context))
    return reports


def sum_up(context: RunContext, record: TrialRecord) -> None:
    import torch

    from rarepix.engine import distributed

    for number in (signal.SIGTERM, signal.SIGINT):  # these are for the supervisor
        os.kill(os.getpid(), number)
    rank = distributed.rank()
    with distributed.main_process_first():
        (context.folder / f"{rank}.began").touch()
        main_was_first = (context.folder / "0.began").is_file()
    total = distributed.all_reduce_sum(torch.tensor([2**60 + rank, -rank]))
    model = torch.nn.BatchNorm1d(1)
    model.running_mean += rank + 7
    distributed.broadcast_buffers(model)
    scores = {"rank": rank, "first": main_was_first, "total": total.tolist(), "mean": model.running_mean.item()}
    context.report(scores | {"main": distributed.is_main_process(), "size": distributed.world_size()})


def test_ranks_add_up_and_report(context):
    reports = sorted(run_work(sum_up, context), key=lambda scores: scores["rank"])
    common = {"first": True, "total": [2**61 + 1, -1], "mean": 7.0, "size": 2}
    assert reports == [{"rank": 0, "main": True} | common, {"rank": 1, "main": False} | common]


def kill_rank_1(context: RunContext, record: TrialRecord) -> None:
    import torch.distributed

    if torch.distributed.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    torch.distributed.barrier()  # rank 0 complains of a lost connection


def exit_from_rank_1(context: RunContext, record: TrialRecord) -> None:
    import torch.distributed

    if torch.distributed.get_rank() == 1:
        os._exit(3)
    time.sleep(SECONDS)


def raise_in_rank_1(context: RunContext, record: TrialRecord) -> None:
    import torch.distributed

    if torch.distributed.get_rank() == 1:
        raise MemoryError("no more")
    time.sleep(SECONDS)


@pytest.mark.parametrize(
    ("work", "cause"),
    [
        (kill_rank_1, "ProcessLost: a process of the trial was killed by signal 9"),
        (exit_from_rank_1, "ProcessLost: a process of the trial ended with code 3"),
        (raise_in_rank_1, "MemoryError: no more"),
    ],
)
def test_the_first_failure_of_a_rank_is_the_cause(context, work, cause):
    with pytest.raises(RankFailed) as failure:
        run_work(work, context)
    assert str(failure.value) == f"{cause} (process 1 of a trial on 2 devices)"
    assert describe_failure(failure.value).type == cause.partition(":")[0]
    ranks = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    assert ranks == []


def test_ranks_end_when_the_supervisor_is_asked_to_end(context):
    pids = []

    def stop(scores: dict) -> None:
        pids.append(scores["pid"])
        raise SystemExit(128 + signal.SIGTERM)

    with pytest.raises(SystemExit):
        run_ranks(report_and_wait, replace(context, report=stop), start_attempt(context))
    assert not psutil.pid_exists(pids[0])


def report_and_wait(context: RunContext, record: TrialRecord) -> None:
    context.report({"pid": os.getpid()})
    time.sleep(SECONDS)
