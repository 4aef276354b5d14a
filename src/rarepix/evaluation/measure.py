"""One pass of a trained network over images with masks: all the sums that the scores of a test are functions of."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.inference.decode import crop_masks, decode, probabilities
from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.calibration import calibration_counts
from rarepix.metrics.counts import count_pixels
from rarepix.metrics.surface import band_counts, class_masks, surface_lengths
from rarepix.scores import by_kind

SURFACE_KINDS = ("intersection", "union", "within", "total")
TOLERANCE = 2.0
"""Pixels that an outline may be off."""
ImageCallback = Callable[[str, np.ndarray, np.ndarray, np.ndarray], object]
"""(id, predicted mask, true mask, probabilities C H W) of one image; masks are H W ids or H W C of 0 and 1."""


class Measurements(NamedTuple):
    """Integers and sums, of which every score is a function."""

    ids: list[str]
    counts: np.ndarray
    """N C 4: image, class, ``scores.KINDS``."""
    presence: np.ndarray
    """N C: the greatest probability of the class in the image."""
    calibration: Tensor
    """See ``metrics.calibration.calibration_counts``."""
    surfaces: dict[str, np.ndarray]
    """``SURFACE_KINDS`` → N C, see ``metrics.surface``; empty if they were not measured."""


def measure(
    trained: TrainedModel,
    batches: Iterable[dict],
    *,
    surfaces: bool,
    callbacks: Iterable[ImageCallback] = (),
    advance: Callable[[int], None] = lambda images: None,
) -> Measurements:
    """Predict every batch of a loader without sampling and augmentation, and count.

    With *surfaces* measure outlines, too, which takes longer than everything else. *callbacks* are called with every
    image, *advance* with the number of images of each batch, for a progress bar.
    """
    labels, threshold = trained.labels, trained.config.evaluate.threshold
    task, callbacks = labels.task, list(callbacks)
    ids, counts, presence, calibration, outlines = [], [], [], None, []
    for batch in batches:
        target = batch["mask"].to(trained.module.device)
        logits = trained.logits(batch)
        predicted = decode(logits, task=task, threshold=threshold)
        probability = probabilities(logits, task=task)
        ids += batch["id"]
        counts.append(count_pixels(predicted, target, task=task, classes=labels.count, ignore=labels.ignore).cpu())
        presence.append(_greatest(probability, target, labels).cpu())
        bins = calibration_counts(probability, hard_mask(target, labels), task=task, ignore=labels.ignore)
        calibration = bins if calibration is None else calibration + bins
        if surfaces or callbacks:
            masks = (crop_masks(mask, batch["mask_size"]) for mask in (predicted, target))
            for name, prediction, truth, image_probability in zip(batch["id"], *masks, probability, strict=True):
                if surfaces:
                    outlines.append(_outlines(prediction, truth, labels))
                for callback in callbacks:
                    rows, columns = prediction.shape[:2]
                    callback(name, prediction, truth, image_probability[:, :rows, :columns].cpu().numpy())
        advance(len(batch["id"]))
    sums = by_kind(np.array(outlines).reshape(-1, labels.count, len(SURFACE_KINDS)), SURFACE_KINDS) if surfaces else {}
    return Measurements(ids, torch.cat(counts).numpy(), torch.cat(presence).numpy(), calibration.cpu(), sums)


def _greatest(probability: Tensor, target: Tensor, labels: LabelSpace) -> Tensor:
    """Return the greatest probability of each class in each image, N C; 0 where every pixel is ignored."""
    if labels.task is Task.BINARY:
        probability = torch.cat([1 - probability, probability], dim=1)
    counted = target != labels.ignore
    counted = counted if labels.task is Task.MULTILABEL else counted.unsqueeze(1)
    return torch.where(counted, probability, 0.0).flatten(2).amax(dim=2)


def _outlines(prediction: np.ndarray, truth: np.ndarray, labels: LabelSpace) -> list[list[float]]:
    """Return ``SURFACE_KINDS`` of every class of one image, C 4."""
    truth = hard_mask(truth, labels)
    pairs = class_masks(prediction, truth, task=labels.task, classes=labels.count, ignore=labels.ignore)
    sums = [band_counts(*pair) | surface_lengths(*pair, tolerance=TOLERANCE) for pair in pairs]
    return [[of_class[kind] for kind in SURFACE_KINDS] for of_class in sums]
