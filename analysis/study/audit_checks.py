"""Rows of the audit, and the wording that their sentences share."""

from typing import NamedTuple

import pandas as pd

NAN = float("nan")
NAME_LENGTH = 60


class Check(NamedTuple):
    """A figure about the search itself, and the sentence that says what it means."""

    check: str
    value: float
    low: float
    high: float
    """``low`` and ``high`` bound a 95 % interval or range, as the sentence says; NaN where there is none."""
    n: int
    sentence: str


def unknown_check(check: str, sentence: str, n: int = 0) -> Check:
    """Return the row of a figure that cannot be computed; *sentence* says what is missing."""
    return Check(check, NAN, NAN, NAN, n, sentence)


def quoted_name(configuration: str) -> str:
    """Return a configuration's name as it stands in a sentence: in quotes, a long one cut off."""
    cut = configuration if len(configuration) <= NAME_LENGTH else f"{configuration[: NAME_LENGTH - 1]}…"
    return f"'{cut}'"


def merge_same_sentences(checks: pd.DataFrame) -> pd.DataFrame:
    """Return *checks* with one row for all that share a sentence: a missing value is explained once, not six times."""
    names = checks.groupby("sentence", sort=False)["check"].agg("; ".join)
    once = checks.drop_duplicates("sentence")
    return once.assign(check=once["sentence"].map(names)).reset_index(drop=True)
