"""One pass of a trained network over images with masks: all the sums that the scores of a test are functions of."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.image_sums import ImageSums
from rarepix.inference.decode import crop_masks, probabilities
from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.calibration import calibration_counts
from rarepix.metrics.curves import curve_sums
from rarepix.metrics.sums import image_sums
from rarepix.metrics.surface import band_counts, class_masks, surface_lengths
from rarepix.models.outputs import Prediction, Target
from rarepix.scores import SURFACE_KINDS

TOLERANCE = 2.0
"""Pixels that an outline may be off."""
ImageCallback = Callable[[str, np.ndarray, np.ndarray, np.ndarray], object]
"""(id, predicted mask, true mask, probabilities C H W) of one image; masks are H W ids or H W C of 0 and 1."""


class Measurements(NamedTuple):
    """Integers and sums, of which every score is a function."""

    images: ImageSums
    greatest: np.ndarray
    """N C: the greatest probability of each class in the image. Without masks ``presence``."""
    presence: np.ndarray | None
    """N K: the probability that the class is in the image; None: the network has no such output."""
    calibration: Tensor
    """See ``metrics.calibration.calibration_counts``: of pixels, without masks of images, then K × bins × 3."""
    ungated: ImageSums | None = None
    """What *images* would be without the gate; None: there is no gate."""


def measure(
    trained: TrainedModel,
    batches: Iterable[dict],
    *,
    surfaces: bool,
    callbacks: Sequence[ImageCallback] = (),
    advance: Callable[[int], None] = lambda images: None,
) -> Measurements:
    """Predict every batch of a loader without sampling and augmentation, and add up.

    With *surfaces* measure outlines, too, which takes longer than everything else. *callbacks* are called with every
    image, *advance* with the number of images of each batch, for a progress bar. *surfaces* and *callbacks* need a
    network that predicts masks.
    """
    labels, device = trained.labels, trained.module.device
    ids, sums, ungated, greatest, presence, calibration = [], [], [], [], [], 0
    for batch in batches:
        prediction = trained.predict(batch)
        target = trained.module.target_of(batch["mask"].to(device))
        of_curves = {name: values.cpu().numpy() for name, values in curve_sums(prediction, target, labels).items()}
        sums.append(_host_sums(prediction, target, labels) | of_curves)
        if prediction.ungated is not None:
            before = {"presence" if prediction.mask is None else "mask": prediction.ungated}
            ungated.append(_host_sums(prediction._replace(**before), target, labels))
        if prediction.output.presence is not None:
            presence.append(prediction.output.presence.float().sigmoid())
        if prediction.mask is None:
            calibration = calibration + _calibration_of_images(presence[-1], target, labels)
        else:
            probability = probabilities(prediction.output.mask, task=labels.task)
            truth = hard_mask(target.mask, labels)
            bins = calibration_counts(probability, truth, task=labels.task, ignore=labels.ignore)
            calibration = calibration + bins
            greatest.append(_greatest(probability, target.mask, labels))
            if surfaces or callbacks:
                outlines = _visit(batch, prediction.mask, probability, labels, surfaces=surfaces, callbacks=callbacks)
                sums[-1] |= {"surface": outlines} if surfaces else {}
        ids += batch["id"]
        advance(len(batch["id"]))
    values = [torch.cat(each).cpu().numpy() if each else None for each in (greatest or presence, presence)]
    before = _joined(ids, ungated) if ungated else None
    return Measurements(_joined(ids, sums), *values, calibration.cpu(), before)


def _host_sums(prediction: Prediction, target: Target, labels: LabelSpace) -> dict[str, np.ndarray]:
    return {name: values.cpu().numpy() for name, values in image_sums(prediction, target, labels).items()}


def _joined(ids: list[str], sums: list[dict[str, np.ndarray]]) -> ImageSums:
    return ImageSums(ids, {name: np.concatenate([each[name] for each in sums]) for name in sums[0]})


def _greatest(probability: Tensor, target: Tensor, labels: LabelSpace) -> Tensor:
    """Return the greatest probability of each class in each image, N C; 0 where every pixel is ignored."""
    if labels.task is Task.BINARY:
        probability = torch.cat([1 - probability, probability], dim=1)
    counted = target != labels.ignore
    counted = counted if labels.task is Task.MULTILABEL else counted.unsqueeze(1)
    return torch.where(counted, probability, 0.0).flatten(2).amax(dim=2)


def _calibration_of_images(probability: Tensor, target: Target, labels: LabelSpace) -> Tensor:
    """Return the calibration counts K × bins × 3 of the probability N K that a class is in an image."""
    pixel = (..., None, None)  # an image is what a pixel is to a mask
    return calibration_counts(probability[pixel], target.presence[pixel], task=Task.MULTILABEL, ignore=labels.ignore)


def _visit(
    batch: dict,
    predicted: Tensor,
    probability: Tensor,
    labels: LabelSpace,
    *,
    surfaces: bool,
    callbacks: Sequence[ImageCallback],
) -> np.ndarray:
    """Call *callbacks* with every image of a batch, and return the sums of their outlines N C 4 (with *surfaces*)."""
    outlines = []
    masks = (crop_masks(mask, batch["mask_size"]) for mask in (predicted, batch["mask"]))
    for name, prediction, truth, image_probability in zip(batch["id"], *masks, probability, strict=True):
        if surfaces:
            outlines.append(_outlines(prediction, truth, labels))
        for callback in callbacks:
            rows, columns = prediction.shape[:2]
            callback(name, prediction, truth, image_probability[:, :rows, :columns].cpu().numpy())
    return np.array(outlines)


def _outlines(prediction: np.ndarray, truth: np.ndarray, labels: LabelSpace) -> list[list[float]]:
    """Return ``SURFACE_KINDS`` of every class of one image, C 4."""
    truth = hard_mask(truth, labels)
    pairs = class_masks(prediction, truth, task=labels.task, classes=labels.count, ignore=labels.ignore)
    sums = [band_counts(*pair) | surface_lengths(*pair, tolerance=TOLERANCE) for pair in pairs]
    return [[of_class[kind] for kind in SURFACE_KINDS] for of_class in sums]
