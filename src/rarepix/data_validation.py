"""Whether a configuration and its data go together."""

from collections.abc import Mapping
from typing import Any

from rarepix.choices import nearest
from rarepix.config import TrialConfig, flatten
from rarepix.data.source import DataError
from rarepix.data.splits.train_val_test import Splits
from rarepix.labels import LabelSpace
from rarepix.settings import ConfigError

PLACES = ("root", "workers", "cache_gib", "resize", "test_list")
"""Keys of ``data`` that do not change which images train and which validate."""


def split_fingerprint(config: TrialConfig) -> dict[str, Any]:
    """Return by dotted key what decides which images train and which validate."""
    data = {key: value for key, value in config.data.model_dump(mode="json").items() if key not in PLACES}
    return flatten({"seed": config.seed, "data": data})


def check_split_fingerprint(config: TrialConfig, trained_by: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` if *config* divides the data otherwise than the *division* that a network was trained by.

    Its validation part would hold images that the network was trained on.
    """
    ours = split_fingerprint(config)
    other = [key for key in {**trained_by, **ours} if ours.get(key) != trained_by.get(key)]
    if other:
        found = ", ".join(f"{key} is {ours.get(key)!r}, was {trained_by.get(key)!r}" for key in other)
        raise ConfigError(
            f"a part must be as the network's trial divided its data, but {found}: leave that as it was "
            f"(of a checkpoint file: say it with --set), or test a list of the dataset with --list"
        )


def check_classes(config: TrialConfig, labels: LabelSpace) -> None:
    """Raise ``ConfigError`` if the configuration names classes that the dataset does not have, or lacks rare ones."""
    named = {
        "evaluate.rare": config.evaluate.rare,
        "data.allow_absent": config.data.allow_absent,
        "data.scarcity.classes": config.data.scarcity.classes if config.data.scarcity else (),
        "crop.classes": config.crop.classes or (),
        "paste.classes": config.paste.classes or (),
    }
    for key, given in named.items():
        unknown = sorted(set(given) - set(labels.names))
        if unknown:
            raise ConfigError(
                f"{key} must name classes of the dataset ({', '.join(labels.names)}), but got {unknown}: "
                f"{nearest(unknown[0], labels.names)}take one of these"
            )
    if config.evaluate.objective == "rare_iou" and not (config.evaluate.rare or labels.rare):
        raise ConfigError(
            "evaluate.objective=rare_iou needs rare classes, but neither evaluate.rare nor the dataset names any"
        )


def check_devices(config: TrialConfig, parts: Splits) -> None:
    """Raise ``DataError`` unless every device gets shares as large as those of the others, and something to count."""
    devices, each = config.engine.devices, config.evaluate.batch_size
    if devices == 1:
        return
    sizes = parts.by_name["train"].inventory[["height", "width"]].drop_duplicates()
    if config.crop.size is None and not isinstance(config.data.resize, tuple) and len(sizes) > 1:
        raise DataError(
            f"engine.devices={devices} needs training images of one size, but there are {len(sizes)} sizes: "
            f"set crop.size or data.resize=[rows, columns], or use engine.devices=1"
        )
    for name, part in parts.by_name.items():
        batches = -(-len(part.items) // each)
        if name != "train" and batches < devices:
            raise DataError(
                f"each of {devices} devices needs a batch of the part {name!r}, but its {len(part.items)} images are "
                f"{batches} batches of {each}: use a smaller evaluate.batch_size, or fewer engine.devices"
            )


def check_objective(config: TrialConfig, labels: LabelSpace, parts: Splits) -> None:
    """Raise ``DataError`` if the validation part has none of the classes that the objective is of."""
    val = parts.by_name["val"].inventory
    if not val[list(labels.names)].to_numpy().any():
        raise DataError(
            f"the validation part must hold at least one class, but fold {config.data.fold} of split "
            f"{config.data.split!r} has none in its {len(val)} images: use data.split=multilabel, fewer folds or "
            f"another fold, or add images to the list"
        )
    rare = list(config.evaluate.rare or labels.rare)
    if config.evaluate.objective == "rare_iou" and not val[rare].to_numpy().any():
        raise DataError(
            f"evaluate.objective=rare_iou needs a rare class ({', '.join(rare)}) in the validation part, but fold "
            f"{config.data.fold} of split {config.data.split!r} has none: "
            f"use data.split=multilabel, fewer folds or another fold"
        )
