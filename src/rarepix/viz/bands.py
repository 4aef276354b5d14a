"""Images of any bands as colours for people."""

import numpy as np

SHOWN = (1, 99)
"""Percentiles of an image of floats that become black and white."""


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return an image H W C as H W 3 uint8: its first three bands, or the first as grey if it has one or two.

    Values of 8 bits stay as they are. Floats are stretched from the first to the last percentile of the image, since
    few images fill the range that is stated for all.
    """
    shown = image[..., :3] if image.shape[2] >= 3 else image[..., :1]
    if shown.dtype != np.uint8:
        low, high = np.percentile(shown, SHOWN)
        shown = ((shown - low) / max(high - low, 1e-6) * 255).clip(0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shown, (*shown.shape[:2], 3)))
