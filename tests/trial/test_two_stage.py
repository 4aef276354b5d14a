"""A trial of two stages: its record and its gate, stages of finished trials, and how it goes on after a kill."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rarepix import layout, records
from rarepix.config import load_recipe, updated
from rarepix.evaluation.checkpoint import CheckpointError, load_trained_model
from rarepix.records import Status, TrialRecord
from rarepix.search.checks.dry_run import dry_run_problems
from rarepix.settings import ConfigError
from rarepix.trial.lifecycle import RunContext
from rarepix.trial.run import run
from rarepix.trial.two_stage import TWO_STAGE, TwoStageConfig
from tests.conftest import Finished
from tests.house.source import CHECKOUT
from tests.trial.drawn_empty import write_recipe, write_squares
from tests.trial.test_plans import kill_when_there_is

OF_FIRST = {"first.data.resize": 32, "first.optim.lr": 0.05, "first.engine.epochs": 4}
"""The classifier sees images of half the size."""
JUDGED = ("counts", "sums", "objective", "stages")


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


def judged(record: TrialRecord) -> dict[str, object]:
    """Return what two trials have in common that did the same."""
    return {name: getattr(record, name) for name in JUDGED}


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


def test_stages_of_a_finished_trial_are_copied_and_make_the_same_trial(whole, recipe, tmp_path):
    taken = {"first.trial": stage(whole, "first"), "second.trial": str(whole.folder)}  # of a trial: what judges it
    context = context_of(recipe, tmp_path, **taken)
    record = run(context)
    assert [(each.name, each.epochs, each.trial) for each in record.stages] == [
        ("first", 0, taken["first.trial"]),
        ("second", 0, taken["second.trial"]),
    ]
    for name in ("counts", "sums"):
        assert getattr(record, name) == getattr(whole.record, name)
    assert record.objective.value == whole.record.objective.value
    assert (record.resumed_from_epoch, record.timings.get("train")) == (None, None)
    for name in ("first", "second"):
        copied, original = (layout.stage_folder(folder, name) for folder in (context.folder, whole.folder))
        best = Path("checkpoints", "best.ckpt")
        assert (copied / best).read_bytes() == (original / best).read_bytes()
        assert load_trained_model(copied).config.model == load_trained_model(original).config.model
    assert (context.folder / "images.parquet").read_bytes() == (whole.folder / "images.parquet").read_bytes()


def test_a_trial_whose_classifier_was_taken_does_not_need_it_again(whole, recipe, tmp_path):
    source = shutil.copytree(whole.folder, tmp_path / "source")
    context = context_of(recipe, tmp_path, **{"first.trial": str(source / "stages/first")})
    record = run(context)
    assert [(each.name, each.epochs) for each in record.stages] == [("first", 0), ("second", 3)]
    # the second stage is the training that it was behind a classifier that was trained
    assert (record.counts, record.sums) == (whole.record.counts, whole.record.sums)
    assert record.objective.value == whole.record.objective.value
    assert pd.read_csv(context.folder / "history.csv")["epoch"].tolist() == [1, 2, 3]

    document = json.loads(context.record_file.read_text())
    context.record_file.write_text(json.dumps(document | {"status": "running"}))
    shutil.rmtree(source)
    again = run(context)
    assert again.attempt == 2
    assert {name: getattr(again, name, None) for name in JUDGED} == {
        name: getattr(record, name, None) for name in JUDGED
    }


def refusals(config: TwoStageConfig) -> list[str]:
    """What a dry run says of the plan itself, which reads the finished trials."""
    return dry_run_problems([config], ["data"], TWO_STAGE)


def test_a_finished_trial_that_does_not_fit_is_refused_before_anything_is_trained(whole, finished, recipe, tmp_path):
    first, second = stage(whole, "first"), stage(whole, "second")
    nowhere = str(tmp_path / "nowhere")
    for parameters, message in [
        ({"first.trial": second}, "a classifier must say which classes are in an image, but .* predicts only masks"),
        (
            {"second.trial": first},
            "the second stage must predict masks, but .* only says which classes are in an image",
        ),
        (
            {"second.trial": str(finished.folder)},
            r"the second stage must be of the classes of the data \(multiclass: ground, red, blue\), but .* is of "
            r"multiclass: ground, block, stripe, dot: give a network of the classes of the data",
        ),
        (
            {"first.trial": nowhere},
            f"first.trial must be the folder of a finished trial or of a finished stage, but got {nowhere}",
        ),
        ({"first.trial": "$NOBODY_SET_THIS"}, "every variable in a path must be set"),
    ]:
        context = context_of(recipe, tmp_path, **parameters)
        with pytest.raises((CheckpointError, ConfigError, FileNotFoundError), match=message):
            run(replace(context, trial=f"t{len(message)}"))
        assert not list(tmp_path.rglob("*.ckpt"))
        assert len(refusals(context.config)) == 1


def test_a_finished_trial_of_another_split_is_refused(whole, recipe, tmp_path):
    """Its network was trained on images of this trial's validation part; lists say that the seed has split nothing."""
    first = {"first.trial": stage(whole, "first")}
    folds = {"data.val_list": None, "data.split": "random", "data.folds": 3}
    context = context_of(recipe, tmp_path, **first, **folds)
    with pytest.raises(ConfigError, match=r"first.trial=.*: the data must be split as in the network's trial, but "):
        run(context)
    assert refusals(context_of(recipe, tmp_path, **first, seed=5).config) == []


def command_of(recipe: Path, results: Path) -> list[str]:
    place = ["--recipe", str(recipe), "--results", str(results), "--study", "s", "--trial", "t"]
    settings = [word for key, value in OF_FIRST.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "trials.two_stage", *place, *settings]


@pytest.mark.parametrize("killed_in", ["first", "second"])
def test_killed_in_either_stage_it_is_the_trial_that_it_would_have_been(
    whole, recipe, tmp_path, environment, killed_in
):
    command = command_of(recipe, tmp_path)
    folder = layout.trial_folder(tmp_path, "s", "t")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment, cwd=CHECKOUT, **pipes)
    kill_when_there_is(layout.stage_folder(folder, killed_in) / "checkpoints" / "last.ckpt", process)
    killed = records.read(folder / "record.json")
    assert (killed.status, len(killed.stages)) == (Status.RUNNING, ["first", "second"].index(killed_in))

    ended = subprocess.run(command, env=environment, cwd=CHECKOUT, **pipes)
    assert ended.returncode == 0, ended.stderr
    record = records.read(folder / "record.json")
    assert record.attempt == 2
    assert record.resumed_from_epoch in ((1, 2, 3, 4) if killed_in == "first" else (5, 6, 7))
    assert judged(record) == judged(whole.record)


def test_a_trial_of_two_stages_on_two_devices(whole, recipe, tmp_path, environment):
    """Each process tunes the same gate, on the whole validation part."""
    command = [*command_of(recipe, tmp_path), "--set", "engine.devices=2"]
    ended = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    record = records.read(layout.trial_folder(tmp_path, "s", "t") / "record.json")
    assert (record.status, [each.name for each in record.stages]) == (Status.COMPLETE, ["first", "second"])
