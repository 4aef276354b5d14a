"""Donor classes of copy-paste: how often each is pasted, and which training images contain it. Never by test scores."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarepix import records
from rarepix.choices import pick
from rarepix.data.source import DataError
from rarepix.labels import LabelSpace
from rarepix.paths import expand


def donor_classes(parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> pd.Series:
    """Return class → probability of being pasted, with sum 1; the background is never pasted.

    A chosen class that no training image contains, or that has no score, has probability 0, with a warning.

    Args:
        parameters: of ``paste.kind=copy_paste``; ``donors`` names the rule.
        counts: image × class table of pixel counts of the training part.

    Raises:
        ChoiceError: ``paste.classes`` names a class that the dataset does not have.
        DataError: no class is left, no image contains a listed one, or the scores cannot be used.
    """
    names = [name for number, name in enumerate(labels.names) if number != labels.background]
    images = (counts[names] > 0).sum()
    weights = pick(DONORS, parameters["donors"], "paste.donors")(images, parameters, labels)
    absent = [name for name in weights.index if weights[name] and not images[name]]
    weights[absent] = 0.0
    if not weights.any():
        raise DataError(
            f"paste.donors={parameters['donors']} chose {', '.join(absent)}, which no training image holds: "
            f"choose other classes, or paste.kind=none"
        )
    if absent:
        warnings.warn(f"not pasted, since no training image holds them: {', '.join(absent)}", stacklevel=2)
    return (weights / weights.sum()).rename("probability").rename_axis("class")


def donor_rows(counts: pd.DataFrame, classes: pd.Index) -> list[np.ndarray]:
    """Return for each of *classes* the row numbers of *counts* that contain it."""
    return [np.flatnonzero(counts[name] > 0) for name in classes]


def read_scores(path: Path) -> pd.Series:
    """Return class → score from a CSV table with the columns class and score, or class → validation IoU from a record.

    Raises:
        DataError, RecordError: no file that can be read, no such columns, a score that is no finite number, a class
            twice, or a record that is not whole or has no validation counts.
    """
    if not path.exists():
        raise DataError(f"paste.scores must be a record.json or a CSV table, but {path} does not exist")
    if path.suffix == ".json":
        return _validation_iou(path)
    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise DataError(
            f"paste.scores must be a record.json or a CSV table, but {path} is neither: {' '.join(str(error).split())}"
        ) from error
    if not {"class", "score"} <= set(table.columns):
        raise DataError(f"{path} must have the columns class and score, but has {', '.join(map(str, table.columns))}")
    if not pd.api.types.is_numeric_dtype(table["score"]):
        raise DataError(f"the column score of {path} must hold numbers, but holds {table['score'].tolist()}")
    infinite = table["class"][np.isinf(table["score"])].tolist()
    if infinite:
        raise DataError(f"the scores of {path} must be finite, but that of {', '.join(map(str, infinite))} is not")
    twice = table["class"][table["class"].duplicated()].unique()
    if len(twice):
        raise DataError(f"{path} must name each class once, but names these more often: {', '.join(map(str, twice))}")
    return table.set_index("class")["score"].astype(float)


def _validation_iou(path: Path) -> pd.Series:
    try:
        counts = records.read(path).counts.get("val")
    except records.RecordError as error:  # its message may have several lines
        raise records.RecordError(" ".join(str(error).split())) from error
    if not counts:
        raise DataError(f"{path} must have validation counts, but has none: give the record of a complete trial")
    unions = {name: count.tp + count.fp + count.fn for name, count in counts.items()}
    return pd.Series({name: counts[name].tp / union if union else np.nan for name, union in unions.items()})


def _by_count(images: pd.Series, parameters: dict[str, Any], labels: LabelSpace) -> pd.Series:
    """Weigh classes in inverse proportion to the images that contain them: those below the mean, or below ``below``."""
    below = parameters["below"]
    if below is None:
        scarce = _below_the_mean(images[images > 0])
        # classes in no image stay, to be warned of; they are not drawn
        return 1 / images[(images == 0) | images.index.isin(scarce.index)].clip(lower=1)
    scarce = images[images < below]
    if scarce.empty:
        raise DataError(
            f"paste.donors=by_count needs a class that fewer than {below} training images hold, but the scarcest, "
            f"{images.idxmin()}, is in {images.min()}: give a larger paste.below, or paste.donors=uniform or listed"
        )
    return 1 / scarce.clip(lower=1)


def _by_score(images: pd.Series, parameters: dict[str, Any], labels: LabelSpace) -> pd.Series:
    """All alike; one without a score, which validation has not seen, never, with a warning."""
    path = expand(parameters["scores"])
    scores = read_scores(path)
    unknown = [str(name) for name in scores.index if name not in labels.names]
    missing = [name for name in images.index if name not in scores.index]
    faults = [f"lacks {', '.join(missing)}"] if missing else []
    faults += [f"names {', '.join(unknown)}, which the dataset does not have"] if unknown else []
    if faults:
        raise DataError(
            f"{path} must have a score for each class of the dataset (the background may be left out), but "
            f"{' and '.join(faults)}"
        )
    scores = scores[images.index]
    unscored = scores.index[scores.isna()]
    if len(unscored) == len(scores):
        raise DataError(
            f"{path} must have a score of at least one class but the background, but all are empty: "
            f"give the scores of a trial that has seen the classes"
        )
    if len(unscored):
        warnings.warn(f"not pasted, since {path} has no score: {', '.join(unscored)}", stacklevel=3)
    scores = scores.dropna()
    lowest = parameters["lowest"]
    if lowest is not None and lowest > len(scores):
        raise DataError(f"paste.lowest must be at most the number of classes with a score, {len(scores)}, not {lowest}")
    chosen = _below_the_mean(scores) if lowest is None else scores.nsmallest(lowest)
    return pd.concat([pd.Series(1.0, index=chosen.index), pd.Series(0.0, index=unscored)])


def _below_the_mean(values: pd.Series) -> pd.Series:
    """Return the values below the mean; all if none is, since all are equal."""
    below = values[values < values.mean()]
    return values if below.empty else below


def _listed(images: pd.Series, parameters: dict[str, Any], labels: LabelSpace) -> pd.Series:
    known = dict(images)
    absent = [name for name in parameters["classes"] if not pick(known, name, "class in paste.classes")]
    if absent:
        raise DataError(
            f"a class of paste.classes must be in at least one training image, but none of this fold's holds "
            f"{', '.join(dict.fromkeys(absent))}: leave it out, or use another fold"
        )
    return pd.Series(parameters["classes"]).value_counts(sort=False).astype(float)


DONORS: dict[str, Callable[[pd.Series, dict[str, Any], LabelSpace], pd.Series]] = {
    "by_count": _by_count,
    "by_score": _by_score,
    "listed": _listed,
    "uniform": lambda images, parameters, labels: pd.Series(1.0, index=images.index),
}
"""``paste.donors`` → class → weight, from the number of training images that hold each class but the background."""
