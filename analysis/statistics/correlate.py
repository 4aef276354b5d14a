"""Correlation of class properties with class scores: three coefficients, each with its interval.

n is the number of classes, rarely more than twenty: the intervals are wide, and the classes of one data set are not a
random sample of classes. Intervals are those of Fisher's z, with the variance of each coefficient:

* Pearson 1 / (n - 3) (Fisher 1921)
* Spearman (1 + r² / 2) / (n - 3) (Bonett & Wright 2000)
* Kendall tau-b 0.437 / (n - 4) (Fieller, Hartley & Pearson 1957)
"""

from collections.abc import Sequence
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.corrections import check_alpha, correct
from analysis.statistics.formatting import correction_words, floor_text
from analysis.statistics.samples import floats

LEAST = 4
EXACT = 8
"""Up to here Spearman's p runs over all orders; its usual t approximation gives p = 0 for four ordered points."""
VARIANCES = {
    "pearson": lambda r, n: 1 / (n - 3),
    "spearman": lambda r, n: (1 + r**2 / 2) / (n - 3),
    "kendall": lambda r, n: 0.437 / (n - 4) if n > 4 else float("nan"),
}
COLUMNS = ["x", "y", "method", "r", "low", "high", "p", "p_adjusted", "correction", "n", "left_out", "verdict"]


def correlate(
    x: pd.DataFrame | pd.Series,
    y: pd.Series | Sequence[float],
    methods: Sequence[str] = tuple(VARIANCES),
    *,
    correction: str | None = "bh",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return one row per column of *x* and method: its correlation with *y*.

    Rows of *x* and *y* belong together by index; a *y* without one (a list, an array) belongs to the rows of *x* in
    their order. A position where either is NaN is not used and is counted in ``left_out``. A constant column, or fewer
    than four positions, gives NaN and a ``verdict`` that says so.

    Raises:
        ValueError: an unknown method or correction, an *alpha* that is no chance, an index or a name of a column that
            stands twice, a *y* without index of another length, or values that are no numbers or infinite.
    """
    methods = [methods] if isinstance(methods, str) else list(methods)
    check_alpha(alpha)
    unknown = [method for method in methods if method not in VARIANCES]
    if unknown:
        raise ValueError(f"methods must be among {list(VARIANCES)}, but got {unknown}")
    x, y = _aligned(x, y)
    rows = [_correlation(x[name], y, method, alpha) for name in x for method in methods]
    adjusted = correct([row["p"] for row in rows], correction)
    floors = correct([row["floor"] for row in rows], correction)
    tested = int(np.count_nonzero(~np.isnan(adjusted)))
    for row, p_adjusted, floor in zip(rows, adjusted, floors, strict=True):
        row |= {"p_adjusted": p_adjusted, "correction": correction}
        row["verdict"] = row["verdict"] or _verdict(row, floor, correction_words(correction, tested), alpha)
    return pd.DataFrame(rows, columns=COLUMNS)


def _aligned(x, y) -> tuple[pd.DataFrame, pd.Series]:
    """Return *x* as a table and *y* as a named column, both of finite floats or NaN, with an index without twins."""
    x = x.to_frame() if isinstance(x, pd.Series) else x
    if not isinstance(x, pd.DataFrame):
        raise ValueError(f"x must be a DataFrame or a Series, with a row per class, but got {type(x).__name__}")
    if not isinstance(y, pd.Series):
        if len(y) != len(x):
            raise ValueError(f"y without an index must have a value for each row of x ({len(x)}), but has {len(y)}")
        y = pd.Series(np.asarray(y), index=x.index)
    for what, names in (("row of x", x.index), ("row of y", y.index), ("column of x", x.columns)):
        if names.has_duplicates:
            twins = names[names.duplicated()].unique().tolist()
            raise ValueError(f"each {what} must have a name of its own, but these stand twice or more: {twins}")
    numbers = [_numbers(x[name], f"the column {name!r}") for name in x]
    return pd.concat(numbers, axis=1) if numbers else x, _numbers(
        y.rename("the score" if y.name is None else y.name), "y"
    )


def _numbers(values: pd.Series, what: str) -> pd.Series:
    numbers = floats(values, what, "leave it out")
    if np.isinf(numbers).any():
        raise ValueError(f"{what} must be finite or NaN, but is infinite in {int(np.isinf(numbers).sum())} rows")
    return numbers


def _correlation(x: pd.Series, y: pd.Series, method: str, alpha: float) -> dict:
    both = pd.DataFrame({"x": x, "y": y})
    kept = both.dropna()
    n = len(kept)
    row = {"x": x.name, "y": y.name, "method": method, "n": n, "left_out": len(both) - n, "verdict": ""}
    row |= dict.fromkeys(["r", "low", "high", "p", "floor"], float("nan"))
    if n < LEAST:
        return row | {"verdict": f"cannot be computed: needs {LEAST} classes with both values, has {n}"}
    constant = [name for name, column in (("the property", "x"), ("the score", "y")) if kept[column].nunique() == 1]
    if constant:
        return row | {"verdict": f"cannot be computed: {' and '.join(constant)} is the same for all {n} classes"}
    coefficient = {"pearson": stats.pearsonr, "kendall": stats.kendalltau, "spearman": stats.spearmanr}[method]
    r, p = map(float, coefficient(kept["x"].to_numpy(), kept["y"].to_numpy()))
    p = spearman_p(kept["x"].to_numpy(), kept["y"].to_numpy()) if method == "spearman" and n <= EXACT else p
    row |= {"r": r, "p": p, "floor": 0.0 if method == "pearson" else 2 / factorial(n)}
    if abs(r) < 1 - 1e-12:  # at ±1 Fisher's z is infinite and says nothing about the uncertainty
        half = stats.norm.ppf(1 - alpha / 2) * np.sqrt(VARIANCES[method](r, n))
        row |= {"low": float(np.tanh(np.arctanh(r) - half)), "high": float(np.tanh(np.arctanh(r) + half))}
    return row


def spearman_p(x: np.ndarray, y: np.ndarray) -> float:
    """Return the exact two-sided p of Spearman's r: the share of all orders of *y* with at least that ``|r|``."""
    x, y = stats.rankdata(x) - (len(x) + 1) / 2, stats.rankdata(y) - (len(y) + 1) / 2
    sums = np.array(list(permutations(y))) @ x
    return float(np.mean(np.abs(sums) >= abs(x @ y) - 1e-9))


def _verdict(row: dict, floor: float, words: str, alpha: float) -> str:
    if floor > alpha:
        return f"cannot be decided with n = {row['n']} classes: the smallest possible p{words} is {floor_text(floor)}"
    if row["p_adjusted"] > alpha:
        return f"no relation with {row['y']} shown"
    return f"{'higher' if row['r'] > 0 else 'lower'} {row['y']} where {row['x']} is higher"
