"""The curves over thresholds of all trials in one table: what is found in images with foreground and in empty ones."""

import pandas as pd

from analysis.reading.tables import THRESHOLD_COLUMNS, empty
from rarepix.record_splits import SplitCurves
from rarepix.records import TrialRecord

HEAD, PIXELS = "presence", "pixels"
"""What says that something is in an image, in the order in which it is asked."""


def threshold_rows(records: list[TrialRecord]) -> pd.DataFrame:
    """Return a row per trial, split and threshold, see ``THRESHOLD_COLUMNS``.

    ``found`` and ``alarms`` are images by the presence head where the network has one, else by the most probable pixel.
    There are no rows of records without curves: of older versions, or without empty images.
    """
    parts = [
        pd.DataFrame(_columns(curves)).assign(trial=record.trial, split=split)
        for record in records
        for split, curves in record.curves.items()
    ]
    return pd.concat(parts, ignore_index=True)[THRESHOLD_COLUMNS] if parts else empty("threshold_curves")


def _columns(curves: SplitCurves) -> dict[str, object]:
    images = curves.images.get(HEAD) or curves.images[PIXELS]
    columns = {"threshold": curves.threshold, "positive": curves.positive, "empty": curves.empty}
    columns |= {"found": images.found, "alarms": images.alarms}
    of_pixels = curves.pixels.model_dump() if curves.pixels else {}
    for name in ("recall", "recall_low", "recall_high", "area"):
        columns[name] = pd.Series(of_pixels.get(name, float("nan")), range(len(curves.threshold)), dtype=float)
    return columns
