"""Rows of the calibration: what is required, what was seen in how many simulations, and whether the check passed."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

COLUMNS = ["check", "asked", "seen", "low", "high", "simulations", "passed", "note"]
LEVEL = 0.05
COVERED = {"least": 0.93, "most": 0.97}
KEPT = {"least": 0.035, "most": 0.065}
"""Where the rate of a test that promises exactly 5 % must lie in 2,000 simulations: three standard errors."""
ENOUGH_SIMULATIONS = 1000
"""From here on what was seen must reach a lower bound. Fewer simulations can only show what is clearly wrong."""


def rate(check: str, hits: Iterable[bool], *, least: float = 0.0, most: float = 1.0, note: str = "") -> dict:
    """Return a check of how often something happened, with the 95 % Clopper-Pearson interval of the rate.

    Failed if the rate that was seen is below *least* (in few simulations: if its whole interval is), or its whole
    interval lies above *most*: exact tests come close to their 5 % by design, and half of them would fail by chance.
    """
    hits = np.asarray(list(hits), dtype=bool)
    count, n = int(hits.sum()), len(hits)
    interval = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    row = {"check": check, "asked": asked(least, most), "seen": count / n, "simulations": n, "note": note}
    low, high = float(interval.low), float(interval.high)
    reached = count / n if n >= ENOUGH_SIMULATIONS else high
    return row | {"low": low, "high": high, "passed": reached >= least and low <= most}


def mean_of(check: str, values: Iterable[float], *, most: float, note: str = "") -> dict:
    """Return a check of a mean over simulated studies with its 95 % interval (normal); failed if all of it is above."""
    values = np.asarray(list(values), dtype=float)
    seen, half = float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
    row = {"check": check, "asked": asked(0.0, most), "seen": seen, "low": seen - half, "high": seen + half}
    return row | {"simulations": len(values), "passed": bool(seen - half <= most), "note": note}


def cost(check: str, seen: float, *, most: float, unit: str, note: str = "") -> dict:
    """Return a check of a cost that was measured once, in *unit*."""
    row = {"check": check, "asked": f"at most {most:g} {unit}", "seen": seen, "low": float("nan"), "high": float("nan")}
    return row | {"simulations": 1, "passed": bool(seen <= most), "note": note}


def asked(least: float, most: float) -> str:
    if least <= 0:
        return f"at most {100 * most:g} %"
    return f"at least {100 * least:g} %" if most >= 1 else f"{100 * least:g} % to {100 * most:g} %"


def table(rows: Iterable[dict]) -> pd.DataFrame:
    """Return the checks as a table."""
    return pd.DataFrame(list(rows), columns=COLUMNS)
