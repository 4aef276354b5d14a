"""Intervals over images: of a rate, exact, and of a mean, by resampling whole images.

Both are about other images of the same kind under the same trained network. They do not include the noise of training,
and images that are alike (of one patient, say) make them too narrow.
"""

import numpy as np
from scipy import special

from rarepix.seeding import generator

CONFIDENCE = 0.95
RESAMPLES = 2_000
LEAST = 5
"""A mean has an interval if so many images differ from the most frequent value. Resampling fewer understates how far
the mean of other images may be: of values that are all zero it says that the mean is zero for sure."""
AT_ONCE = 4_000_000
"""Images times resamples that are held at once."""


def rate_interval(count: np.ndarray, total: int, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the exact interval of the rate of *count* … in *total* (Clopper and Pearson 1934)."""
    count, tail = np.asarray(count, float), (1 - confidence) / 2
    low = np.where(count > 0, special.betaincinv(np.maximum(count, 1), total - count + 1, tail), 0.0)
    high = np.where(count < total, special.betaincinv(count + 1, np.maximum(total - count, 1), 1 - tail), 1.0)
    return low, high


def mean_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends T of the bootstrap interval of the mean over images of *values* N T; NaN: too few differ.

    The percentiles are expanded for what resampling few images understates (Hesterberg 2015). The same values give the
    same interval.
    """
    images, columns = values.shape
    undecided = np.array([images - _most_frequent(column) < LEAST for column in values.T], bool)
    if undecided.all():
        return np.full(columns, np.nan), np.full(columns, np.nan)
    rng, at_once, means = generator(0, "mean_interval", images), max(1, AT_ONCE // images), []
    for begun in range(0, RESAMPLES, at_once):
        weights = rng.multinomial(images, np.full(images, 1 / images), min(at_once, RESAMPLES - begun))
        means.append(weights @ values / images)
    half_width = special.stdtrit(images - 1, (1 + confidence) / 2) * np.sqrt(images / (images - 1))
    tail = special.ndtr(-half_width)
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return np.where(undecided, np.nan, low), np.where(undecided, np.nan, high)


def _most_frequent(values: np.ndarray) -> int:
    """Return how often the most frequent of *values* occurs."""
    return int(np.unique(values, return_counts=True)[1].max(initial=0))
