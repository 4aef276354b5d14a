"""Three or more levels together: Friedman's test, mean ranks, and which ranks differ (Nemenyi).

Within each block the scores are ranked, 1 for the highest, ties sharing the mean of their ranks. Only complete blocks
(those that hold every level) can be used; the others are named.

* Friedman (1937): chi² from the mean ranks, corrected for ties. Iman & Davenport (1980) showed it to be too cautious
  and gave F = (n - 1) chi² / (n (k - 1) - chi²) with k - 1 and (k - 1) (n - 1) degrees of freedom: that p is reported.
* Kendall's W = chi² / (n (k - 1)): 0 where the blocks do not agree at all, 1 where all of them rank alike.
* Nemenyi (1963), as Demšar (JMLR 2006) uses it: two mean ranks differ if they lie further apart than
  q_alpha(k, ∞) sqrt(k (k + 1) / (12 n)), q being the studentized range. It looks at all pairs, without ties.
"""

from collections.abc import Sequence
from math import lgamma

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.corrections import check_alpha
from analysis.statistics.formatting import friedman_sentence, unranked_sentence
from analysis.statistics.samples import as_list, complete_blocks, usable_rows

LEAST_LEVELS, LEAST_BLOCKS = 3, 2
COLUMNS = [
    "treatment", "score", "statistic", "p", "f", "n", "k", "kendall_w", "p_chi2", "floor", "incomplete", "verdict",
]  # fmt: skip


def friedman(
    table: pd.DataFrame, *, treatment: str, block: str | Sequence[str], score: str, alpha: float = 0.05
) -> pd.DataFrame:
    """Return one row: whether the levels of *treatment* differ in *score* at all.

    Returns:
        ``statistic`` (chi², with ties), ``p`` (of Iman and Davenport's ``f``, never below ``floor``), ``n`` complete
        blocks of ``k`` levels, ``kendall_w``, ``p_chi2``, ``floor`` (the exact p of blocks that all rank alike,
        1 / k!^(n-1)), ``incomplete`` (blocks left out, and what they lack) and a ``verdict``. Fewer than three levels
        or two complete blocks: NaN, and a verdict that says so.

    Raises:
        ValueError: a column is missing, no block is named, a score is infinite, or *alpha* is no chance.
    """
    check_alpha(alpha)
    scores, incomplete = _complete(table, treatment, block, score)
    n, k = scores.shape
    row = {"treatment": treatment, "score": score, "n": n, "k": k, "incomplete": "; ".join(incomplete)}
    row |= dict.fromkeys(["statistic", "p", "f", "kendall_w", "p_chi2", "floor"], float("nan"))
    if k < LEAST_LEVELS or n < LEAST_BLOCKS:
        row["verdict"] = unranked_sentence(row, LEAST_LEVELS, LEAST_BLOCKS)
        return pd.DataFrame([row], columns=COLUMNS)
    row |= _test(_ranks(scores))
    row["verdict"] = friedman_sentence(row, alpha)
    return pd.DataFrame([row], columns=COLUMNS)


def average_ranks(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str],
    score: str,
    alpha: float = 0.05,
    minimize: bool = False,
) -> pd.DataFrame:
    """Return a row per level, best first: ``level``, ``mean_rank`` (1 = highest), n, k, ``critical_difference``.

    With *minimize* less of *score* is better, and rank 1 is the lowest.

    The critical difference is Nemenyi's at *alpha*; NaN with fewer than three levels or two complete blocks. Without a
    complete block there is no rank, and no row. Raises as ``friedman`` does.
    """
    check_alpha(alpha)
    scores, _ = _complete(table, treatment, block, score)
    n, k = scores.shape
    columns = ["level", "mean_rank", "n", "k", "critical_difference"]
    if not n:
        return pd.DataFrame(columns=columns)
    critical = float("nan")
    if k >= LEAST_LEVELS and n >= LEAST_BLOCKS:
        critical = float(stats.studentized_range.ppf(1 - alpha, k, np.inf)) * _rank_error(n, k)
    ranks = pd.DataFrame({"level": scores.columns, "mean_rank": _ranks(-scores if minimize else scores).mean(axis=0)})
    ranks = ranks.assign(n=n, k=k, critical_difference=critical)
    return ranks.sort_values("mean_rank", kind="stable", ignore_index=True)[columns]


