"""A trial of two stages: its record and its gate, stages of finished trials, and how it goes on after a kill."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pandas as pd
import pytest
import torch

from rarepix import layout, records
from rarepix.config import load_recipe, updated
from rarepix.data.source import DataError
from rarepix.data.sources import source_of
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.evaluation.test import run_test, select_items
from rarepix.record_sums import record_sums
from rarepix.records import Status, TrialRecord
from rarepix.scores import score
from rarepix.search.checks.dry_run import dry_run_problems
from rarepix.search.nni.trial_io import final_scores
from rarepix.settings import ConfigError
from rarepix.trial.lifecycle import RunContext
from rarepix.trial.run import run
from rarepix.trial.two_stage import TWO_STAGE, TwoStageConfig
from tests.conftest import Finished
from tests.house.source import CHECKOUT
from tests.trial.drawn_empty import PARTS, SIDE, write_recipe, write_squares
from tests.trial.test_plans import kill_when_there_is

OF_FIRST = {"first.data.resize": 32, "first.optim.lr": 0.02, "first.engine.epochs": 6}
"""The classifier sees images of half the size."""
JUDGED = ("counts", "sums", "gated", "objective", "stages")


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
    # the files of their checkpoints hold how long they took
    return {name: getattr(record, name) for name in JUDGED} | record.gate.model_dump(include={"gate", "certificate"})


def stage(trial: Finished, name: str) -> str:
    return str(layout.stage_folder(trial.folder, name))


def test_one_record_tells_of_both_stages_and_of_the_gate(whole):
    record = whole.record
    assert (record.status, record.plan) == (Status.COMPLETE, "two_stage")
    assert [(each.name, each.epochs, each.trial) for each in record.stages] == [("first", 6, ""), ("second", 4, "")]
    assert record.objective.name == "miou"
    assert record.files["best"] == "stages/second/checkpoints/best.ckpt"
    assert all((whole.folder / path).is_file() for path in record.files.values())
    rows = pd.read_csv(whole.folder / "history.csv")
    assert rows["epoch"].tolist() == [*range(1, 11)]
    assert rows["stage"].tolist() == ["first"] * 6 + ["second"] * 4


def test_each_stage_gets_images_of_its_own_size(whole):
    sizes = [load_trained_model(Path(stage(whole, name))).config.data.resize for name in ("first", "second")]
    assert sizes == [32, None]


def presence_of(trial: Finished, part: str) -> pd.DataFrame:
    """Return image × class: the probability by which the first stage says that the class is there."""
    trained = load_trained_model(Path(stage(trial, "first")))
    items = source_of(trained.config.data).items(part)
    rows = {}
    for item in items:
        image = cv2.imread(str(item.image))[..., ::-1]
        small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
        tensor = torch.from_numpy(small.copy()).permute(2, 0, 1)[None]
        with torch.inference_mode():
            rows[item.id] = trained.module(tensor).presence[0].double().sigmoid().tolist()
    return pd.DataFrame.from_dict(rows, orient="index", columns=trained.labels.presence_names)


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_class_that_the_first_stage_does_not_see_is_emptied(whole, part):
    """Worked out image by image, from the counts without a gate and from what the classifier says of the image."""
    record, images = whole.record, pd.read_parquet(whole.folder / "images.parquet")
    gate = record.gate.gate
    seen = presence_of(whole, part) > list(gate.presence)
    assert 0 < seen.to_numpy().sum() < seen.size
    of_part = images[images["split"] == part].set_index(["image", "class"])
    for name in gate.classes:
        rows = of_part.xs(name, level="class").loc[seen.index]
        kept = seen[name]
        counts = record.gated[part].counts[name]
        assert (counts.tp, counts.fp) == (rows.loc[kept, "tp"].sum(), rows.loc[kept, "fp"].sum())
        assert counts.fn == rows["fn"].sum() + rows.loc[~kept, "tp"].sum()
        assert sum(counts.model_dump().values()) == rows[["tp", "fp", "fn", "tn"]].to_numpy().sum()
    # what is emptied becomes background: every pixel is predicted to be one thing, and what is true stays
    before, behind = record.counts[part], record.gated[part].counts
    assert sum(counts.tp + counts.fp for counts in behind.values()) == len(seen) * SIDE**2
    assert [counts.tp + counts.fn for counts in behind.values()] == [each.tp + each.fn for each in before.values()]


def test_the_objective_is_that_of_what_is_behind_the_gate(whole):
    record = whole.record
    sums, classes = record_sums(record, "val", gated=True)
    assert record.objective.gated
    assert record.objective.value == pytest.approx(score("miou", sums, classes))
    without = record.stages[1].objective.value
    assert without == pytest.approx(score("miou", *record_sums(record, "val")))
    assert abs(record.objective.value - without) > 0.01  # there was something for the gate to do
    assert final_scores(record)["miou"] == record.objective.value


def test_the_gate_lies_beside_the_checkpoint_and_goes_where_the_trial_goes(whole, tmp_path):
    moved = shutil.copytree(whole.folder, tmp_path / "moved")
    trained = load_trained_model(moved, gated=True)
    assert trained.gate == whole.record.gate
    assert trained.classifier.checkpoint.resolve() == (moved / "stages/first/checkpoints/best.ckpt").resolve()
    part, _, items = select_items(trained, part="test", listed=None)
    document = run_test(trained, items, {"part": part}, tmp_path / "test")
    sums, classes = record_sums(whole.record, "test", gated=True)
    assert document["scores"]["miou"] == pytest.approx(score("miou", sums, classes))


def test_stages_of_a_finished_trial_are_copied_and_make_the_same_trial(whole, recipe, tmp_path):
    taken = {"first.trial": stage(whole, "first"), "second.trial": str(whole.folder)}  # of a trial: what judges it
    context = context_of(recipe, tmp_path, **taken)
    record = run(context)
    assert [(each.name, each.epochs, each.trial) for each in record.stages] == [
        ("first", 0, taken["first.trial"]),
        ("second", 0, taken["second.trial"]),
    ]
    for name in ("counts", "sums", "gated", "gate"):
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
    assert [(each.name, each.epochs) for each in record.stages] == [("first", 0), ("second", 4)]
    # the second stage is the training that it was behind a classifier that was trained
    assert (record.counts, record.sums, record.gated) == (whole.record.counts, whole.record.sums, whole.record.gated)
    assert record.objective.value == whole.record.objective.value
    assert pd.read_csv(context.folder / "history.csv")["epoch"].tolist() == [1, 2, 3, 4]

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
    cases = [
        ({"first.trial": second}, "a classifier must say which classes are in an image, but .* predicts only masks"),
        (
            {"second.trial": first},
            "the second stage must predict masks, but .* only says which classes are in an image",
        ),
        (
            {"second.trial": str(finished.folder)},
            r"the second stage must be of the classes of the data \(multiclass: ground, red, blue\), but .* is of "
            r"multiclass: ground, block, stripe, dot: give one that was trained on these classes",
        ),
        (
            {"second.trial": second, "evaluate.flips": ["horizontal"], "data.resize": 48},
            r"second.trial=.*: a network that is taken predicts as in its own trial, .*, but evaluate.flips is "
            r"\['horizontal'\], was \[\], data.resize is 48, was None: give these keys as they were",
        ),
        (
            {"first.trial": nowhere},
            f"first.trial must be the folder of a finished trial or of a finished stage, but got {nowhere}",
        ),
        ({"first.trial": "$NOBODY_SET_THIS"}, "every variable in a path must be set"),
    ]
    for number, (parameters, message) in enumerate(cases):
        context = context_of(recipe, tmp_path, **parameters)
        with pytest.raises((CheckpointError, ConfigError, FileNotFoundError), match=message):
            run(replace(context, trial=f"t{number}"))
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


@pytest.mark.full
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
    *_, last = ended.stdout.splitlines()
    assert ", with the gate): " in last
    assert "sensitivity: " in ended.stdout
    record = records.read(folder / "record.json")
    assert record.attempt == 2
    assert record.resumed_from_epoch in (range(1, 7) if killed_in == "first" else range(7, 11))
    assert judged(record) == judged(whole.record)


@pytest.mark.full
def test_a_trial_of_two_stages_on_two_devices(whole, recipe, tmp_path, environment):
    """Each process tunes the same gate, on the whole validation part."""
    command = [*command_of(recipe, tmp_path), "--set", "engine.devices=2"]
    ended = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    record = records.read(layout.trial_folder(tmp_path, "s", "t") / "record.json")
    assert (record.status, [each.name for each in record.stages]) == (Status.COMPLETE, ["first", "second"])
    for split, gated in record.gated.items():
        assert sum(gated.sums.foreground.model_dump().values()) == PARTS[split]  # every image once
    certificate = record.gate.certificate
    assert certificate.images + certificate.chosen_on["empty"] == PARTS["val"] // 2


@pytest.mark.parametrize(
    ("empty", "missing"), [("none", "without any class but the background"), ("all", "with such a class")]
)
def test_a_validation_part_that_can_tune_no_gate_is_refused_before_anything_is_trained(tmp_path, empty, missing):
    recipe = write_recipe(tmp_path / "r.yaml", write_squares(tmp_path / "data", empty=empty))
    message = f"is tuned on empty and on positive images, but none of the 24 of the validation part is one {missing}"
    context = context_of(recipe, tmp_path)
    with pytest.raises(DataError, match=message):
        run(context)
    assert any(message in line for line in refusals(context.config))
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize(("key", "value"), [("objective", "kappa"), ("scores", ["kappa"])])
def test_a_score_that_is_not_known_behind_a_gate_is_refused(recipe, tmp_path, key, value):
    message = rf"evaluate.{key} of two stages is of the masks behind the gate, but .*'kappa' needs sums of confusion"
    with pytest.raises(ConfigError, match=message):
        run(context_of(recipe, tmp_path, **{f"evaluate.{key}": value}))
