"""How much scores vary from block to block, estimated from finished trials: what ``power`` needs to know."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.corrections import CLOSED
from analysis.statistics.formatting import as_text, correction_words
from analysis.statistics.power import BLOCKS, power
from analysis.statistics.power import COLUMNS as POWER
from analysis.statistics.samples import as_list, samples, usable_rows

COLUMNS = ["treatment", "score", "sd", "correlation", "sd_difference", "low", "high", "levels", "blocks", "pairs"]


def spread(
    table: pd.DataFrame, *, treatment: str, block: str | Sequence[str], score: str, alpha: float = 0.05
) -> pd.DataFrame:
    """Return one row: how much *score* varies over blocks within a level, and its paired differences between levels.

    Every pair of levels that shares two blocks or more counts by its degrees of freedom (blocks - 1). The pairs of one
    study share levels and blocks, so that they are fewer independent observations than pairs: the interval of
    ``sd_difference`` takes (levels - 1) (blocks - 1) degrees of freedom, those of a complete table.

    Returns:
        ``sd`` of one score, ``correlation`` of two levels over blocks, ``sd_difference`` = sd sqrt(2 (1 - correlation))
        with its chi² interval (``low``, ``high``, normal scores), and how many ``levels``, ``blocks`` (the most that a
        pair shares) and ``pairs`` stand behind them. NaN where no two levels share two blocks.

    Raises:
        ValueError: a column is missing, no block is named, or a score is infinite.
    """
    blocks = as_list(block)
    if not blocks:
        raise ValueError("the spread is measured over blocks, but no block was given: name the columns")
    used = usable_rows(table, treatment, blocks, score)
    pairs = [(a, b, sample) for a, b, sample in samples(used, treatment, blocks, score) if len(sample.a) > 1]
    row = {"treatment": treatment, "score": score, "pairs": len(pairs), "levels": 0, "blocks": 0}
    row |= dict.fromkeys(["sd", "correlation", "sd_difference", "low", "high"], float("nan"))
    if pairs:
        row |= _pooled([sample for *_, sample in pairs])
        row["levels"] = len({level for a, b, _ in pairs for level in (a, b)})
        freedom = (row["levels"] - 1) * (row["blocks"] - 1)
        tails = stats.chi2.ppf([1 - alpha / 2, alpha / 2], freedom)
        row["low"], row["high"] = map(float, row["sd_difference"] * np.sqrt(freedom / tails))
    return pd.DataFrame([row], columns=COLUMNS)


def _pooled(pairs: list) -> dict:
    freedom = np.array([len(sample.a) - 1 for sample in pairs], dtype=float)
    single = np.array([(np.var(sample.a, ddof=1) + np.var(sample.b, ddof=1)) / 2 for sample in pairs])
    paired = np.array([np.var(sample.b - sample.a, ddof=1) for sample in pairs])
    variance, difference = (float(freedom @ part / freedom.sum()) for part in (single, paired))
    correlation = 1 - difference / (2 * variance) if variance > 0 else float("nan")
    pooled = {"sd": variance**0.5, "correlation": correlation, "sd_difference": difference**0.5}
    return pooled | {"blocks": int(freedom.max()) + 1}


def power_from(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str],
    score: str,
    gain: float | Sequence[float] | None = None,
    blocks: int | Sequence[int] = BLOCKS,
    configurations: int | None = None,
    against_one: bool = False,
    correction: str | None = CLOSED,
    alpha: float = 0.05,
    simulations: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return ``power`` for a study like the one in *table*, from its spread, with a ``verdict`` per row in words.

    Where no two levels share two blocks, or their differences do not vary, one row without numbers says so: then name a
    spread yourself, with ``power(sd=…)``.

    Args:
        blocks: numbers of blocks of the next study.
        configurations: of the next study, compared as ``power`` says; None: as many levels as *table* measures.

    Raises:
        ValueError: an argument is out of its range, see ``power``.
    """
    measured = spread(table, treatment=treatment, block=block, score=score).iloc[0]
    if not measured["sd_difference"] > 0:
        lacking = "differences do not vary" if measured["pairs"] else "no two levels share two blocks"
        return unknown(f"The spread of {score} between levels of {treatment} cannot be measured: {lacking}.")
    rows = power(
        sd=measured["sd"], correlation=measured["correlation"], gain=gain, blocks=blocks,
        configurations=int(measured["levels"]) if configurations is None else configurations, against_one=against_one,
        correction=correction, alpha=alpha, simulations=simulations, seed=seed,
    )  # fmt: skip
    verdicts = []
    for row in rows.itertuples():
        can = f"show a gain of {as_text(float(row.gain), 2)} with {100 * row.power:.0f} % power"
        outcome = can if row.decidable else "cannot show a gain of any size"
        verdicts.append(f"{row.blocks} blocks {outcome}{correction_words(row.correction, row.comparisons)}")
    return rows.assign(verdict=verdicts)


def unknown(verdict: str) -> pd.DataFrame:
    """Return one row of ``power_from`` in which the *verdict* alone says something."""
    row = dict.fromkeys(POWER, float("nan")) | {"decidable": False, "verdict": verdict}
    return pd.DataFrame([row], columns=[*POWER, "verdict"])
