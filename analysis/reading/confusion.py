"""The confusion matrices of all trials: one by one, and in one table of pixels by true and by predicted class."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import CONFUSION_COLUMNS, LeftOut, empty
from rarepix.layout import RECORD
from rarepix.records import TrialRecord


class Confusion(NamedTuple):
    """The confusion matrix of one split of a trial."""

    trial: str
    split: str
    classes: tuple[str, ...]
    pixels: np.ndarray
    """C C: true class, predicted class."""


def read_confusions(records: list[TrialRecord], left_out: LeftOut) -> list[Confusion]:
    """Return all matrices: there is none in schema 1, of a multilabel task, and of a trial without masks."""
    confusions = []
    for record in records:
        classes = record.dataset.classes if record.dataset else ()
        for split, sums in record.sums.items():
            if sums.confusion is None:
                continue
            pixels = np.array(sums.confusion)
            if pixels.shape == (len(classes), len(classes)):
                confusions.append(Confusion(record.trial, split, classes, pixels))
            else:
                must = f"must have a row and a column for each of {len(classes)} classes, but has shape {pixels.shape}"
                left_out.add(record.trial, RECORD, f"the confusion matrix of split {split!r} {must}")
    return confusions


def confusion_rows(confusions: list[Confusion]) -> pd.DataFrame:
    """Return a row per trial, split, true class and predicted class.

    Names are categories, since a thousand trials of 21 classes have a million rows.
    """
    if not confusions:
        return empty("confusion")
    sizes = [each.pixels.size for each in confusions]
    of_classes = dict.fromkeys(each.classes for each in confusions)
    names = list(dict.fromkeys(name for classes in of_classes for name in classes))
    of_classes = {classes: np.array([names.index(name) for name in classes]) for classes in of_classes}
    columns = {
        "trial": _repeated([each.trial for each in confusions], sizes),
        "split": _repeated([each.split for each in confusions], sizes),
        "true": [np.repeat(of_classes[each.classes], len(each.classes)) for each in confusions],
        "predicted": [np.tile(of_classes[each.classes], len(each.classes)) for each in confusions],
        "pixels": np.concatenate([each.pixels.reshape(-1) for each in confusions]),
    }
    for name in ("true", "predicted"):
        columns[name] = pd.Categorical.from_codes(np.concatenate(columns[name]), names)
    return pd.DataFrame(columns)[CONFUSION_COLUMNS]


def _repeated(names: list[str], times: list[int]) -> pd.Categorical:
    codes, unique = pd.factorize(np.array(names, dtype=object))
    return pd.Categorical.from_codes(np.repeat(codes, times), unique)
