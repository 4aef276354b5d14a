"""A second opinion beside the exact tests: score = configuration + block + normal error, all comparisons at once.

It is told beside the verdict of ``compare``, never instead of it: it sees more in few blocks because it assumes more.
Which of three forms is used follows from the residuals (``residual_check``), by this rule:

1. ``unequal spread``, if Cochran's test of equal spread has p <= .01: each pair has the standard error and the degrees
   of freedom of its own differences (Student's paired t), with the studentized range for all pairs, as Games and Howell
   (1976) do for independent groups, and Šidák's correction against one level.
2. else ``ranks``, if the test of normal errors has p <= .01: the same model of the ranks of all scores, means of blocks
   taken out (aligned ranks, Hodges and Lehmann 1962). There is no interval in units of the score.
3. else ``equal spread``: one residual spread from all levels; Tukey's intervals for all pairs, Dunnett's against one.

Levels may lack blocks; the model then compares them through the levels that they share blocks with.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.corrections import check_alpha
from analysis.statistics.formatting import model_sentence, table_of_pairs
from analysis.statistics.residual_check import LEVEL, ResidualCheck, residual_check
from analysis.statistics.samples import as_list, block_matrices, in_blocks, level_pairs, sorted_levels, usable_rows
from analysis.statistics.simultaneous import largest_t, of_all_pairs, sidak_p, student_p

EQUAL, UNEQUAL, RANKS = "equal spread", "unequal spread", "ranks"
COLUMNS = [
    "treatment", "score", "a", "b", "n", "difference", "low", "high", "t", "freedom", "p_adjusted", "method", "form",
    "p_normal", "p_spread", "check", "verdict",
]  # fmt: skip


def linear_model(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str],
    score: str,
    alpha: float = 0.05,
    against: Any = None,
    form: str | None = None,
) -> pd.DataFrame:
    """Return one row per pair of levels: what a blocked linear model says, assuming normal errors.

    Args:
        block: column or columns that say which scores belong together.
        against: one level that all others are compared with, as in ``compare``.
        form: ``"equal spread"``, ``"unequal spread"`` or ``"ranks"``; None: by the rule at the top of this file.

    Returns:
        ``difference`` of the levels' effects, b minus a, with an interval (``low``, ``high``) that holds for all rows
        together with confidence 1 - *alpha*; ``t``, ``freedom`` and ``p_adjusted``; ``method`` (Tukey or Dunnett) and
        ``form``; ``check``, what is known about the assumption; a ``verdict``. ``n`` is the number of blocks that hold
        both. NaN where residuals have no degree of freedom, or where nothing connects two levels.

    Raises:
        ValueError: a column or level is missing, no block is named, a score is infinite, *alpha* is no chance, or an
            unknown *form*.
    """
    check_alpha(alpha)
    blocks = as_list(block)
    if not blocks:
        raise ValueError("the linear model takes the effects of blocks out, but no block was given: name the columns")
    if form not in (None, EQUAL, UNEQUAL, RANKS):
        raise ValueError(f"form must be one of {[EQUAL, UNEQUAL, RANKS]} or None, but got {form!r}")
    used = usable_rows(table, treatment, blocks, score, against)
    levels, rows = sorted_levels(used, treatment), []
    pairs = level_pairs(levels, against) if against is None or against in levels else []
    if pairs:
        _, scores, _ = block_matrices(in_blocks(used, treatment, blocks)[0], levels, treatment, blocks, score)
        check = residual_check(scores)
        form = form or chosen_form(check)
        numbers = [(levels.index(a), levels.index(b)) for a, b in pairs]
        method = "Tukey" if against is None else "Dunnett"
        shared = {"treatment": treatment, "score": score, "form": form, "method": method, "check": check.sentence}
        shared |= {"p_normal": check.p_normal, "p_spread": check.p_spread}
        compared = opinions(scores, numbers, form=form, one=against is not None, alpha=alpha)
        rows = [shared | {"a": a, "b": b} | each._asdict() for (a, b), each in zip(pairs, compared, strict=True)]
        rows = [row | {"verdict": model_sentence(row, alpha)} for row in rows]
    return table_of_pairs(rows, COLUMNS, treatment, levels, against)


def chosen_form(check: ResidualCheck) -> str:
    """Return the form that the residuals ask for, see the top of this file."""
    if check.p_spread <= LEVEL:
        return UNEQUAL
    return RANKS if check.p_normal <= LEVEL else EQUAL


class Opinion(NamedTuple):
    """What the model says about one pair."""

    n: int
    difference: float
    low: float
    high: float
    t: float
    freedom: float
    p_adjusted: float


def opinions(
    scores: np.ndarray, pairs: list[tuple[int, int]], *, form: str, one: bool, alpha: float = 0.05
) -> list[Opinion]:
    """Return the opinion on each of *pairs* of the columns of *scores*, blocks × levels (NaN: none).

    Args:
        one: all pairs share one level (Dunnett); else they are all pairs (Tukey).
    """
    if form == UNEQUAL:
        return [_own_spread(scores, pair, scores.shape[1], len(pairs) if one else 0, alpha) for pair in pairs]
    fitted = _fit(_aligned_ranks(scores) if form == RANKS else scores, pairs)
    of_scores = _fit(scores, pairs).estimates if form == RANKS else fitted.estimates
    n = [int((~np.isnan(scores[:, [a, b]])).all(axis=1).sum()) for a, b in pairs]
    known = fitted.estimable & (fitted.freedom > 0)
    if known.any():
        family = largest_t(fitted.covariance[np.ix_(known, known)], fitted.freedom)
        critical = family.critical(alpha)
    result = []
    for i in range(len(pairs)):
        if not known[i]:
            result.append(Opinion(n[i], float("nan"), *[float("nan")] * 3, float(fitted.freedom), float("nan")))
            continue
        error = float(np.sqrt(fitted.variance * fitted.covariance[i, i]))
        t, half = _ratio(fitted.estimates[i], error), critical * error if form == EQUAL else float("nan")
        value = float(of_scores[i])
        result.append(Opinion(n[i], value, value - half, value + half, t, float(fitted.freedom), family.p(t)))
    return result


class _Fit(NamedTuple):
    estimates: np.ndarray
    covariance: np.ndarray
    """Of the estimates, in units of the residual variance."""
    estimable: np.ndarray
    variance: float
    freedom: int


def _fit(scores: np.ndarray, pairs: list[tuple[int, int]]) -> _Fit:
    """Return the least-squares differences of *pairs* in the model level + block."""
    here = ~np.isnan(scores)
    here, scores = here[here.sum(axis=1) > 1], scores[here.sum(axis=1) > 1]
    sizes, filled = here.sum(axis=1, keepdims=True), np.where(here, scores, 0.0)
    centred = np.where(here, filled - filled.sum(axis=1, keepdims=True) / np.maximum(sizes, 1), 0.0)
    # What is left of the design of the levels once blocks are taken out.
    information = np.diag(here.sum(axis=0)).astype(float) - (here / np.maximum(sizes, 1)).T @ here
    inverse = np.linalg.pinv(information, hermitian=True)
    effects = inverse @ centred.sum(axis=0)
    contrasts = np.zeros((len(pairs), scores.shape[1]))
    for row, (a, b) in enumerate(pairs):
        contrasts[row, [a, b]] = -1, 1
    estimable = np.abs(contrasts @ inverse @ information - contrasts).max(axis=1, initial=0) < 1e-8
    freedom = int(here.sum() - len(scores) - np.linalg.matrix_rank(information))
    fitted = np.where(here, effects, 0.0)
    residuals = centred - np.where(here, fitted - fitted.sum(axis=1, keepdims=True) / np.maximum(sizes, 1), 0.0)
    variance = float((residuals**2).sum() / freedom) if freedom > 0 else float("nan")
    return _Fit(contrasts @ effects, contrasts @ inverse @ contrasts.T, estimable, variance, freedom)


def _aligned_ranks(scores: np.ndarray) -> np.ndarray:
    """Return the ranks of all *scores* less the mean of their block."""
    with np.errstate(invalid="ignore"):
        aligned = (
            scores - np.nanmean(np.where(np.isnan(scores).all(axis=1, keepdims=True), 0.0, scores), axis=1)[:, None]
        )
    ranks = np.full(scores.shape, np.nan)
    ranks[~np.isnan(scores)] = stats.rankdata(np.round(aligned[~np.isnan(scores)], 12))
    return ranks


def _own_spread(scores: np.ndarray, pair: tuple[int, int], levels: int, comparisons: int, alpha: float) -> Opinion:
    """Return the opinion on *pair* from its own differences; *comparisons*: against one level, 0: all pairs."""
    gains = scores[:, pair[1]] - scores[:, pair[0]]
    gains = gains[~np.isnan(gains)]
    n, freedom = len(gains), len(gains) - 1
    if freedom < 1:
        return Opinion(n, *[float("nan")] * 4, float(freedom), float("nan"))
    value, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(n))
    t = _ratio(value, error)
    if comparisons:
        p, each = sidak_p(student_p(t, freedom), comparisons), -np.expm1(np.log1p(-alpha) / comparisons)
        critical = float(stats.t.isf(each / 2, freedom))
    else:
        family = of_all_pairs(levels, freedom)
        p, critical = family.p(t), family.critical(alpha)
    return Opinion(n, value, value - critical * error, value + critical * error, t, float(freedom), p)


def _ratio(value: float, error: float) -> float:
    """Return t, 0 for no difference and infinite for one without spread: rounding errors are neither."""
    if abs(value) < 1e-12:
        return 0.0
    return float(value / error) if error > 1e-12 else float(np.copysign(np.inf, value))
