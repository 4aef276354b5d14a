"""Two stages: the mask of the second becomes background where the first finds no class in the image.

Published for full-background images: a classifier, and a network that was trained on images with foreground or on all.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rarepix.data.source import Item
from rarepix.data.sources import source_of
from rarepix.data.splits.train_val_test import make_splits
from rarepix.evaluation.checkpoint import CheckpointError, TrainedModel
from rarepix.evaluation.full_background import Advance, check_background, item_loader, no_bar, numbers
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction
from rarepix.paths import cache_root, expand
from rarepix.scores import Sums, pool
from rarepix.settings import ConfigError

ALONE, GATED, BY_CLASS = "second stage alone", "two stages", "two stages, by class"
"""How a mask is kept: as it is; where the first stage finds any class; each class that it finds."""


class Stages(NamedTuple):
    """Two trained networks of the same classes."""

    first: TrainedModel
    """Says which classes are in an image."""
    second: TrainedModel
    """Predicts masks."""


def evaluate_two(
    stages: Stages, items: Sequence[Item], advance: Advance = no_bar, threshold: float = 0.5
) -> dict[str, dict[str, float]]:
    """Return ``PUBLISHED`` and ``OURS`` for each way of keeping a mask: ``ALONE``, ``GATED``, and with several classes
    ``BY_CLASS``.

    Each stage sees the images in its own size. The first finds a class where its probability is above *threshold*. What
    ranks images (AUROC, false alarms at a sensitivity) is the first stage's probability, of gated masks.

    Raises:
        CheckpointError: the stages are of other classes.
        ConfigError: a stage does not predict what it has to.
        DataError: an image or mask cannot be read.
    """
    first, second = stages
    check_stages(stages)
    logits = presence_logits(first, items, advance)
    total: dict[str, Sums] = {}
    for batch in item_loader(second, items):
        prediction = second.predict(batch)
        target = second.module.target_of(batch["mask"].to(second.module.device))
        of_batch = torch.stack([logits[name] for name in batch["id"]]).to(prediction.mask.device)
        for way, gated in gates(prediction, of_batch, second.labels, threshold).items():
            sums = pool({name: each.cpu() for name, each in image_sums(gated, target, second.labels).items()})
            before = total.get(way, {})
            total[way] = {name: before.get(name, 0) + values for name, values in sums.items()}
        advance(len(batch["id"]))
    return {way: numbers(sums, second.labels, second.config.evaluate) for way, sums in total.items()}


def gates(prediction: Prediction, logits: Tensor, labels: LabelSpace, threshold: float) -> dict[str, Prediction]:
    """Return the prediction as it is, and emptied where the presence *logits* N K of a first stage say so.

    Published: a mask is kept as a whole or not at all. By class: so is each class of it.
    """
    found = logits > math.log(threshold / (1 - threshold))
    kept_classes = {GATED: found.any(dim=1, keepdim=True).expand_as(found)}
    if len(labels.presence_names) > 1:
        kept_classes[BY_CLASS] = found
    output = prediction.output._replace(presence=logits)
    return {ALONE: prediction} | {
        way: Prediction(output, emptied(prediction.mask, kept, labels), None) for way, kept in kept_classes.items()
    }


def emptied(mask: Tensor, kept: Tensor, labels: LabelSpace) -> Tensor:
    """Return predicted masks, N H W ids or N C H W of 0 and 1, with the classes that are not *kept*, N K, left out."""
    if labels.task is Task.MULTILABEL:
        return mask * kept[:, :, None, None]
    keeps = torch.ones(len(mask), labels.count, dtype=torch.bool, device=mask.device)
    keeps[:, [labels.names.index(name) for name in labels.presence_names]] = kept
    stays = keeps.gather(1, mask.flatten(1)).view_as(mask)
    return mask.where(stays, torch.full_like(mask, labels.background))


def presence_logits(first: TrainedModel, items: Sequence[Item], advance: Advance = no_bar) -> dict[str, Tensor]:
    """Return id → logits K, whether a class is in the image, as *first* says."""
    logits: dict[str, Tensor] = {}
    for batch in item_loader(first, items):
        logits |= dict(zip(batch["id"], first.predict(batch).output.presence.float(), strict=True))
        advance(len(batch["id"]))
    return logits


def check_stages(stages: Stages) -> None:
    """Raise an error unless the first stage tells presence, the second predicts masks, and both know the same classes.

    Raises:
        CheckpointError, ConfigError: see ``evaluate_two``.
    """
    first, second = stages
    check_background(second.labels)
    second.refuse_without_masks(["a second stage"])
    if "presence" not in first.module.model.outputs:
        raise ConfigError(
            f"the first stage must say which classes are in an image, but {first.checkpoint} only predicts masks: "
            f"give a trial with model.architecture=classifier, or with a presence head (model.presence)"
        )
    if (first.labels.names, first.labels.task) != (second.labels.names, second.labels.task):
        raise CheckpointError(
            f"the two stages must be of the same classes, but the first is of {first.labels.task} classes "
            f"{', '.join(first.labels.names)}, the second of {second.labels.task} classes "
            f"{', '.join(second.labels.names)}: train both on one dataset"
        )


def check_not_trained_on(first: TrainedModel, second: TrainedModel, items: Sequence[Item]) -> None:
    """Raise ``ConfigError`` if the first stage was trained on some of *items*, which are of the second's dataset."""
    roots = [expand(trained.config.data.root).resolve() for trained in (first, second)]
    if roots[0] != roots[1]:
        return
    config = first.config
    splits = make_splits(source_of(config.data), config.data, seed=config.seed, cache=cache_root() / "inventory")
    seen = {item.id for item in splits.by_name["train"].items} & {item.id for item in items}
    if seen:
        raise ConfigError(
            f"the first stage must not have been trained on the images that are evaluated, but it was on {len(seen)} "
            f"of {len(items)}, such as {min(seen)}: train both stages with the same split, seed and fold"
        )
