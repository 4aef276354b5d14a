"""Tune a gate on validation images: its form on some of them, its last threshold and how sure it is on the others.

A form is everything but one number: which mask, which least areas, how the thresholds of the classes differ. It is
chosen by the images that choose. The number that is left orders all gates of the form, from one that finds everything
to one that finds nothing; it is set by the empty images that certify, so that as many alarm as were allowed in advance.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from rarepix.evaluation import gates
from rarepix.evaluation.gate_features import GateFeatures
from rarepix.evaluation.gates import GateError, Parts, allowed_alarms, threshold_of_rank
from rarepix.gates import Certificate, Gate, Rate, conditions, probability_of
from rarepix.labels import LabelSpace, Task

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Of what the choosing empty images show: the strictness of conditions that are tried beside the last threshold."""
TRIED = 33
"""Last thresholds that are tried for the best of a score."""
ORDER = ("classifier", "presence", "pixels", "area")
"""The first of these that a gate asks for has the last threshold."""
MISSING = {
    "presence": "the network has no presence head: train one with model.presence, or use another kind",
    "classifier": "no classifier is given: name its trial",
    **dict.fromkeys(("pixels", "area"), "the network predicts no masks: use the kind presence"),
}
"""Condition → what is missing where the network cannot tell it, and what to do."""
ScoreOf = Callable[[Mapping[str, np.ndarray]], float]
"""Pooled sums of images → a score of which more is better; NaN where it is absent."""


class Goal(NamedTuple):
    """What a gate is tuned for: a rate of false alarms on empty images, or else the best of a score."""

    false_alarms: float | None = None
    score: str | None = None
    score_of: ScoreOf | None = None


class Form(NamedTuple):
    """A gate but for its last threshold."""

    mask: int
    """Position of the threshold of pixels."""
    area: np.ndarray
    """K: pixels at least."""
    pixels: np.ndarray
    """K: the logit of the greatest probability must be above this."""
    last: str
    """The condition whose threshold is left."""
    offsets: np.ndarray
    """K: the last threshold of a class is the common number plus this."""


def tune(
    features: GateFeatures,
    kind: str,
    goal: Goal,
    *,
    generator: np.random.Generator,
    units: np.ndarray | None = None,
    confidence: float = gates.CONFIDENCE,
) -> tuple[Gate, Certificate]:
    """Return the gate of this *kind* for the *goal*, and how sure it is what it does.

    *units* (N) say which images are not independent, see ``gates.divide``; None: all are.

    Raises:
        GateError: a sort of image, or an output of the network, is missing.
    """
    check(features, kind)
    has_units = units is not None
    units = units if has_units else np.arange(len(features.truth))
    parts = _divide(features, kind, goal, units, generator)
    choosing = features.select(parts.choose)
    if goal.false_alarms is None:
        gate, rank = _best(features, parts, kind, goal), None
    else:
        empty = features.select(parts.empty)
        rank = allowed_alarms(len(parts.empty), goal.false_alarms)
        form = max(_forms(choosing, kind), key=lambda form: _sensitivity(form, choosing, goal.false_alarms))
        gate = _gate(form, threshold_of_rank(_of_images(form, empty), rank), features, kind)
    certificate = _certify(gate, features, parts, rank, goal, confidence, "groups" if has_units else "images")
    return gate, certificate


def check(features: GateFeatures, kind: str) -> None:
    """Raise ``GateError`` if the images or the network of these features do not allow a gate of this *kind*."""
    check_labels(features.labels)
    for name in conditions(kind):
        has = features.presence if name in ("presence", "classifier") else features.pixels
        if has is None:
            raise GateError(f"a gate of kind {kind!r} asks for {name}, but {MISSING[name]}")
    missing = [
        f"{sort} image ({what})"
        for sort, images, what in (
            ("no empty", features.empty, "without any class but the background"),
            ("no positive", features.positive, "with a class that is not the background"),
        )
        if not images.any()
    ]
    if missing:
        raise GateError(
            f"a gate is tuned on empty and on positive images, but the validation part has {' and '.join(missing)} "
            f"among its {len(features.truth)}: use another split or fold, or add such images"
        )


