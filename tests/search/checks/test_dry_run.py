"""The errors that a dry run finds before a study starts, each with the message that the trial itself would give."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rarepix.config import TrialConfig, updated
from rarepix.search.checks import dry_run
from rarepix.trial.plan import stage_config
from tests.trial.two_stages import PLAN, TwoStageConfig


def problems(config: TrialConfig, **changes: Any) -> list[str]:
    """Return the errors of *config* with *changes*, in whose keys ``__`` stands for a dot."""
    return list(dry_run.dry_run_problems([updated(config, {key.replace("__", "."): v for key, v in changes.items()})]))


def test_a_trial_that_can_run_has_no_problems(tiny_config: TrialConfig) -> None:
    assert problems(tiny_config) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__root": "lost"}, "the dataset must be a folder, but lost does not exist"),
        ({"data__root": "$NOBODY_SET"}, "every variable in a path must be set"),
        ({"data__train_list": "trian"}, "trian"),
        ({"data__folds": 100}, "folds must be from 2 to the number of images, 18, but got 100"),
        ({"model__architecture": "unett"}, "did you mean 'unet'"),
        (
            {"loss__name": "toolbelt/JaccardLoss"},
            "has no way to ignore pixels in a multiclass task, but 11 training",
        ),
        ({"model__encoder": "resnet188"}, "resnet188"),
        ({"model__options": {"decoder_chanels": [1]}}, "did you mean 'decoder_channels'"),
    ],
)
def test_errors_of_data_and_network_are_found(tiny_config: TrialConfig, changes: dict, message: str) -> None:
    (problem,) = problems(tiny_config, **changes)
    assert message in problem


def test_a_training_step_that_a_network_cannot_take_is_refused(tiny_config: TrialConfig) -> None:
    """Batch normalisation of features that are pooled to one pixel needs two images."""
    (problem,) = problems(
        tiny_config,
        model__architecture="deeplabv3plus",
        model__encoder="resnet18",
        model__options={},
        engine__batch_size=1,
    )
    assert problem.startswith("model.architecture='deeplabv3plus' with loss 'ce' cannot take a training step with eng")
    assert problem.endswith("use a larger batch or crop, or another architecture")


def test_a_single_image_is_refused_only_where_the_coarsest_map_has_one_cell(tiny_config: TrialConfig) -> None:
    """The levels of BiFPN have strides up to 128."""
    single = {"model__architecture": "bifpn", "model__encoder": "tu-lcnet_035", "model__options": {}}
    single |= {"model__hypercolumn": "sum", "engine__batch_size": 1}
    (problem,) = problems(tiny_config, **single, crop__size=(128, 128))
    assert "model.architecture='bifpn' with loss 'ce' cannot take a training step with engine.batch_size=1" in problem
    assert problems(tiny_config, **single, crop__size=(128, 160)) == []


def test_without_a_gpu_each_device_normalises_its_own_share_of_a_batch(tiny_config: TrialConfig) -> None:
    deep = {"model__architecture": "deeplabv3plus", "model__encoder": "resnet18", "model__options": {}}
    shared = {"engine__batch_size": 2, "evaluate__batch_size": 2, "engine__device": "cpu"}
    (problem,) = problems(tiny_config, **deep, **shared, engine__devices=2)
    assert "engine.batch_size=2, engine.devices=2" in problem
    assert problems(tiny_config, **deep, **shared, engine__devices=1) == []


def test_a_dataset_description_that_no_trial_can_use_is_refused(tiny_config: TrialConfig, damaged_voc: Path) -> None:
    (damaged_voc / "dataset.json").write_text('{"classes": ["a", "b"], "task": "multilabel"}')
    (problem,) = problems(tiny_config, data__root=str(damaged_voc))
    assert "is multilabel: " in problem


def test_a_missing_gpu_is_refused(tiny_config: TrialConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (problem,) = problems(tiny_config, engine__device="gpu")
    assert problem.startswith("engine.device=gpu needs a GPU that torch can use, but there is none")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "SegmentationClass" / "img03.png").unlink(), "img03"),
        (lambda root: (root / "JPEGImages" / "img04.jpg").write_bytes(b"no image"), "img04"),
        (lambda root: Image.new("L", (9, 9)).save(root / "SegmentationClass" / "img05.png"), "img05"),
        (lambda root: Image.new("L", (96, 64), 77).save(root / "SegmentationClass" / "img06.png"), "77"),
        (lambda root: (root / "ImageSets" / "Segmentation" / "train.txt").write_text(""), "train"),
    ],
)
def test_damaged_data_are_named(
    tiny_config: TrialConfig, damaged_voc: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(damaged_voc)
    lines = problems(tiny_config, data__root=str(damaged_voc))
    assert len(lines) >= 1
    assert message in "\n".join(lines)


def test_every_training_of_a_plan_is_tried(tiny_config: TrialConfig) -> None:
    """The error of the second training is found, that of both is told once, and the plan's own check is asked."""
    config = TwoStageConfig(**tiny_config.model_dump())

    def of_plan(**second: Any) -> list[str]:
        plan = replace(PLAN, stages=lambda given: {"a": stage_config(given), "b": stage_config(given, second)})
        return dry_run.dry_run_problems([config], plan=plan)

    assert of_plan() == []
    (problem,) = of_plan(**{"model.encoder": "resnet188"})
    assert "resnet188" in problem
    expected = "a stage of the plan: optim.warmup must be at most engine.epochs = 2, but got 3"
    assert of_plan(**{"optim.warmup": 3}) == [expected]
    long = updated(config, {"refine.epochs": 51, "data.root": "lost"})
    of_both, of_the_plan = dry_run.dry_run_problems([long], parts=["data"], plan=PLAN)
    assert of_both.startswith("the dataset must be a folder, but lost does not exist")
    assert of_the_plan == "refine.epochs must be at most 50, but got 51"


def test_a_gate_that_only_some_trials_have_is_found(tiny_config: TrialConfig) -> None:
    kinds = [updated(tiny_config, {"gate.kind": kind}) for kind in ("none", "classifier")]
    (problem,) = dry_run.dry_run_problems(kinds, parts=["data"])
    assert problem.startswith("gate.kind='classifier' asks a classifier, but this trial trains one network")


def test_an_error_that_configurations_share_is_reported_once(tiny_config: TrialConfig) -> None:
    lost = updated(tiny_config, {"data.root": "lost"})
    assert (
        len(
            list(
                dry_run.dry_run_problems([lost, updated(lost, {"optim.lr": 0.1}), updated(lost, {"loss.name": "dice"})])
            )
        )
        == 1
    )


def test_it_runs_where_trials_run(tiny_config: TrialConfig, tiny_voc: Path) -> None:
    """A relative path means the same as in a trial."""
    relative = updated(tiny_config, {"data.root": tiny_voc.name})
    with dry_run.DryRun(tiny_voc.parent) as run:
        assert run.problems([relative]) == []


def test_processes_that_were_not_used_are_ended(tmp_path: Path) -> None:
    with dry_run.DryRun(tmp_path) as run:
        pass
    assert [process.returncode for process in run.processes] == [-signal.SIGKILL] * len(dry_run.PARTS)


def test_a_dry_run_that_crashes_is_reported(
    tiny_config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run.sys, "executable", "/bin/false")
    with dry_run.DryRun(tmp_path) as run:
        (problem,) = run.problems([tiny_config])
    assert problem == "a dry run of the trials must run to its end, but ended with exit code 1: it printed nothing"
