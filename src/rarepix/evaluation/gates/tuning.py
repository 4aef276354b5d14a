"""Tune a gate on validation images: its form on some of them, its last threshold and how sure it is on the others.

A form is everything but one number: which mask, which least areas, how the thresholds of the classes differ. It is
chosen by the images that choose. The number that is left orders all gates of the form, from one that finds everything
to one that finds nothing; it is set by the empty images that certify, so that as many alarm as were allowed in advance.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from rarepix.evaluation.gates import bounds
from rarepix.evaluation.gates.bounds import GateError, Parts, allowed_alarms, threshold_of_rank
from rarepix.evaluation.gates.features import GateFeatures
from rarepix.evaluation.gates.forms import Form, forms, gate_of, of_images
from rarepix.gates import Certificate, Gate, Rate, conditions, has_choice
from rarepix.labels import LabelSpace, Task

TRIED = 33
"""Last thresholds that are tried for the best of a score."""
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


def tune(
    features: GateFeatures,
    kind: str,
    goal: Goal,
    *,
    generator: np.random.Generator,
    units: np.ndarray | None = None,
    confidence: float = bounds.CONFIDENCE,
) -> tuple[Gate, Certificate]:
    """Return the gate of this *kind* for the *goal*, and how sure it is what it does.

    *units* (N) say which images are not independent, see ``bounds.divide``; None: all are.

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
        form = max(forms(choosing, kind), key=lambda form: _sensitivity(form, choosing, goal.false_alarms))
        gate = gate_of(form, threshold_of_rank(of_images(form, empty), rank), features, kind)
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
    if not has_choice(kind, features.truth.shape[1], goal.score):
        certify = [bounds.one_of_each(units, images, generator) for images in (empty, positive)]
        return Parts(np.zeros(len(units), bool), *certify)
    return bounds.divide(units, empty, positive, generator)


def _sensitivity(form: Form, choosing: GateFeatures, target: float) -> float:
    """Return the mean sensitivity where up to twice the *target* of the empty images alarm, on images that choose."""
    scores, empty, positive = of_images(form, choosing), choosing.empty, choosing.positive
    if not len(scores) or not positive.any():
        return 0.0
    most = min(2 * max(1, round(target * empty.sum())), empty.sum() - 1)
    thresholds = [threshold_of_rank(scores[empty], alarms) for alarms in range(most + 1)]
    return float(np.mean([(scores[positive] > threshold).mean() for threshold in thresholds]))


def _best(features: GateFeatures, parts: Parts, kind: str, goal: Goal) -> Gate:
    """Return the gate with the best score on the images that choose, weighed as all images are."""
    choosing = features.select(parts.choose)
    weights = np.ones(len(choosing.truth))
    for all_of_them, chosen in ((features.empty, choosing.empty), (features.positive, choosing.positive)):
        weights[chosen] = all_of_them.sum() / max(chosen.sum(), 1)
    best, best_value = None, -np.inf
    for form in forms(choosing, kind):
        scores = np.unique(of_images(form, choosing))
        levels = np.unique(np.quantile(scores, np.linspace(0, 1, TRIED), method="nearest")) if len(scores) else []
        for level in [-np.inf, *levels]:
            threshold = level if np.isneginf(level) else level + bounds.MARGIN
            gate = gate_of(form, threshold, features, kind)
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
    sensitivity = bounds.rate_interval(hits, len(parts.positive), confidence)
    chosen = {"empty": features.empty, "positive": features.positive}
    return Certificate(
        target=goal.false_alarms,
        score=goal.score,
        confidence=confidence,
        alarms=alarms,
        rank=rank,
        images=len(parts.empty),
        bound=bounds.false_alarm_bound(rank, len(parts.empty), confidence),
        alarms_by_class=dict(zip(gate.classes, found[parts.empty].sum(axis=0).tolist(), strict=True)),
        sensitivity=Rate(hits=hits, images=len(parts.positive), low=sensitivity.low, high=sensitivity.high),
        chosen_on={sort: int((images & parts.choose).sum()) for sort, images in chosen.items()},
        units=units,
    )
