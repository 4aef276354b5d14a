"""Do the outlines agree? Boundary IoU, normalised surface distance and the 95th percentile of distances.

Of each image and class first a count (pixels of bands, length of outlines), so that pooled and per-image scores follow
by ``metrics.scores.pooled`` and ``per_image``. Prediction and truth are H W bool; of ignored pixels both are False
(``metrics.layers``), so that the rim of an ignored area is part of both outlines where both reach it.
"""

from math import hypot

import cv2
import numpy as np
from scipy.ndimage import binary_erosion, correlate, distance_transform_edt

from rarepix.scores import Counts, ratio

BAND = 0.02
"""Width of the band of boundary IoU, as a share of the image's diagonal."""
CORNERS = np.array([[8, 4], [2, 1]])
"""What each pixel of a 2 × 2 neighbourhood adds to its code."""
WHOLE = 15


def band_counts(prediction: np.ndarray, truth: np.ndarray, *, share: float = BAND) -> dict[str, int]:
    """Return the pixels in both bands (intersection) and in any (union).

    The band of a mask are its pixels at most d away from what is outside, in king's moves; d is *share* of the
    diagonal, at least 1. Beyond the image is outside (Cheng et al. 2021).
    """
    width = max(1, round(share * hypot(*truth.shape)))
    bands = [_band(mask, width) for mask in (prediction, truth)]
    return {"intersection": int((bands[0] & bands[1]).sum()), "union": int((bands[0] | bands[1]).sum())}


def boundary_iou(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return intersection / union of bands. Absent: neither there nor predicted."""
    return ratio(counts["intersection"], counts["union"], absent)


def surface_lengths(
    prediction: np.ndarray, truth: np.ndarray, *, tolerance: float, spacing: tuple[float, float] = (1.0, 1.0)
) -> dict[str, float]:
    """Return the length of both outlines that is at most *tolerance* from the other one (within), and in all (total).

    The outline runs through the corners between pixels: a 2 × 2 neighbourhood that is neither full nor empty is an
    element, with the length that marching squares gives it (Nikolov et al. 2018, as published with their paper).

    Args:
        prediction: H W bool.
        truth: H W bool.
        tolerance: in the unit of *spacing*, at least 0.
        spacing: height and width of a pixel.

    Raises:
        ValueError: a negative tolerance, or a spacing that is not positive.
    """
    if tolerance < 0 or min(spacing) <= 0:
        raise ValueError(f"tolerance must be at least 0 and spacing positive, but got {tolerance} and {spacing}")
    both = _cropped(prediction, truth)
    if both is None:
        return {"within": 0.0, "total": 0.0}
    codes = [correlate(np.pad(mask, (0, 1)).astype(np.uint8), CORNERS, mode="constant") for mask in both]
    outlines = [(code > 0) & (code < WHOLE) for code in codes]
    lengths = [_lengths(spacing)[code] for code in codes]
    within = 0.0
    for one, other in ((0, 1), (1, 0)):
        if outlines[other].any():
            near = distance_transform_edt(~outlines[other], sampling=spacing) <= tolerance
            within += lengths[one][outlines[one] & near].sum()
    return {"within": float(within), "total": float(sum(length.sum() for length in lengths))}


def surface_dice(lengths: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return within / total, the normalised surface distance. Absent: neither there nor predicted."""
    return ratio(lengths["within"], lengths["total"], absent)


def hausdorff95(prediction: np.ndarray, truth: np.ndarray, *, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the 95th percentile of the distances of each one's border pixels to the other's, of both together.

    In the unit of *spacing* (height and width of a pixel). NaN if one of the masks is empty: a total miss has no
    distance, so never read this number without the recall.
    """
    both = _cropped(prediction, truth)
    if both is None or not prediction.any() or not truth.any():
        return float("nan")
    borders = [mask & ~binary_erosion(mask) for mask in both]
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
    """Return both masks within the box around what is in any of them; None if nothing is."""
    any_of = prediction | truth
    rows, columns = np.flatnonzero(any_of.any(axis=1)), np.flatnonzero(any_of.any(axis=0))
    if not len(rows):
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return prediction[box], truth[box]


def _lengths(spacing: tuple[float, float]) -> np.ndarray:
    """Return the length of outline in a 2 × 2 neighbourhood by its code: what marching squares draws through it."""
    height, width = spacing
    slant = hypot(height, width) / 2  # cuts one corner off
    table = np.full(WHOLE + 1, slant)
    table[[0, WHOLE]] = 0
    table[[0b0011, 0b1100]] = width
    table[[0b0101, 0b1010]] = height
    table[[0b0110, 0b1001]] = 2 * slant
    return table