def check_labels(labels: LabelSpace) -> None:
    """Raise ``GateError`` unless an image can be empty of all *labels*, and can hold one."""
    if not labels.presence_names or (labels.background is None and labels.task is Task.MULTICLASS):
        raise GateError(
            f"a gate empties images of a class, for which there must be a background and a class beside it, but the "
            f"{labels.task} classes are {', '.join(labels.names)} and the background is "
            f"{', '.join(labels.background_names) or 'none'}: do without a gate, or name the background of the dataset"
        )


def _divide(features: GateFeatures, kind: str, goal: Goal, units: np.ndarray, generator: np.random.Generator) -> Parts:
    """Return which images choose and which certify; where there is only one form, all certify."""
    empty, positive = features.empty, features.positive
    if goal.false_alarms is not None and kind != "pixels" and "+" not in kind and features.truth.shape[1] == 1:
        certify = [gates.one_of_each(units, images, generator) for images in (empty, positive)]
        return Parts(np.zeros(len(units), bool), *certify)
    return gates.divide(units, empty, positive, generator)


def _forms(choosing: GateFeatures, kind: str) -> Iterator[Form]:
    """Yield the forms that are tried, the mildest first, of which the first is taken among equals."""
    names, classes = conditions(kind), choosing.truth.shape[1]
    last = next(name for name in ORDER if name in names)
    mask, empty = _best_mask(choosing), choosing.select(choosing.empty)
    areas = np.zeros((len(empty.truth), classes)) if empty.areas is None else empty.areas[:, mask].astype(float)
    nothing = np.ones(classes), np.full(classes, -np.inf)
    tried = [QUANTILES if name in names and name != last else QUANTILES[:1] for name in ("area", "pixels")]
    for of_area, of_pixels in product(*tried):
        area = _quantiles(areas, areas > 0, of_area, nothing[0])
        pixels = nothing[1] if empty.greatest is None else _quantiles(empty.greatest, areas > 0, of_pixels, nothing[1])
        form = Form(mask, np.ceil(area), pixels, last, np.zeros(classes))
        yield form
        if classes > 1:
            yield form._replace(offsets=_offsets(form, empty))


def _quantiles(values: np.ndarray, known: np.ndarray, share: float, mildest: np.ndarray) -> np.ndarray:
    """Return the quantile of each column of *values* N K where they are *known*; *mildest* at 0 and where none is."""
    columns = [np.quantile(column[where], share) if share and where.any() else lowest
               for column, where, lowest in zip(values.T, known.T, mildest, strict=True)]  # fmt: skip
    return np.maximum(columns, mildest)


def _offsets(form: Form, empty: GateFeatures) -> np.ndarray:
    """Return K numbers by which the classes' scores on empty images differ: their upper quartiles where they alarm."""
    scores = _scores(form, empty)
    known = np.isfinite(scores)
    levels = np.array([np.quantile(column[where], 0.75) if where.any() else np.nan
                       for column, where in zip(scores.T, known.T, strict=True)])  # fmt: skip
    return np.nan_to_num(levels - np.nanmean(levels)) if np.isfinite(levels).any() else np.zeros(len(levels))


def _best_mask(choosing: GateFeatures) -> int:
    """Return the threshold of pixels with the best mean Dice of the foreground over the positive images."""
    images = choosing.select(choosing.positive)
    if images.pixels is None or len(images.thresholds) == 1 or not len(images.truth):
        return 0
    background = images.labels.background
    classes = [number for number in range(images.labels.count) if number != background]
    tp, fp, fn, _ = np.moveaxis(images.pixels[:, :, classes].sum(axis=2), -1, 0)
    return int(np.argmax((2 * tp / np.maximum(2 * tp + fp + fn, 1)).mean(axis=0)))


def _scores(form: Form, features: GateFeatures) -> np.ndarray:
    """Return N K: what the last threshold is compared with; minus infinity where another condition does not hold."""
    area = None if features.areas is None else features.areas[:, form.mask]
    if form.last == "area":
        with np.errstate(divide="ignore"):
            values = np.log(area)
    else:
        values = np.asarray(features.greatest if form.last == "pixels" else features.presence, float)
    holds = np.ones(values.shape, bool)
    if area is not None:
        holds &= (area >= form.area) & (features.greatest > form.pixels)
    return np.where(holds, values - form.offsets, -np.inf)


