"""One row of the audit."""

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


def unknown(check: str, sentence: str, n: int = 0) -> Check:
    """Return the row of a figure that cannot be computed; *sentence* says what is missing."""
    return Check(check, NAN, NAN, NAN, n, sentence)


def plural(count: int, one: str, many: str = "") -> str:
    """Return ``1 trial`` or ``3 trials``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def named(configuration: str) -> str:
    """Return a configuration's name as it stands in a sentence: in quotes, a long one cut off."""
    cut = configuration if len(configuration) <= NAME_LENGTH else f"{configuration[: NAME_LENGTH - 1]}…"
    return f"'{cut}'"


def told_once(checks: pd.DataFrame) -> pd.DataFrame:
    """Return *checks* with those of the same sentence in one row: what is missing is said once, not six times."""
    names = checks.groupby("sentence", sort=False)["check"].agg("; ".join)
    once = checks.drop_duplicates("sentence")
    return once.assign(check=once["sentence"].map(names)).reset_index(drop=True)
