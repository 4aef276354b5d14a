"""The data must have what a configuration asks for. (Classes, devices and rare objectives: see test_wiring.)"""

import pandas as pd
import pytest

from rarepix.config import updated
from rarepix.config_data_checks import check_objective, check_scores, check_split_fingerprint, split_fingerprint
from rarepix.data.source import DataError
from rarepix.data.splits.train_val_test import Split, Splits
from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.settings import ConfigError
from rarepix.wiring import build_data
from tests.layouts import write_lesions

MULTICLASS = LabelSpace(names=("ground", "a"), background=0, rare=("a",))
LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
SOFT = LabelSpace(names=("a", "b"), task=Task.MULTILABEL, scale=SOFT_SCALE)
CLASSIFIER = {"model.architecture": "classifier", "model.options": {}, "loss.name": "presence_bce"}


def test_a_validation_part_without_any_class_is_refused(tiny_config, tmp_path):
    """Nothing could be scored on it: every class is absent as long as the network predicts none."""
    lists = {"data.train_list": "train", "data.val_list": "val", "data.test_list": None, "data.split": "listed"}
    source = {"data.source": "lesions", "data.root": str(write_lesions(tmp_path / "eyes"))}
    config = updated(tiny_config, {**source, **lists, "engine.batch_size": 2})
    with pytest.raises(DataError, match=r"validation part must hold at least one class, .* has none in its 1 images"):
        build_data(config, gpu=False)


@pytest.mark.parametrize(
    ("labels", "parameters", "message"),
    [
        (MULTICLASS, CLASSIFIER, r"objective=miou: .* needs sums of pixels, but there are .* of mean_presence_recall,"),
        (LAYERS, {"evaluate.objective": "kappa"}, "evaluate.objective=kappa: .* needs sums of confusion"),
        (LAYERS, {"evaluate.scores": ["mean_soft_iou"]}, "evaluate.scores=mean_soft_iou: .* needs sums of soft"),
        (MULTICLASS, {"evaluate.scores": ["mean_boundary_iou"]}, "needs sums of surface"),
        (MULTICLASS, {"evaluate.objective": "iou/b"}, "unknown class 'b' of the score 'iou': valid: ground, a"),
        (MULTICLASS, {"evaluate.scores": ["presence_recall/ground"]}, "unknown class 'ground' .*: valid: a"),
        (
            LabelSpace(names=("ground",), background=0),
            CLASSIFIER,
            r"'classifier' says which classes .* has none beside the background \(ground\): use a network without",
        ),
    ],
)
def test_scores_that_a_validation_cannot_give_are_refused(tiny_config, labels, parameters, message):
    with pytest.raises(ConfigError, match=message):
        check_scores(updated(tiny_config, parameters), labels)


@pytest.mark.parametrize(
    ("labels", "parameters"),
    [
        (MULTICLASS, {"evaluate.objective": "kappa", "evaluate.scores": ["mean_false_alarm_rate", "recall/a"]}),
        (MULTICLASS, CLASSIFIER | {"evaluate.objective": "mean_presence_balanced_accuracy"}),
        (LAYERS, {"evaluate.objective": "worst_dice"}),
        (SOFT, {"evaluate.objective": "mean_soft_iou"}),
    ],
)
def test_scores_that_a_validation_gives_are_not(tiny_config, labels, parameters):
    check_scores(updated(tiny_config, parameters), labels)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("rare_dice", r"rare_dice needs a rare class \(dot\) in the validation part, but fold 0 of split 'listed'"),
        ("recall/dot", "objective=recall/dot cannot be told from the validation part, whatever is predicted"),
        ("presence_recall/dot", "objective=presence_recall/dot cannot be told"),
        ("positive_dice/dot", "objective=positive_dice/dot cannot be told"),
    ],
)
def test_an_objective_that_the_validation_part_cannot_tell_is_refused(tiny_config, objective, message):
    """The list ``val`` has no image with a dot."""
    lists = {"data.split": "listed", "data.val_list": "val", "data.test_list": None}
    with pytest.raises(DataError, match=message):
        build_data(updated(tiny_config, lists | {"evaluate.objective": objective}), gpu=False)


def test_an_objective_of_another_class_of_that_part_is_not(tiny_config):
    lists = {"data.split": "listed", "data.val_list": "val", "data.test_list": None}
    for objective in (
        "recall/block",
        "presence_specificity/dot",
        "kappa",
        "sensitivity",
        "class_accuracy",
        "isuei_sum",
    ):
        build_data(updated(tiny_config, lists | {"evaluate.objective": objective}), gpu=False)


def splits_of(*areas: int) -> Splits:
    """Return a validation part of one image of 100 pixels for each of these areas of class a."""
    inventory = pd.DataFrame({"ground": [100 - a for a in areas], "a": areas, "border": 0, "height": 10, "width": 10})
    return Splits({"val": Split([], inventory)}, inventory, pd.Series(dtype=int))


@pytest.mark.parametrize("objective", ["binary_accuracy", "foreground_auroc", "sensitivity_at_false_alarms_05"])
@pytest.mark.parametrize(("areas", "counted"), [((3, 9), "2 .* hold a class and 0 are"), ((0, 0, 0), "0 .* and 3 are")])
def test_an_objective_of_empty_images_and_others_needs_both(tiny_config, objective, areas, counted):
    config = updated(tiny_config, {"evaluate.objective": objective})
    message = (
        f"{objective} needs images with a class and empty images in the validation part, but in fold 0 .* {counted}"
    )
    with pytest.raises(DataError, match=message):
        check_objective(config, MULTICLASS, splits_of(*areas))
    check_objective(config, MULTICLASS, splits_of(3, 0, 9))


def test_the_split_of_an_older_checkpoint_is_the_same(tiny_config):
    """It says ``data.merge`` for every source, which is now a parameter of one."""
    trained_by = split_fingerprint(tiny_config) | {"data.merge": False}
    check_split_fingerprint(tiny_config, trained_by)
    with pytest.raises(ConfigError, match="data.fold is 0, was 1: leave that as it was"):
        check_split_fingerprint(tiny_config, trained_by | {"data.fold": 1})


def test_merged_lesions_are_another_dataset(tiny_config):
    lesions = updated(tiny_config, {"data.source": "lesions"})
    for merge, trained_by in ((True, {"data.merge": False}), (False, {"data.merge": True})):
        config = updated(lesions, {"data.merge": merge})
        with pytest.raises(ConfigError, match="data.merge is"):
            check_split_fingerprint(config, split_fingerprint(config) | trained_by)