def _of_images(form: Form, features: GateFeatures) -> np.ndarray:
    """Return N: the score of each image, the greatest of its classes."""
    return _scores(form, features).max(axis=1)


def _sensitivity(form: Form, choosing: GateFeatures, target: float) -> float:
    """Return the mean sensitivity where up to twice the *target* of the empty images alarm, on images that choose."""
    scores, empty, positive = _of_images(form, choosing), choosing.empty, choosing.positive
    if not len(scores) or not positive.any():
        return 0.0
    most = min(2 * max(1, round(target * empty.sum())), empty.sum() - 1)
    thresholds = [threshold_of_rank(scores[empty], alarms) for alarms in range(most + 1)]
    return float(np.mean([(scores[positive] > threshold).mean() for threshold in thresholds]))


def _gate(form: Form, threshold: float, features: GateFeatures, kind: str) -> Gate:
    """Return the gate of *form* with its last *threshold*."""
    names, classes = conditions(kind), features.labels.presence_names
    last = threshold + form.offsets
    area, pixels = form.area, form.pixels
    if form.last == "area":
        area = np.floor(np.exp(last)) + 1
    if form.last == "pixels":
        pixels = last
    presence = tuple(probability_of(last).tolist()) if {"classifier", "presence"} & set(names) else None
    return Gate(
        kind=kind,
        classes=classes,
        presence=presence,
        pixels=tuple(probability_of(pixels).tolist()) if "pixels" in names else None,
        mask=features.thresholds[form.mask],
        area=tuple(area.astype(int).tolist()) if "area" in names else None,
    )


def _best(features: GateFeatures, parts: Parts, kind: str, goal: Goal) -> Gate:
    """Return the gate with the best score on the images that choose, weighed as all images are."""
    choosing = features.select(parts.choose)
    weights = np.ones(len(choosing.truth))
    for all_of_them, chosen in ((features.empty, choosing.empty), (features.positive, choosing.positive)):
        weights[chosen] = all_of_them.sum() / max(chosen.sum(), 1)
    best, best_value = None, -np.inf
    for form in _forms(choosing, kind):
        scores = np.unique(_of_images(form, choosing))
        levels = np.unique(np.quantile(scores, np.linspace(0, 1, TRIED), method="nearest")) if len(scores) else []
        for level in [-np.inf, *levels]:
            threshold = level if np.isneginf(level) else level + gates.MARGIN
            gate = _gate(form, threshold, features, kind)
            sums = {name: np.tensordot(weights, values, 1) for name, values in choosing.sums(gate).items()}
            value = goal.score_of(sums)
            if value > best_value:
                best, best_value = gate, value
    if best is None:
        raise GateError(f"the score {goal.score!r} is absent on the images that choose a gate, whatever it finds: "
                        f"use another score, or more validation images")  # fmt: skip
    return best


def _certify(
    gate: Gate, features: GateFeatures, parts: Parts, rank: int | None, goal: Goal, confidence: float, units: str
) -> Certificate:
    """Return what *gate* does on the images that certify; *rank* is None of a gate that none of them has changed."""
    found = features.found(gate)
    alarms, hits = (int(found[images].any(axis=1).sum()) for images in (parts.empty, parts.positive))
    rank = alarms if rank is None else rank
    sensitivity = gates.rate_interval(hits, len(parts.positive), confidence)
    chosen = {"empty": features.empty, "positive": features.positive}
    return Certificate(
        target=goal.false_alarms,
        score=goal.score,
        confidence=confidence,
        alarms=alarms,
        rank=rank,
        images=len(parts.empty),
        bound=gates.false_alarm_bound(rank, len(parts.empty), confidence),
        alarms_by_class=dict(zip(gate.classes, found[parts.empty].sum(axis=0).tolist(), strict=True)),
        sensitivity=Rate(hits=hits, images=len(parts.positive), low=sensitivity.low, high=sensitivity.high),
        chosen_on={sort: int((images & parts.choose).sum()) for sort, images in chosen.items()},
        units=units,
    )
