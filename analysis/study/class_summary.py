"""Classes of a study: how rare each is, what IoU it got, and whether rarity explains the scores."""

import numpy as np
import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.correlate import correlate
from analysis.study.leaderboard import TEST, VALIDATION, leaderboard

PROPERTIES = {
    "train_images": "train images with the class",
    "train_pixels": "train pixels of the class",
    "train_proportion": "share of the train pixels",
}
RAREST_FIRST, AS_IN_FILE = "rarest class first", "classes in the order of the file"
EMPTY = ["x", "y", "method", "r", "low", "high", "p", "p_adjusted", "n", "verdict"]


def class_order_text(amounts: pd.DataFrame) -> str:
    """Return in words how classes are sorted, by ``train_pixels`` of *amounts* if it is known, else as in the file."""
    return RAREST_FIRST if amounts["train_pixels"].notna().any() else AS_IN_FILE


def class_correlations(tables: Tables, correction: str | None = "bh") -> pd.DataFrame:
    """Return the correlations of class properties with class IoU: mean over complete trials, and the best trial's."""
    summary = class_summary(tables)
    if summary.empty or summary[list(PROPERTIES)].isna().all().all():
        return pd.DataFrame(columns=EMPTY)
    summary = summary.set_index("class")
    y = {"mean IoU": summary["iou"], "IoU in the best trial": summary["best"]}
    x = summary[list(PROPERTIES)]
    parts = [correlate(x, scores.rename(name), correction=correction) for name, scores in y.items()]
    return pd.concat(parts, ignore_index=True)


def scored_split(tables: Tables) -> str:
    """Return the split whose class scores are shown: validation, or test where a study has scores of that alone."""
    split = tables.classes["split"]
    return TEST if (split == TEST).any() and not (split == VALIDATION).any() else VALIDATION


def rarity_known(tables: Tables) -> bool:
    """Return whether the study says how much of its classes it was trained on: a table of runs does not."""
    return bool(tables.classes["train_pixels"].notna().any())


def class_summary(tables: Tables, split: str | None = None) -> pd.DataFrame:
    """Return a row per class, rarest (fewest train pixels) first: how much of it there is, and its IoU on *split*.

    Where nothing is known of rarity, classes keep the order that they were read in. *split* None: ``scored_split``.
    ``iou`` is the mean over complete trials in which the class has one, ``trials`` how many those are, ``absent`` in
    how many it has none (neither in truth nor in prediction), ``best`` the IoU in the trial that validation ranks
    first. Amounts are means over trials, because folds differ.
    """
    ranked, split = leaderboard(tables), split or scored_split(tables)
    rows = tables.classes[tables.classes["split"] == split]
    # Looked up once per trial, not once per row.
    (trial, names), complete = pd.factorize(rows["trial"]), set(ranked["trial"])
    rows = rows[np.array([name in complete for name in names], dtype=bool)[trial]]
    grouped = rows.groupby("class", sort=False)
    summary = grouped["iou"].agg(iou="mean", sd="std", low="min", high="max", trials="count")
    summary["absent"] = grouped.size() - summary["trials"]
    for name in PROPERTIES:
        summary[name] = grouped[name].mean().astype(float)
    summary["rare"] = grouped["rare"].any()
    first = ranked["trial"].iloc[0] if len(ranked) else None
    summary["best"] = rows.loc[rows["trial"] == first, ["class", "iou"]].set_index("class")["iou"]
    return summary.sort_values("train_pixels", kind="stable").reset_index()


def class_matrix(tables: Tables, split: str | None = None, top: int | None = None) -> pd.DataFrame:
    """Return trials (best first, at most *top*) × classes (rarest first) of IoU; NaN where the class is absent."""
    split = split or scored_split(tables)
    order, ranked = class_summary(tables, split)["class"], leaderboard(tables)["trial"].head(top or len(tables.trials))
    rows = tables.classes[tables.classes["split"] == split]
    return rows.pivot(index="trial", columns="class", values="iou").reindex(index=ranked, columns=order)
