"""The three verdicts on every pair of levels as a table: a word each, the rule that fits them, and one sentence."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.equivalence import SURE
from analysis.study.verdict_rules import (
    CANNOT_TELL,
    EQUIVALENT,
    HIGHER,
    LOWER,
    NONE,
    NOT_SHOWN,
    UNDECIDABLE,
    UNTESTED,
    Verdicts,
)
from analysis.study.verdict_sentences import verdicts_sentence

COLUMNS = ["treatment", "score", "a", "b", "exact", "model", "practical", "rule", "agree", "sentence"]


def agreement(
    rows: pd.DataFrame, opinion: pd.DataFrame, likely: pd.DataFrame, alpha: float = 0.05, *, minimize: bool = False
) -> pd.DataFrame:
    """Return a row per pair of levels: the three verdicts in a word each, the rule that fits, and one sentence.

    Args:
        rows: of ``compare``.
        opinion: of ``linear_model`` for the same pairs; empty where nothing is paired.
        likely: of ``practical``, likewise.
        minimize: less of the score is better, as ``practical`` was told.

    Returns:
        ``exact`` (one of ``EXACT``), ``model`` (``MODEL``) and ``practical`` (``PRACTICAL``) say what b is against a.
    """
    models, chances = _by_pair(opinion), _by_pair(likely)
    found = [_agreement(row, models, chances, alpha, minimize) for row in rows.to_dict("records")]
    return pd.DataFrame(found, columns=COLUMNS)


def _by_pair(table: pd.DataFrame) -> dict[tuple, dict[str, Any]]:
    return {(row["a"], row["b"]): row for row in table.to_dict("records")}


def _agreement(row: dict, models: dict[tuple, dict], chances: dict[tuple, dict], alpha: float, minimize: bool) -> dict:
    pair = row["a"], row["b"]
    model, likely = models.get(pair), chances.get(pair)
    verdicts = Verdicts(exact_word(row, alpha), model_word(model, alpha), practical_word(likely, minimize=minimize))
    named = {name: row[name] for name in ("treatment", "score", "a", "b")} | verdicts._asdict()
    sentence = verdicts_sentence(verdicts, row, model, likely)
    return named | {"rule": verdicts.rule, "agree": verdicts.agree, "sentence": sentence}


def exact_word(row: dict, alpha: float) -> str:
    """Return what the exact test says of b against a, one of ``EXACT``."""
    if np.isnan(row["p"]):
        return UNTESTED
    if row["floor_adjusted"] > alpha:
        return UNDECIDABLE
    if row["p_adjusted"] > alpha:
        return NOT_SHOWN
    return HIGHER if row["direction"] > 0 else LOWER


def model_word(row: dict | None, alpha: float) -> str:
    """Return what the linear model says of b against a, one of ``MODEL``."""
    if row is None or np.isnan(row["p_adjusted"]):
        return NONE
    if row["p_adjusted"] > alpha:
        return NOT_SHOWN
    return HIGHER if row["t"] > 0 else LOWER


def practical_word(row: dict | None, *, minimize: bool = False) -> str:
    """Return whether b is higher or lower than a by enough to matter, one of ``PRACTICAL``."""
    if row is None or np.isnan(row["p_better"]):
        return NONE
    better, worse = (LOWER, HIGHER) if minimize else (HIGHER, LOWER)
    chances = {EQUIVALENT: row["p_equivalent"], better: row["p_better"], worse: row["p_worse"]}
    return next((word for word, chance in chances.items() if chance > SURE), CANNOT_TELL)
