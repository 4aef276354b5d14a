"""The exact interval of a rate."""

import numpy as np
from scipy import special


def exact_interval(rate: np.ndarray, total: float, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the interval of *rate* … in *total* (Clopper and Pearson 1934).

    A rate that is a mean over trials on the same images need not be a whole number of them; of the images of one trial
    the interval is then wider than it must be.
    """
    found, tail = np.asarray(rate, float) * total, (1 - confidence) / 2
    missed = total - found
    none, all_found = np.isclose(found, 0), np.isclose(missed, 0)
    low = special.betaincinv(np.where(none, 1, found), missed + 1, tail)
    high = special.betaincinv(found + 1, np.where(all_found, 1, missed), 1 - tail)
    return np.where(none, 0.0, low), np.where(all_found, 1.0, high)