def nemenyi(table: pd.DataFrame, *, treatment: str, block: str | Sequence[str], score: str) -> pd.DataFrame:
    """Return a row per pair of levels: a, b, ``difference`` of mean ranks (positive: b ranks better) and p.

    p is already about the whole family of pairs, from the studentized range; it needs no further correction. NaN with
    fewer than three levels or two complete blocks. Raises as ``friedman`` does.
    """
    scores, _ = _complete(table, treatment, block, score)
    n, k = scores.shape
    first, second = np.triu_indices(k if n else 0, 1)
    mean_ranks = _ranks(scores).mean(axis=0) if n else np.empty(0)
    differences = mean_ranks[first] - mean_ranks[second]
    p = np.full(len(first), np.nan)
    if k >= LEAST_LEVELS and n >= LEAST_BLOCKS:
        # Mean ranks repeat, and each value of the studentized range is an integral.
        distances, where = np.unique(np.round(np.abs(differences), 12), return_inverse=True)
        p = stats.studentized_range.sf(distances / _rank_error(n, k), k, np.inf)[where]
    levels = scores.columns
    return pd.DataFrame({"a": levels[first], "b": levels[second], "difference": differences, "p": p, "n": n, "k": k})


def cliques(ranks: pd.DataFrame) -> list[tuple]:
    """Return the groups of levels that a critical-difference diagram joins by a bar, best first.

    Each is a longest run of two levels or more whose mean ranks (of ``average_ranks``) differ by less than the critical
    difference; none where there is no critical difference.
    """
    levels, means = list(ranks["level"]), ranks["mean_rank"].to_numpy(float)
    critical = ranks["critical_difference"].iloc[0] if len(ranks) else float("nan")
    groups, reached = [], 0
    for start in range(len(levels)):
        end = start + int(np.sum(means[start:] - means[start] < critical))
        if end - start > 1 and end > reached:
            groups.append(tuple(levels[start:end]))
            reached = end
    return groups


def _complete(table: pd.DataFrame, treatment: str, block, score: str) -> tuple[pd.DataFrame, list[str]]:
    blocks = as_list(block)
    if not blocks:
        raise ValueError("ranks are made within blocks, but no block was given: name the columns that levels share")
    return complete_blocks(usable_rows(table, treatment, blocks, score), treatment, blocks, score)


def _ranks(scores: pd.DataFrame) -> np.ndarray:
    """Return the ranks within each block, 1 for the highest; scores that differ by rounding alone are tied."""
    return stats.rankdata(-np.round(scores.to_numpy(float), 12), axis=1)


def _rank_error(n: int, k: int) -> float:
    """Return the standard error of a mean rank that the studentized range is measured in."""
    return float(np.sqrt(k * (k + 1) / (12 * n)))


def _test(ranks: np.ndarray) -> dict:
    n, k = ranks.shape
    # Using the actual variance of the ranks corrects for ties; without ties it is k (k + 1) / 12.
    variance = ranks.var(axis=1, ddof=1).mean()
    floor = float(np.exp(-(n - 1) * lgamma(k + 1)))
    chi2 = float(n * ((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum() / variance) if variance else 0.0
    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 1e-9 else float("inf")
    p = max(float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))), floor)
    p_chi2 = float(stats.chi2.sf(chi2, k - 1))
    return {"statistic": chi2, "p": p, "f": f, "kendall_w": chi2 / (n * (k - 1)), "p_chi2": p_chi2, "floor": floor}
