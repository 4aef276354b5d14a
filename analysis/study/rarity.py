"""Does rarity explain the scores? Class properties against class IoU."""

import pandas as pd

from analysis.reading.collect import Tables
from analysis.statistics.correlate import correlate
from analysis.study.leaderboard import PROPERTIES, class_summary

RAREST_FIRST, AS_IN_FILE = "rarest class first", "classes in the order of the file"
EMPTY = ["x", "y", "method", "r", "low", "high", "p", "p_adjusted", "n", "verdict"]


def order_words(amounts: pd.DataFrame) -> str:
    """Return in words how classes are sorted: rarest first, or as they came where nothing is known of their rarity.

    Args:
        amounts: has the column ``train_pixels`` that they are sorted by: ``class_summary``, ``class_differences`` or
            the classes of a study.
    """
    return RAREST_FIRST if amounts["train_pixels"].notna().any() else AS_IN_FILE


def class_correlations(tables: Tables, correction: str | None = "bh") -> pd.DataFrame:
    """Return the correlations of class properties with class IoU: mean over complete trials, and the best trial's."""
    summary = class_summary(tables)
    if summary.empty or summary[list(PROPERTIES)].isna().all().all():
        return pd.DataFrame(columns=EMPTY)
    summary = summary.set_index("class")
    y = {"mean IoU": summary["iou"], "IoU in the best trial": summary["best"]}
    parts = [
        correlate(summary[list(PROPERTIES)], scores.rename(name), correction=correction) for name, scores in y.items()
    ]
    return pd.concat(parts, ignore_index=True)
