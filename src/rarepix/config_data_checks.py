"""Whether a configuration and its data fit together."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rarepix.choices import nearest
from rarepix.config import TrialConfig, flatten
from rarepix.data.foreground import kinds_of
from rarepix.data.inventory import BORDER
from rarepix.data.source import DataError
from rarepix.data.splits.train_val_test import Splits
from rarepix.gates import SUMS, has_choice
from rarepix.labels import LabelSpace, Task
from rarepix.losses.libraries import is_library, why_no_ignored
from rarepix.metrics.pooled_scores import class_names
from rarepix.metrics.sums import sums_taken
from rarepix.scores import EMPTY_IMAGE_SCORES, KINDS_OF, check_score, is_of_rare_classes, score
from rarepix.settings import ConfigError

NOT_OF_THE_SPLIT = ("root", "workers", "cache_gib", "resize", "test_list", "channels", "range")
"""Keys of ``data`` that do not change which images train and which validate."""


def split_fingerprint(config: TrialConfig) -> dict[str, Any]:
    """Return dotted key → value of everything that decides which images train and which validate."""
    data = {key: value for key, value in config.data.model_dump(mode="json").items() if key not in NOT_OF_THE_SPLIT}
    return flatten({"seed": config.seed, "data": data})


def check_split_fingerprint(config: TrialConfig, trained_by: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` if *config* splits the data otherwise than *trained_by*, the fingerprint of a network.

    Its validation split would hold images that the network was trained on.
    """
    # older checkpoints hold a parameter of one source for every source
    fingerprint, trained_by = (
        {key: value for key, value in keys.items() if (key, value) != ("data.merge", False)}
        for keys in (split_fingerprint(config), trained_by)
    )
    if fingerprint["data.split"] == trained_by.get("data.split") == "listed":  # then the seed decides nothing
        trained_by |= {"seed": config.seed}
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
    objective = config.evaluate.objective
    if is_of_rare_classes(objective) and not config.evaluate.rare_classes(labels):
        raise ConfigError(
            f"evaluate.objective={objective} needs rare classes, but neither evaluate.rare nor the dataset names any"
        )


def check_scores(config: TrialConfig, labels: LabelSpace) -> None:
    """Raise ``ConfigError`` if a validation cannot give the scores that the configuration names, or for no presence.

    They need sums that the network's outputs and the masks do not give, or a class that the dataset does not have.
    """
    outputs = config.model.network.outputs
    if "presence" in outputs and not labels.presence_names:
        raise ConfigError(
            f"model.architecture={config.model.architecture!r} says which classes are in an image, but the dataset has "
            f"none beside the background ({', '.join(labels.names)}): use a network without presence head"
        )
    sums, classes = sums_taken(outputs, labels), class_names(labels, config.evaluate)
    names = [("evaluate.objective", config.evaluate.objective)]
    names += [("evaluate.scores", name) for name in config.evaluate.scores]
    for key, name in names:
        try:
            check_score(name, sums, classes)
        except ValueError as error:
            raise ConfigError(f"{key}={name}: {error}") from error


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
    val, objective = splits.by_name["val"].inventory, config.evaluate.objective
    part = f"fold {config.data.fold} of split {config.data.split!r}"
    if not val[list(labels.names)].to_numpy().any():
        raise DataError(
            f"the validation part must hold at least one class, but {part} has none in its {len(val)} images: "
            f"use data.split=multilabel, fewer folds or another fold, or add images to the list"
        )
    rare = list(config.evaluate.rare_classes(labels))
    if is_of_rare_classes(objective) and not val[rare].to_numpy().any():
        raise DataError(
            f"evaluate.objective={objective} needs a rare class ({', '.join(rare)}) in the validation part, but {part} "
            f"has none: use data.split=multilabel, fewer folds or another fold"
        )
    sums = _best_sums(labels, splits)
    if math.isnan(score(objective, sums, class_names(labels, config.evaluate))):
        if objective in EMPTY_IMAGE_SCORES:
            with_class, _, _, empty = sums["foreground"].tolist()
            raise DataError(
                f"evaluate.objective={objective} needs images with a class and empty images in the validation part, "
                f"but in {part} {with_class} images hold a class and {empty} are empty: "
                f"use more images, another fold or another objective"
            )
        raise DataError(
            f"evaluate.objective={objective} cannot be told from the validation part, whatever is predicted: in {part} "
            f"a class that it is of is in none of the {len(val)} images, or in all of them: "
            f"use data.split=multilabel, fewer folds, another fold or another objective"
        )


