"""Curves over thresholds by configuration: how much is found at equal false alarms, mean over the trials.

Every trial has its own threshold for the same false alarms: what a threshold means differs from training to training,
so that a mean at equal thresholds would mix what is strict in one trial with what is lax in another (Fawcett 2006,
"vertical averaging").
"""

import numpy as np
import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.rates import exact_interval
from analysis.study.leaderboard import VALIDATION, configuration_names, leaderboard

IMAGES, PIXELS = "images", "pixels"
COLUMNS = ["curve", "configuration", "threshold", "x", "value", "low", "high", "trials"]
RATES = (0.05, 0.1)
"""Rates of false alarms that people ask for; others lie as far apart as their square roots do."""
TOP = 30
"""Configurations: a search may have hundreds, of one trial each."""
LEAST_AREA = 1e-7
"""Smaller shares of an image count as this."""


def configuration_curves(tables: Tables, split: str = VALIDATION, top: int = TOP) -> pd.DataFrame:
    """Return both curves of the *top* configurations, that with the highest mean objective first.

    Of the curve ``images`` the column ``x`` is the rate of false alarms on empty images, of ``pixels`` the share of an
    empty image that is found. ``value``, the mean over the trials, is the greatest sensitivity (recall of pixels) that
    a trial has with at most ``x``; ``threshold`` is the median of theirs (NaN: nothing is found). ``low`` and ``high``
    are the 95 % interval over the images of one trial: trials share images, so more trials do not make it narrower.
    NaN where a trial has none. It does not hold the noise of training, nor that the threshold is chosen on the images.
    """
    ranked = leaderboard(tables)
    ranked = ranked.assign(configuration=configuration_names(tables, ranked))
    order = ranked.groupby("configuration")["objective"].mean().sort_values(ascending=False, kind="stable").index
    rows = tables.threshold_curves[tables.threshold_curves["split"] == split]
    rows = rows.merge(ranked[["trial", "configuration"]], on="trial").sort_values("threshold", kind="stable")
    areas = rows["area"][rows["area"] > 0].clip(lower=LEAST_AREA)
    grids = {IMAGES: np.union1d(np.linspace(0, 1, 61) ** 2, RATES), PIXELS: _areas(areas.min() if len(areas) else 1.0)}
    parts = []
    for name in order[order.isin(rows["configuration"])][:top]:
        trials = [trial for _, trial in rows[rows["configuration"] == name].groupby("trial", observed=True)]
        for curve, grid in grids.items():
            given = [each for each in trials if curve == IMAGES or each["area"].notna().all()]
            if given:
                mean = _mean_images(given, grid) if curve == IMAGES else _mean_pixels(given, grid)
                parts.append(mean.assign(curve=curve, configuration=name, x=grid, trials=len(given)))
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def _areas(least: float) -> np.ndarray:
    """Return 0 and areas from the decade of *least* to 1, ten a decade."""
    decade = int(np.floor(np.log10(least)))
    return np.array([0, *np.logspace(decade, 0, 1 - 10 * decade)])


def _mean_images(trials: list[pd.DataFrame], grid: np.ndarray) -> pd.DataFrame:
    read = [
        _at(each["alarms"] / each["empty"], {"value": each["found"] / each["positive"]}, each, grid) for each in trials
    ]
    mean = _mean(read)
    low, high = exact_interval(mean["value"], min(each["positive"].iloc[0] for each in trials))
    return mean.assign(low=low, high=high)


def _mean_pixels(trials: list[pd.DataFrame], grid: np.ndarray) -> pd.DataFrame:
    names = {"value": "recall", "low": "recall_low", "high": "recall_high"}
    return _mean([_at(each["area"], {new: each[old] for new, old in names.items()}, each, grid) for each in trials])


def _at(across: pd.Series, columns: dict[str, pd.Series], trial: pd.DataFrame, grid: np.ndarray) -> pd.DataFrame:
    """Return *columns* of the lowest threshold of a trial at which *across* is at most each value of *grid*.

    Above the highest threshold nothing is found.
    """
    place = np.searchsorted(-across.to_numpy(float), -grid)
    above = {"value": 0.0, "low": np.nan, "high": np.nan, "threshold": np.nan}
    columns = columns | {"threshold": trial["threshold"]}
    return pd.DataFrame({name: np.append(values, above[name])[place] for name, values in columns.items()})


def _mean(trials: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the mean of the tables, and the median of their thresholds."""
    stacked = np.array([each.to_numpy(float) for each in trials])
    mean = pd.DataFrame(stacked.mean(axis=0), columns=trials[0].columns)
    place = trials[0].columns.get_loc("threshold")
    return mean.assign(threshold=np.median(stacked[:, :, place], axis=0))
