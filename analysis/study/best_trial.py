"""How much the best trial's score depends on the images it was evaluated on: a bootstrap interval over images."""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.formatting import number
from analysis.statistics.image_bootstrap import COLUMNS, MEAN, dataset_iou_interval
from analysis.study.leaderboard import TEST, VALIDATION, leaderboard


def best_trial_interval(tables: Tables, seed: int = 0) -> pd.DataFrame:
    """Return the pooled IoU of the trial that validation ranks first, with its interval over images.

    Columns ``trial`` and ``split``, then those of ``dataset_iou_interval``: a row per class and one for their mean, on
    each split. No row: no trial is complete, or the best one kept no counts of single images.
    """
    ranked = leaderboard(tables)
    first = ranked["trial"].iloc[0] if len(ranked) else None
    images = tables.images[tables.images["trial"] == first]
    parts = [
        dataset_iou_interval(rows, seed=seed).assign(trial=first, split=split)
        for split in (VALIDATION, TEST)
        if len(rows := images[images["split"] == split])
    ]
    columns = ["trial", "split", *COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def best_trial_sentence(best: pd.DataFrame) -> str:
    """Return where the mean IoU of the best trial would lie on other images; nothing where no split has an interval."""
    known = best[best["class"] == MEAN].dropna(subset=["low"])
    if known.empty:
        return ""
    estimates = [
        f"{number(row.iou)} on {row.split} ({number(row.low)} to {number(row.high)}, n = {row.n} images)"
        for row in known.itertuples()
    ]
    chosen = f" On {VALIDATION} it was chosen for this score." if (known["split"] == VALIDATION).any() else ""
    return (
        f"Mean IoU of the best trial, with its 95 % interval over images: {' and '.join(estimates)}. It is about other "
        f"images of the same kind under the same trained model: another training would move it further.{chosen}"
    )