def check_gate(config: TrialConfig, labels: LabelSpace, splits: Splits) -> None:
    """Raise ``ConfigError`` or ``DataError`` if no gate can be tuned as the configuration asks.

    The classes know no empty image, the validation part holds no empty or no positive ones, or the gate asks for a
    classifier, which a training by itself does not have.
    """
    kind = config.gate.kind
    if kind == "none":
        return
    if "classifier" in kind:
        raise ConfigError(
            f"gate.kind={kind!r} asks a classifier, but this trial trains one network: use the plan two_stage, or tune "
            f"the finished trial with rarepix tune --classifier"
        )
    check_gate_data(config, labels, splits)


def check_gate_data(config: TrialConfig, labels: LabelSpace, splits: Splits) -> None:
    """Raise ``ConfigError`` or ``DataError`` unless a gate is tuned on empty and positive images for a known score."""
    kind = config.gate.kind
    if not labels.presence_names or (labels.background is None and labels.task is Task.MULTICLASS):
        raise ConfigError(
            f"gate.kind={kind!r} needs images without any class, for which there must be a background and a class "
            f"beside it, but the {labels.task} classes are {', '.join(labels.names)}: use gate.kind=none"
        )
    if config.gate.best is not None:
        sums = SUMS["mask" if "mask" in config.model.network.outputs else "presence"]
        try:
            check_score(config.gate.best, sums, class_names(labels, config.evaluate))
        except ValueError as error:
            raise ConfigError(f"gate.best={config.gate.best}: {error}") from error
    positive, empty = kinds_of(splits.by_name["val"].inventory, labels)
    sorts = {"without any class but the background": empty, "with such a class": positive}
    missing = [sort for sort, images in sorts.items() if not images.any()]
    if missing:
        raise DataError(
            f"gate.kind={kind!r} is tuned on empty and on positive images, but none of the {len(positive)} of the "
            f"validation part is one {missing[0]}: use another fold or split, add such images, or use gate.kind=none"
        )
    independent = empty[empty].index.to_series()
    if splits.groups is not None:
        independent = splits.groups.loc[independent]
    if has_choice(kind, len(labels.presence_names), config.gate.best) and independent.nunique() < 2:
        raise DataError(
            f"gate.kind={kind!r} of {len(labels.presence_names)} classes has something to choose, which needs two "
            f"independent empty images in the validation part, one to choose and one to certify, but there is one: "
            f"use another fold or split, add such images, or use gate.kind=none"
        )


def _best_sums(labels: LabelSpace, splits: Splits) -> dict[str, np.ndarray]:
    """Return the sums of a prediction of the validation part that is right everywhere."""
    table = splits.by_name["val"].inventory
    pixels, nothing = table[list(labels.names)].to_numpy(), np.zeros((len(table), labels.count), int)
    others = (table["height"] * table["width"] - table[BORDER]).to_numpy()[:, None] - pixels
    positive, negative = pixels.sum(axis=0), others.sum(axis=0)
    counts = np.stack([pixels, nothing, nothing, others], axis=-1)
    return {
        "pixels": counts.sum(axis=0),
        "confusion": np.diag(positive),
        "soft": np.stack([positive, positive, positive, positive, negative, negative], axis=-1),
        "surface": np.ones((labels.count, len(KINDS_OF["surface"]))),
        **_best_sums_of_presence(counts[:, [labels.names.index(name) for name in labels.presence_names]]),
    }


def _best_sums_of_presence(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the sums that leave the background out, of pixels N K 4 of a prediction that is right everywhere."""
    present = counts[..., 0] > 0
    absent = ~present & (counts[..., 3] > 0)
    any_present = present.any(axis=1, keepdims=True)
    any_absent = ~any_present & absent.any(axis=1, keepdims=True)
    positives = np.append(present, any_present, axis=1).sum(axis=0)
    negatives = np.append(absent, any_absent, axis=1).sum(axis=0)
    zero = np.zeros_like(positives)
    presence = np.stack([positives, zero, zero, negatives], axis=-1)
    dice = np.stack([positives, positives, negatives, negatives], axis=-1)
    # two bins are enough: one of all that is without the class, a higher one of all that is with it
    histogram = np.stack([np.stack([negatives, zero], axis=-1), np.stack([zero, positives], axis=-1)], axis=-2)
    return {
        "presence": presence[:-1],
        "foreground": presence[-1],
        "positive_pixels": counts[any_present[:, 0]].sum(axis=0),
        "image_dice": dice[:-1],
        "presence_histogram": histogram,
    }
