"""What can be counted of a trained network on a list of images with masks, in one pass."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.inference.decode import decode, masks_of
from rarepix.inference.predictor import probabilities
from rarepix.labels import LabelSpace, Task
from rarepix.metrics import surface
from rarepix.metrics.calibration import calibration_counts
from rarepix.metrics.counts import count_pixels
from rarepix.metrics.layers import layers

SURFACES = ("intersection", "union", "within", "total")
TOLERANCE = 2.0
"""Pixels that an outline may be off."""


class Listener(Protocol):
    """Is told of every image: its id, its predicted mask and its true one (H W ids or H W C), probabilities C H W."""

    def __call__(self, name: str, prediction: np.ndarray, target: np.ndarray, probability: np.ndarray) -> None:
        """Take note of an image."""
        ...


class Measurements(NamedTuple):
    """Integers and sums, of which every score is a function."""

    ids: list[str]
    counts: np.ndarray
    """N C 4: image, class, ``metrics.counts.KINDS``."""
    presence: np.ndarray
    """N C: the greatest probability of the class in the image."""
    calibration: Tensor
    """See ``metrics.calibration.calibration_counts``."""
    surfaces: dict[str, np.ndarray]
    """``SURFACES`` → N C, see ``metrics.surface``; empty if they were not asked for."""


def measure(
    trained: TrainedModel,
    batches: Iterable[dict],
    *,
    surfaces: bool,
    listeners: Iterable[Listener] = (),
    advance: Callable[[int], None] = lambda images: None,
) -> Measurements:
    """Ask the network about every batch, and count.

    Args:
        trained: the network.
        batches: of a loader that evaluates.
        surfaces: count outlines as well, which takes longer than all the rest.
        listeners: are told of every image.
        advance: is told how many more images are done.
    """
    labels, config, device = trained.labels, trained.config.evaluate, trained.module.device
    task, listeners = labels.task, list(listeners)
    ids, counts, presence, calibration, outlines = [], [], [], None, []
    for batch in batches:
        target = batch["mask"].to(device)
        with torch.inference_mode(), trained.autocast():
            logits = trained.module.infer(trained.module, batch | {"image": batch["image"].to(device)})
        said = decode(logits, task=task, threshold=config.threshold)
        probability = probabilities(logits, multiclass=task is Task.MULTICLASS)
        ids += batch["id"]
        counts.append(count_pixels(said, target, task=task, classes=labels.count, ignore=labels.ignore).cpu())
        presence.append(_greatest(probability, target, labels).cpu())
        bins = calibration_counts(probability, target, task=task, ignore=labels.ignore)
        calibration = bins if calibration is None else calibration + bins
        if surfaces or listeners:
            masks = (masks_of(each, batch["mask_size"]) for each in (said, target))
            for name, own, truth, chance in zip(batch["id"], *masks, probability, strict=True):
                if surfaces:
                    outlines.append(_outlines(own, truth, labels))
                for listener in listeners:
                    rows, columns = own.shape[:2]
                    listener(name, own, truth, chance[:, :rows, :columns].cpu().numpy())
        advance(len(batch["id"]))
    found = np.array(outlines).reshape(-1, labels.count, len(SURFACES))
    kinds = {kind: found[..., position] for position, kind in enumerate(SURFACES)} if surfaces else {}
    return Measurements(ids, torch.cat(counts).numpy(), torch.cat(presence).numpy(), calibration.cpu(), kinds)


def _greatest(probability: Tensor, target: Tensor, labels: LabelSpace) -> Tensor:
    """Return the greatest probability of each class in each image, N C; 0 where every pixel is ignored."""
    if labels.task is Task.BINARY:
        probability = torch.cat([1 - probability, probability], dim=1)
    counted = target != labels.ignore
    counted = counted if labels.task is Task.MULTILABEL else counted.unsqueeze(1)
    return torch.where(counted, probability, 0.0).flatten(2).amax(dim=2)


def _outlines(prediction: np.ndarray, truth: np.ndarray, labels: LabelSpace) -> list[list[float]]:
    """Return ``SURFACES`` of every class of one image."""
    pairs = layers(prediction, truth, task=labels.task, classes=labels.count, ignore=labels.ignore)
    rows = []
    for said, there in pairs:
        found = surface.band_counts(said, there) | surface.surface_lengths(said, there, tolerance=TOLERANCE)
        rows.append([found[kind] for kind in SURFACES])
    return rows
