"""Whether a configuration and its data fit together."""

from collections.abc import Mapping
from typing import Any

from rarepix.choices import nearest
from rarepix.config import TrialConfig, flatten
from rarepix.data.inventory import BORDER
from rarepix.data.source import DataError
from rarepix.data.splits.train_val_test import Splits
from rarepix.labels import LabelSpace
from rarepix.losses.libraries import is_library, why_no_ignored
from rarepix.settings import ConfigError

NOT_OF_THE_SPLIT = ("root", "workers", "cache_gib", "resize", "test_list")
"""Keys of ``data`` that do not change which images train and which validate."""


def split_fingerprint(config: TrialConfig) -> dict[str, Any]:
    """Return dotted key → value of everything that decides which images train and which validate."""
    data = {key: value for key, value in config.data.model_dump(mode="json").items() if key not in NOT_OF_THE_SPLIT}
    return flatten({"seed": config.seed, "data": data})


def check_split_fingerprint(config: TrialConfig, trained_by: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` if *config* splits the data otherwise than *trained_by*, the fingerprint of a network.

    Its validation split would hold images that the network was trained on.
    """
    fingerprint = split_fingerprint(config)
    different = [key for key in {**trained_by, **fingerprint} if fingerprint.get(key) != trained_by.get(key)]
    if different:
        changes = ", ".join(f"{key} is {fingerprint.get(key)!r}, was {trained_by.get(key)!r}" for key in different)
        raise ConfigError(
            f"the data must be split as in the network's trial, but {changes}: leave that as it was "
            f"(for a checkpoint file: give it with --set), or test a list of the dataset with --list"
        )


def check_classes(config: TrialConfig, labels: LabelSpace) -> None:
    """Raise ``ConfigError`` if the configuration names classes that the dataset does not have, or lacks rare ones."""
    classes_by_key = {
        "evaluate.rare": config.evaluate.rare,
        "data.allow_absent": config.data.allow_absent,
        "data.scarcity.classes": config.data.scarcity.classes if config.data.scarcity else (),
        "crop.classes": config.crop.parameters().get("classes", ()),
        "paste.classes": config.paste.parameters().get("classes", ()),
    }
    for key, classes in classes_by_key.items():
        unknown = sorted(set(classes) - set(labels.names))
        if unknown:
            raise ConfigError(
                f"{key} must name classes of the dataset ({', '.join(labels.names)}), but got {unknown}: "
                f"{nearest(unknown[0], labels.names)}take one of these"
            )
    if config.evaluate.objective == "rare_iou" and not config.evaluate.rare_classes(labels):
        raise ConfigError(
            "evaluate.objective=rare_iou needs rare classes, but neither evaluate.rare nor the dataset names any"
        )


def check_devices(config: TrialConfig, splits: Splits) -> None:
    """Raise ``DataError`` if one of several devices gets no batch of a split that is evaluated."""
    devices, batch_size = config.engine.devices, config.evaluate.batch_size
    for name, split in splits.by_name.items():
        batches = -(-len(split.items) // batch_size)
        if name != "train" and devices > 1 and batches < devices:
            raise DataError(
                f"each of {devices} devices needs a batch of the part {name!r}, but its {len(split.items)} images are "
                f"{batches} batches of {batch_size}: use a smaller evaluate.batch_size, or fewer engine.devices"
            )


def check_loss(config: TrialConfig, labels: LabelSpace, splits: Splits) -> None:
    """Raise ``ConfigError`` if the loss is one of a library that cannot ignore pixels, and images have ignored ones."""
    name, arguments = config.loss.name, config.loss.given().get("arguments", {})
    problem = why_no_ignored(name, labels.task, arguments, labels.ignore) if is_library(name) else ""
    ignoring = {split: int((splits.by_name[split].inventory[BORDER] > 0).sum()) for split in ("train", "val")}
    if problem and any(ignoring.values()):
        raise ConfigError(
            f"loss.name={name!r} {problem}, but {ignoring['train']} training and {ignoring['val']} validation images "
            f"have ignored pixels ({labels.ignore}): use a loss of the project, or data without ignored pixels"
        )


def check_objective(config: TrialConfig, labels: LabelSpace, splits: Splits) -> None:
    """Raise ``DataError`` if the validation part holds no class, or none that the objective is made of."""
    val = splits.by_name["val"].inventory
    if not val[list(labels.names)].to_numpy().any():
        raise DataError(
            f"the validation part must hold at least one class, but fold {config.data.fold} of split "
            f"{config.data.split!r} has none in its {len(val)} images: use data.split=multilabel, fewer folds or "
            f"another fold, or add images to the list"
        )
    rare = list(config.evaluate.rare_classes(labels))
    if config.evaluate.objective == "rare_iou" and not val[rare].to_numpy().any():
        raise DataError(
            f"evaluate.objective=rare_iou needs a rare class ({', '.join(rare)}) in the validation part, but fold "
            f"{config.data.fold} of split {config.data.split!r} has none: "
            f"use data.split=multilabel, fewer folds or another fold"
        )
