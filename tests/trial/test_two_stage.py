"""A trial of two stages: its record and its gate, stages of finished trials, and how it goes on after a kill."""

from pathlib import Path

import pandas as pd
import pytest

from rarepix import layout
from rarepix.config import load_recipe, updated
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.records import Status
from rarepix.trial.lifecycle import RunContext
from rarepix.trial.run import run
from rarepix.trial.two_stage import TwoStageConfig
from tests.conftest import Finished
from tests.trial.drawn_empty import write_recipe, write_squares

OF_FIRST = {"first.data.resize": 32, "first.optim.lr": 0.05, "first.engine.epochs": 4}
"""The classifier sees images of half the size."""
JUDGED = ("counts", "sums", "gated", "gate", "objective", "stages")
"""What two trials that did the same have in common."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("squares")
    return write_recipe(folder / "squares.yaml", write_squares(folder / "data"))


def context_of(recipe: Path, results: Path, **parameters: object) -> RunContext:
    config = updated(load_recipe(recipe, TwoStageConfig), parameters)
    return RunContext(config=config, results=results, study="s", trial="t", parameters=parameters, plan="two_stage")


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A complete trial. Not to be changed."""
    context = context_of(recipe, tmp_path_factory.mktemp("whole"), **OF_FIRST)
    return Finished(context.folder, run(context))


def stage(trial: Finished, name: str) -> str:
    return str(layout.stage_folder(trial.folder, name))


def test_one_record_tells_of_both_stages_and_of_the_gate(whole):
    record = whole.record
    assert (record.status, record.plan) == (Status.COMPLETE, "two_stage")
    assert [(each.name, each.epochs, each.trial) for each in record.stages] == [("first", 4, ""), ("second", 3, "")]
    assert record.objective.name == "miou"
    assert record.files["best"] == "stages/second/checkpoints/best.ckpt"
    assert all((whole.folder / path).is_file() for path in record.files.values())
    rows = pd.read_csv(whole.folder / "history.csv")
    assert rows["epoch"].tolist() == [*range(1, 8)]
    assert rows["stage"].tolist() == ["first"] * 4 + ["second"] * 3


def test_each_stage_gets_images_of_its_own_size(whole):
    sizes = [load_trained_model(Path(stage(whole, name))).config.data.resize for name in ("first", "second")]
    assert sizes == [32, None]
