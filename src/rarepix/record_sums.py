"""The sums in a record as arrays: the search and the analysis compute every score from these."""

from collections.abc import Mapping

import numpy as np

from rarepix.record_splits import ANY_CLASS, GatedSums, PresenceHistogram, SplitSums
from rarepix.records import TrialRecord
from rarepix.scores import KINDS, KINDS_OF, ClassNames, score, summary
from rarepix.scores.presence_bins import BINS


def record_sums(record: TrialRecord, split: str, *, gated: bool = False) -> tuple[dict[str, np.ndarray], ClassNames]:
    """Return the sums over the images of *split* that *record* holds, and the classes that they are of.

    With *gated* they are those with the trial's gate: none where there is no gate.

    The arrays are those that ``rarepix.scores.table`` describes, without the axis of the images. Records of schema 1
    hold the counts of pixels alone, so that all of their scores need ``pixels``. A record names no background: it is
    what the sums of presence leave out, and where there are none, no score asks for it.
    """
    counts, sums = record.counts.get(split, {}), record.sums.get(split, SplitSums())
    if gated:
        behind = record.gated.get(split, GatedSums(sums=SplitSums()))
        counts, sums = behind.counts, behind.sums
    names = tuple(counts) or (record.dataset.classes if record.dataset else ())
    rare = record.dataset.rare if record.dataset else ()
    background = () if sums.presence is None else tuple(name for name in names if name not in sums.presence)
    classes = ClassNames(names, rare, background)
    by_class = {"pixels": counts or None} | {
        kind: getattr(sums, kind) for kind in ("presence", "positive_pixels", "image_dice", "soft", "surface")
    }
    arrays = {
        kind: np.array([_values(given[name], KINDS_OF[kind]) for name in classes.of(kind)])
        for kind, given in by_class.items()
        if given is not None
    }
    if sums.foreground is not None:
        arrays["foreground"] = np.array(_values(sums.foreground, KINDS))
    if sums.presence_histogram is not None:
        rows = [*classes.of("presence_histogram"), ANY_CLASS]
        arrays["presence_histogram"] = np.stack([_filled(sums.presence_histogram[name]) for name in rows])
    return arrays | ({} if sums.confusion is None else {"confusion": np.array(sums.confusion)}), classes


def _values(given: object, kinds: tuple[str, ...]) -> list[float]:
    return [given[kind] if isinstance(given, Mapping) else getattr(given, kind) for kind in kinds]


def _filled(histogram: PresenceHistogram) -> np.ndarray:
    """Return the images B 2 of all bins."""
    images = np.zeros((BINS, 2), int)
    images[list(histogram.bins)] = np.stack([histogram.negatives, histogram.positives], axis=-1)
    return images


def named_scores(record: TrialRecord) -> tuple[str, ...]:
    """Return the scores that the recipe of *record* names: its objective, then those of ``evaluate.scores``."""
    evaluate = record.config.get("evaluate", {})
    objective = [record.objective.name] if record.objective else []
    return tuple(dict.fromkeys([*objective, *evaluate.get("scores", ())]))


def record_scores(record: TrialRecord, split: str, *, gated: bool = False) -> dict[str, float]:
    """Return ``scores.summary`` of *split*, and those of ``named_scores`` that it lacks, under their own names.

    With *gated* they are those of what is behind the trial's gate.

    The score *rare_iou* is without the floor that the objective of that name has.

    Raises:
        MissingSums: a score that the recipe names needs sums that *record* does not hold.
    """
    sums, classes = record_sums(record, split, gated=gated)
    values = summary(sums, classes)
    return values | {name: score(name, sums, classes) for name in named_scores(record) if name not in values}
