"""Coverage: how often a 95 % interval holds the truth. Required are 93 to 97 % over 2,000 simulations.

An interval from a discrete distribution cannot hit 95 % at small n and is wider by design: what its n allows is known,
and stands in the note.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis.calibration.checks import COVERED, rate
from analysis.calibration.false_claims import GAIN
from analysis.calibration.synthetic import SPREAD, image_counts
from analysis.statistics.bootstrap import mean_difference_interval, mean_interval
from analysis.statistics.correlate import correlate
from analysis.statistics.effect_sizes import Estimate, mean_paired, shift_paired, shift_unpaired
from analysis.statistics.exact_distributions import critical_value, signed_rank_distribution, splits
from analysis.statistics.image_bootstrap import dataset_iou_interval

CORRELATION = 0.5
TRUE_CORRELATIONS = {
    "pearson": CORRELATION,
    "spearman": 6 / np.pi * np.arcsin(CORRELATION / 2),
    "kendall": 2 / np.pi * np.arcsin(CORRELATION),
}
"""Of normal values with Pearson's r = 0.5 (Kendall & Gibbons 1990, chapter 10)."""
IMAGE_SHARES = np.array([1.0, 0.5, 0.2, 0.1])
"""Shares of the images that hold each synthetic class."""


def coverage(simulations: int = 2000, seed: int = 0) -> Iterator[dict]:
    """Yield the coverage of every interval of the analysis, each over *simulations* synthetic data sets."""
    for n in (6, 8, 12, 20):
        yield _of_gain(f"Hodges-Lehmann, paired, n = {n}", shift_paired, n, simulations, seed, exact_paired(n))
    for n in (5, 8, 12):
        what = f"Hodges-Lehmann, unpaired, n = {n} each"
        yield _of_gain(what, shift_unpaired, n, simulations, seed, exact_unpaired(n))
    yield _of_gain("mean, Student, paired, n = 8", mean_paired, 8, simulations, seed)
    for n in (8, 12, 20):
        yield _of_gain(f"mean, BCa over blocks, n = {n}", lambda a, b: mean_interval(b - a), n, simulations, seed)
    for n in (4, 8, 20):
        yield _of_gain(f"mean, BCa, unpaired, n = {n} each", mean_difference_interval, n, simulations, seed)
    yield skewed_mean(20, simulations, seed)
    yield from correlations(20, simulations, seed)
    yield from dataset_iou(300, simulations, seed)


Interval = Callable[[np.ndarray, np.ndarray], Estimate]


def _of_gain(what: str, interval: Interval, n: int, simulations: int, seed: int, exact: float | None = None) -> dict:
    def holds(i: int) -> bool:
        rng = np.random.default_rng([seed, i, n])
        estimate = interval(rng.normal(0, SPREAD, n), rng.normal(GAIN, SPREAD, n))
        return estimate.low <= GAIN <= estimate.high

    note = "" if exact is None else f"exact at this n: {100 * exact:.1f} %"
    return rate(f"coverage: {what}", map(holds, range(simulations)), **COVERED, note=note)


def exact_paired(n: int) -> float:
    """Return the coverage of the signed-rank interval of *n* pairs that asks for 95 %."""
    return covered(signed_rank_distribution(tuple(range(1, n + 1))))


def exact_unpaired(n: int) -> float:
    """Return the coverage of the Mann-Whitney interval of *n* against *n* values that asks for 95 %."""
    return covered(splits(tuple(range(1, 2 * n + 1)), n)[n * (n + 1) // 2 :])


def covered(probabilities: np.ndarray) -> float:
    """Return 1 less twice the largest tail of a null distribution that is at most 2.5 %."""
    return float(1 - 2 * probabilities[: critical_value(probabilities, 0.025) + 1].sum())


def skewed_mean(n: int, simulations: int, seed: int) -> dict:
    """Return the coverage of the BCa interval of a mean of log-normal differences (skewness 1.75)."""
    sigma = 0.5

    def holds(i: int) -> bool:
        estimate = mean_interval(np.random.default_rng([seed, i, n]).lognormal(0, sigma, n))
        return estimate.low <= np.exp(sigma**2 / 2) <= estimate.high

    check = f"coverage: mean, BCa over blocks, skewed differences, n = {n}"
    return rate(check, map(holds, range(simulations)), **COVERED)


def correlations(n: int, simulations: int, seed: int) -> Iterator[dict]:
    """Yield the coverage of the intervals of the three correlations of *n* classes."""
    hits_by_name: dict[str, list[bool]] = {}
    for i in range(simulations):
        rng = np.random.default_rng([seed, i, n])
        x = rng.normal(size=n)
        y = CORRELATION * x + np.sqrt(1 - CORRELATION**2) * rng.normal(size=n)
        for row in correlate(pd.DataFrame({"x": x}), pd.Series(y, name="y")).itertuples():
            hits_by_name.setdefault(row.method, []).append(row.low <= TRUE_CORRELATIONS[row.method] <= row.high)
    for method, hits in hits_by_name.items():
        yield rate(f"coverage: {method} correlation, n = {n}", hits, **COVERED)


def dataset_iou(images: int, simulations: int, seed: int) -> Iterator[dict]:
    """Yield the coverage of the interval of the pooled IoU over images, for common and rare classes, and their mean."""
    truth = true_iou(seed)
    hits_by_name: dict[str, list[bool]] = {name: [] for name in truth.index}
    for i in range(simulations):
        counts = image_counts(np.random.default_rng([seed, i, images]), images, IMAGE_SHARES)
        for row in dataset_iou_interval(counts, resamples=999, seed=seed).itertuples():
            if not np.isnan(row.low):
                hits_by_name[row[1]].append(row.low <= truth[row[1]] <= row.high)
    shares = [f"in {100 * share:g} % of {images} images" for share in IMAGE_SHARES]
    for (name, hits), share in zip(hits_by_name.items(), [*shares, f"of {images} images"], strict=True):
        check = f"coverage: pooled IoU, {'class ' if name in truth.index[:-1] else 'mean over classes '}{share}"
        yield rate(check, hits, **COVERED)


def true_iou(seed: int) -> pd.Series:
    """Return the pooled IoU of each synthetic class over very many images, and their mean."""
    counts = image_counts(np.random.default_rng([seed, 1]), 400_000, IMAGE_SHARES)
    sums = counts.groupby("class", sort=False)[["tp", "fp", "fn"]].sum()
    ious = sums["tp"] / sums.sum(axis=1)
    return pd.concat([ious, pd.Series({"mean IoU": ious.mean()})])
