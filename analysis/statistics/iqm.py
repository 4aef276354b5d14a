"""The interquartile mean of many runs: less noisy than the median, less sensitive to outliers than the mean.

Agarwal, Schwarzer, Castro, Courville & Bellemare (NeurIPS 2021, "rliable"): the mean of the middle half of all runs,
with a percentile bootstrap that resamples runs within each stratum (there: a task; here: a data set, or a block).
"""

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.samples import as_list, sorted_levels, usable_rows

RESAMPLES = 5_000
LEAST = 4
COLUMNS = ["level", "iqm", "low", "high", "mean", "median", "n", "strata"]


def iqm(
    table: pd.DataFrame, *, treatment: str, score: str, stratum: str | None = None, seed: int = 0, alpha: float = 0.05
) -> pd.DataFrame:
    """Return one row per level of *treatment*: interquartile mean of all its scores with a bootstrap interval.

    Args:
        stratum: column within which runs are resampled; None: all runs of a level are one stratum.

    Returns:
        ``level``, ``iqm``, ``low``, ``high``, ``mean``, ``median``, ``n`` runs, ``strata``. Without four runs, or with
        a stratum of one run (which could not vary), there is no interval.

    Raises:
        ValueError: a column is missing, or a score is infinite.
    """
    used = usable_rows(table, treatment, as_list(stratum), score)
    rows = []
    for position, level in enumerate(sorted_levels(used, treatment)):
        runs = used[used[treatment] == level]
        groups = [runs[score].to_numpy()]
        if stratum:
            groups = [group.to_numpy() for _, group in runs.groupby(stratum, dropna=False)[score]]
        every = np.concatenate(groups)
        ends = (float("nan"), float("nan"))
        if len(every) >= LEAST and min(map(len, groups)) > 1:
            rng = np.random.default_rng([seed, position])
            drawn = np.concatenate([rng.choice(group, size=(RESAMPLES, len(group))) for group in groups], axis=1)
            ends = np.quantile(stats.trim_mean(drawn, 0.25, axis=1), [alpha / 2, 1 - alpha / 2])
        middle = float(stats.trim_mean(every, 0.25))
        rows.append([level, middle, *map(float, ends), every.mean(), np.median(every), len(every), len(groups)])
    return pd.DataFrame(rows, columns=COLUMNS)
