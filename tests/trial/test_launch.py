"""A trial of two processes, through its real entrance: the trial of one, and no process left however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch

from rarepix import layout, records
from rarepix.labels import LabelSpace
from rarepix.records import Status
from rarepix.seeding import stable_hash
from rarepix.trial.exit_codes import NON_FINITE
from rarepix.wiring import build_module
from tests.house.source import CHECKOUT
from trials.segment import main

pytestmark = pytest.mark.full

STEADY = ["optim.name=sgd", "optim.lr=0.001", "evaluate.batch_size=2", "paste={_name: copy_paste, donors: uniform}"]
"""Steps so small that rounding stays rounding (AdamW's first steps have one length whatever the gradient)."""


class Run:
    """A trial in a process group of its own, on two devices."""

    def __init__(self, recipe: Path, results: Path, environment: dict[str, str]) -> None:
        self.folder = layout.trial_folder(results, "tiny", "t")
        self.command = [
            sys.executable,
            "-m",
            "trials.segment",
            "--recipe",
            recipe,
            "--results",
            results,
            "--trial",
            "t",
        ]
        self.environment = environment

    def start(self, *settings: str) -> subprocess.Popen:
        """Start it on two devices."""
        said = [word for setting in (*STEADY, *settings, "engine.devices=2") for word in ("--set", setting)]
        return subprocess.Popen(
            [*self.command, *said], env=self.environment, cwd=CHECKOUT, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def done(self, *settings: str) -> tuple[int, str, str]:
        """Run it to its end; return code, output and errors."""
        process = self.start(*settings)
        said = process.communicate(timeout=400)
        return process.returncode, *said

    def ended_after_an_epoch(self, end: Callable[[psutil.Process], None], *settings: str) -> tuple[int, str, str]:
        """Start it, let *end* do something to it after its first epoch, and wait: nothing of it may be left."""
        process = self.start(*settings)
        limit = time.monotonic() + 400
        history = self.folder / "history.csv"
        while (
            not history.is_file() or len(history.read_text().splitlines()) < 3
        ):  # the first epoch's checkpoint is kept
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.02)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        assert len(family) == 3
        end(family[0])
        said = process.communicate(timeout=120)
        _, alive = psutil.wait_procs(family, timeout=60)
        assert alive == []
        return process.returncode, *said

    def here(self, *settings: str) -> None:
        """Run it to its end on one device, in this process."""
        said = [word for setting in (*STEADY, *settings) for word in ("--set", setting)]
        assert main([*map(str, self.command[3:]), *said]) == 0

    @property
    def record(self) -> records.TrialRecord:
        """What it left."""
        return records.read(self.folder / "record.json")


@pytest.fixture
def run(tiny_recipe: Path, tmp_path: Path, environment: dict[str, str]) -> Run:
    return Run(tiny_recipe, tmp_path, environment)


def ranks(family: psutil.Process) -> list[psutil.Process]:
    return [child for child in family.children() if "rarepix.trial.rank" in child.cmdline()]


def parameters(place: Run, names: Iterable[str]) -> torch.Tensor:
    """Return the weights of the last checkpoint as one vector."""
    state = torch.load(place.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return torch.cat([state[name].flatten() for name in names])


def test_two_processes_are_the_trial_of_one(run, tmp_path, tiny_recipe, tiny_config, environment, capsys):
    code, said, errors = run.done()
    assert (code, errors) == (0, "")
    alone = Run(tiny_recipe, tmp_path / "alone", environment)
    alone.here()
    assert said.replace(str(run.folder), "") == capsys.readouterr().out.replace(str(alone.folder), "")  # each once

    record, other = run.record, alone.record
    assert record.config_hash == other.config_hash
    assert (record.status, record.device, record.files) == (Status.COMPLETE, "2 × CPU, 1 threads", other.files)
    assert record.timings.keys() == other.timings.keys()
    assert record.pasting == other.pasting
    assert sum(record.pasting.values()) == tiny_config.engine.epochs * 12
    assert record.pasting["pasted"] > 0
    rows, others = (pd.read_csv(place.folder / "history.csv") for place in (run, alone))
    assert rows[["attempt", "epoch", "step", "lr"]].equals(others[["attempt", "epoch", "step", "lr"]])
    for name in ("train_loss", "val_loss"):
        assert rows[name].tolist() == pytest.approx(others[name].tolist(), rel=1e-4)

    labels = LabelSpace(names=record.dataset.classes, rare=record.dataset.rare)
    torch.manual_seed(stable_hash(tiny_config.seed, "weights") % 2**63)
    before = dict(build_module(tiny_config, labels).named_parameters())
    start = torch.cat([weight.detach().flatten() for weight in before.values()])
    apart = parameters(run, before) - parameters(alone, before)
    assert apart.norm() < 0.1 * (parameters(alone, before) - start).norm()  # batch normalisation of 24 values amplifies


def test_the_same_weights_give_the_same_counts(run, finished):
    """A checkpoint of one process, gone on with by two, which find the training done."""
    shutil.copytree(finished.folder, run.folder)
    kept = pd.read_parquet(run.folder / "images.parquet")
    document = json.loads((run.folder / "record.json").read_text()) | {"status": "failed", "trial": "t"}
    (run.folder / "record.json").write_text(json.dumps(document))
    (run.folder / "images.parquet").unlink()
    code, _, errors = run.done("optim.name=adamw", "optim.lr=0.01", "paste={_name: none}")
    assert (code, errors) == (0, "")
    assert (run.record.attempt, run.record.resumed_from_epoch) == (2, 2)
    assert run.record.counts == finished.record.counts
    assert run.record.objective == finished.record.objective
    pd.testing.assert_frame_equal(pd.read_parquet(run.folder / "images.parquet"), kept)


def test_a_killed_process_fails_the_trial_and_one_process_goes_on_with_it(run):
    code, _, errors = run.ended_after_an_epoch(lambda trial: ranks(trial)[1].kill(), "engine.epochs=20")
    assert code == 1
    cause = "a process of the trial was killed by signal 9"
    assert errors == f"RankFailed: ProcessLost: {cause} (process 1 of a trial on 2 devices)\n"
    assert (run.record.status, run.record.error.type, run.record.error.message) == (Status.FAILED, "ProcessLost", cause)

    run.here("engine.epochs=20")
    assert (run.record.status, run.record.attempt) == (Status.COMPLETE, 2)
    assert run.record.resumed_from_epoch >= 1
    rows = pd.read_csv(run.folder / "history.csv").drop_duplicates("epoch", keep="last")
    assert rows["epoch"].tolist() == list(range(1, 21))
    assert rows["attempt"].iloc[-1] == 2


def test_asked_to_end_it_ends_all(run):
    def terminate(trial: psutil.Process) -> None:
        os.killpg(trial.pid, signal.SIGTERM)

    code, _, _ = run.ended_after_an_epoch(terminate, "engine.epochs=500")
    assert code == 128 + signal.SIGTERM
    assert (run.record.status, run.record.error) == (Status.STOPPED, None)


def test_killed_itself_it_takes_all_along(run):
    code, _, _ = run.ended_after_an_epoch(psutil.Process.kill, "engine.epochs=500")
    assert code == -signal.SIGKILL
    assert run.record.status is Status.RUNNING


def test_the_first_failure_is_the_cause(run):
    code, _, errors = run.done("optim.lr=1e30")
    assert code == NON_FINITE
    assert errors.startswith("RankFailed: NonFiniteLoss: the loss must be finite, but at step ")
    assert len(errors.splitlines()) == 1
    assert (run.record.status, run.record.error.type) == (Status.FAILED, "NonFiniteLoss")
    assert run.record.error.where.startswith("module.py:")


def test_torchrun_is_refused(run):
    run.environment = run.environment | {"TORCHELASTIC_RUN_ID": "x"}
    code, _, errors = run.done()
    assert (code, errors.startswith("RuntimeError: engine.devices starts the processes of a trial itself")) == (1, True)
