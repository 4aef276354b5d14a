"""The published numbers of two stages: a mask becomes background where a classifier finds no class in the image.

``rarepix tune`` and the plan ``two_stage`` tune what is asked of the classifier; this is the published rule, a
probability above one half, for comparison.
"""

import math
from collections.abc import Sequence
from functools import partial

from torch import Tensor

from rarepix.data.source import Item
from rarepix.data.sources import source_of
from rarepix.data.splits.train_val_test import make_splits
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.evaluation.full_background import Advance, Columns, check_background, no_bar, numbers
from rarepix.evaluation.gates.batches import gated_batches, items_loader
from rarepix.inference.gates import CLASSIFIER, emptied
from rarepix.labels import LabelSpace
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction
from rarepix.paths import cache_root, expand
from rarepix.scores import Sums, pool
from rarepix.settings import ConfigError

ALONE, TWO_STAGES, BY_CLASS = "second stage alone", "two stages", "two stages, by class"
"""How a mask is kept: as it is; where the first stage finds any class; each class that it finds."""


def evaluate_two(
    trained: TrainedModel, items: Sequence[Item], advance: Advance = no_bar, threshold: float = 0.5
) -> Columns:
    """Return ``PUBLISHED`` and ``OURS`` for each way of keeping a mask: ``ALONE``, ``TWO_STAGES``, with several classes
    ``BY_CLASS``.

    *trained* is the second stage and its ``classifier`` the first; each sees the images in its own size. The first
    finds a class where its probability is above *threshold*. What ranks images (AUROC, false alarms at a sensitivity)
    is its probability, of masks that it empties.

    Raises:
        CheckpointError: the second stage predicts no masks.
        ConfigError: the dataset has no background.
        DataError: an image or mask cannot be read.
    """
    labels = trained.labels
    check_background(labels)
    check_second_stage(trained)
    total: dict[str, Sums] = {}
    for batch in gated_batches(trained, partial(items_loader, items=items)):
        prediction = trained.predict(batch)
        target = trained.module.target_of(batch["mask"].to(trained.module.device))
        for way, kept in ways(prediction, batch[CLASSIFIER].float(), labels, threshold).items():
            sums = pool({name: each.cpu() for name, each in image_sums(kept, target, labels).items()})
            before = total.get(way, {})
            total[way] = {name: before.get(name, 0) + values for name, values in sums.items()}
        advance(len(batch["id"]))
    return {way: numbers(sums, labels, trained.config.evaluate) for way, sums in total.items()}


def ways(prediction: Prediction, logits: Tensor, labels: LabelSpace, threshold: float) -> dict[str, Prediction]:
    """Return the prediction as it is, and emptied where the presence *logits* N K of a first stage say so.

    Published: a mask is kept as a whole or not at all. By class: so is each class of it.
    """
    found = logits > math.log(threshold / (1 - threshold))
    kept_classes = {TWO_STAGES: found.any(dim=1, keepdim=True).expand_as(found)}
    if len(labels.presence_names) > 1:
        kept_classes[BY_CLASS] = found
    output = prediction.output._replace(presence=logits)
    return {ALONE: prediction} | {
        way: prediction._replace(output=output, mask=emptied(prediction.mask, kept, labels))
        for way, kept in kept_classes.items()
    }


def check_second_stage(trained: TrainedModel) -> None:
    """Raise ``CheckpointError`` unless the second stage predicts masks."""
    if not trained.has_masks:
        raise CheckpointError(
            f"the second stage must predict masks, but {trained.checkpoint} only says which classes are in an image: "
            f"give a segmentation network"
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
