"""Scores of outlines: boundary IoU, normalised surface distance (surface Dice) and the 95 % Hausdorff distance.

For each image and class there are sums first (pixels of bands, lengths of outlines), from which ``scores.pooled`` and
``scores.per_image`` take the scores. Prediction and truth are H W bool, see ``class_masks``; both are False in ignored
pixels, so that the edge of an ignored area belongs to both outlines if both masks reach it.
"""

from collections.abc import Iterator
from math import hypot

import cv2
import numpy as np
from scipy.ndimage import binary_erosion, correlate, distance_transform_edt

from rarepix.labels import Task

BAND = 0.02
"""Width of the band of boundary IoU as a share of the image's diagonal."""
CORNERS = np.array([[8, 4], [2, 1]])
"""The code of a 2 × 2 neighbourhood is the sum of these over the pixels that are in the mask."""
FULL = 15
"""Code of a neighbourhood that is all in the mask."""


def class_masks(
    prediction: np.ndarray, target: np.ndarray, *, task: Task, classes: int, ignore: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each class its prediction and its truth, both H W bool and False in ignored pixels.

    Args:
        prediction: H W class ids; multilabel: H W C of 0 and 1.
        target: H W class ids or *ignore*; multilabel: H W C of 0, 1 or *ignore*; of soft masks their ``hard_mask``.
        task: how the classes relate.
        classes: number of classes C; of a binary task 2.
        ignore: id of the pixels that do not count.

    Raises:
        ValueError: the masks are not of the shape that the task demands.
    """
    expected = (*target.shape[:2], classes) if task is Task.MULTILABEL else target.shape[:2]
    if prediction.shape != expected or target.shape != expected:
        raise ValueError(
            f"prediction and target of a {task} task with {classes} classes must both be {tuple(expected)}, "
            f"but got {prediction.shape} and {target.shape}"
        )
    counted = target != ignore
    for index in range(classes):
        if task is Task.MULTILABEL:
            yield (prediction[..., index] == 1) & counted[..., index], target[..., index] == 1
        else:
            yield (prediction == index) & counted, (target == index) & counted


def band_counts(prediction: np.ndarray, truth: np.ndarray, *, share: float = BAND) -> dict[str, int]:
    """Return the number of pixels in both bands (intersection) and in either (union); Cheng et al. 2021.

    The band of a mask is the pixels of the mask whose Chebyshev distance to the outside is at most d = *share* of the
    image's diagonal, but at least 1 pixel. Everything beyond the image is outside.
    """
    width = max(1, round(share * hypot(*truth.shape)))
    bands = [_band(mask, width) for mask in (prediction, truth)]
    return {"intersection": int((bands[0] & bands[1]).sum()), "union": int((bands[0] | bands[1]).sum())}


def surface_lengths(
    prediction: np.ndarray, truth: np.ndarray, *, tolerance: float, spacing: tuple[float, float] = (1.0, 1.0)
) -> dict[str, float]:
    """Return the length of both outlines that is within *tolerance* of the other outline (within), and in all (total).

    The outline runs through the corners between pixels: a 2 × 2 neighbourhood that is neither full nor empty is an
    element, with the length that marching squares gives it (Nikolov et al. 2018, as in their published code).
    *spacing* is height and width of a pixel, *tolerance* a length in its unit.

    Raises:
        ValueError: a negative tolerance, or a spacing that is not positive.
    """
    if tolerance < 0 or min(spacing) <= 0:
        raise ValueError(f"tolerance must be at least 0 and spacing positive, but got {tolerance} and {spacing}")
    masks = _cropped(prediction, truth)
    if masks is None:
        return {"within": 0.0, "total": 0.0}
    codes = [correlate(np.pad(mask, (0, 1)).astype(np.uint8), CORNERS, mode="constant") for mask in masks]
    outlines = [(code > 0) & (code < FULL) for code in codes]
    lengths = [_lengths(spacing)[code] for code in codes]
    within = 0.0
    for one, other in ((0, 1), (1, 0)):
        if outlines[other].any():
            near = distance_transform_edt(~outlines[other], sampling=spacing) <= tolerance
            within += lengths[one][outlines[one] & near].sum()
    return {"within": float(within), "total": float(sum(length.sum() for length in lengths))}


def hausdorff95(prediction: np.ndarray, truth: np.ndarray, *, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the 95th percentile of the distances from border pixels to the other mask's border, both ways together.

    The unit is that of *spacing*, the height and width of a pixel. NaN if either mask is empty: a total miss has no
    distance, so do not read this number without the recall.
    """
    masks = _cropped(prediction, truth)
    if masks is None or not prediction.any() or not truth.any():
        return float("nan")
    borders = [mask & ~binary_erosion(mask) for mask in masks]
    distances = [
        distance_transform_edt(~borders[other], sampling=spacing)[borders[one]] for one, other in ((0, 1), (1, 0))
    ]
    return float(np.percentile(np.concatenate(distances), 95))


def _band(mask: np.ndarray, width: int) -> np.ndarray:
    if not mask.any():
        return mask
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (inner == 0)


def _cropped(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both masks cropped to the bounding box of their union; None if both are empty."""
    union = prediction | truth
    rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    if not len(rows):
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return prediction[box], truth[box]


def _lengths(spacing: tuple[float, float]) -> np.ndarray:
    """Return the length of the outline that marching squares draws through a 2 × 2 neighbourhood, by its code."""
    height, width = spacing
    slant = hypot(height, width) / 2  # cuts one corner off
    table = np.full(FULL + 1, slant)
    table[[0, FULL]] = 0
    table[[0b0011, 0b1100]] = width
    table[[0b0101, 0b1010]] = height
    table[[0b0110, 0b1001]] = 2 * slant
    return table
