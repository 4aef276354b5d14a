"""Palettes of masks that contradict the classes' colours, or one another: the same id then has two meanings."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Colour, Item, first_of
from rarepix.labels import LabelSpace

NAMED_AT_MOST = 5


class Palettes(NamedTuple):
    """Masks whose palettes do not fit."""

    contradicting: list[Problem]
    """Of every mask that gives an id the colour of another class."""
    different: list[Problem]
    """One for all masks that give an id a colour which no class has."""


def check_palettes(items: Sequence[Item], counts: pd.DataFrame, labels: LabelSpace) -> Palettes:
    """Compare the colours of the ids that every mask holds with those of ``dataset.json``, or of most masks without it.

    Only headers are read. *counts* is the inventory's table of the *items*; those without a row are passed over.
    """
    usable = [item for item in items if item.id in counts.index]
    palettes = list(in_threads(lambda item: item.mask.palette(), usable))
    expected = dict(enumerate(labels.palette)) or _most_common(palettes, labels.count)
    times = Counter(expected.values())
    owners = {colour: number for number, colour in expected.items() if times[colour] == 1}
    origin = "dataset.json" if labels.palette else "most of the masks"
    contradicting, different = [], []
    holds = counts[[*labels.names]].to_numpy() > 0
    for item, palette in zip(usable, palettes, strict=True):
        present = holds[counts.index.get_loc(item.id)].nonzero()[0].tolist() if palette else ()
        others = [number for number in present if palette.get(number) not in (None, expected.get(number))]
        of_another = [number for number in others if palette[number] in owners]
        if of_another:
            number = of_another[0]
            owner = labels.names[owners[palette[number]]]
            message = (
                f"{item.mask.files[0]} must have the palette of the other masks and of dataset.json, but its id "
                f"{number}, {labels.names[number]!r}, has the colour {palette[number]}, which in {origin} is "
                f"{owner!r}: give the pixels the ids of their colours, or correct the palette"
            )
            contradicting.append(Problem(ProblemKind.PALETTE, item.id, message))
        elif others:
            different.append(item)
    return Palettes(contradicting, _different(different, origin))


def _most_common(palettes: Sequence[dict[int, Colour]], count: int) -> dict[int, Colour]:
    """Return id → colour of the palette that most masks have, of the first *count* ids."""
    whole = Counter(tuple(list(palette.items())[:count]) for palette in palettes if palette)
    return dict(whole.most_common(1)[0][0]) if whole else {}


def _different(items: Sequence[Item], origin: str) -> list[Problem]:
    if not items:
        return []
    message = (
        f"masks must have one palette, but {len(items)} give ids other colours than {origin}: "
        f"{first_of([item.id for item in items], NAMED_AT_MOST)}: look whether their ids mean the same classes"
    )
    return [Problem(ProblemKind.COLOURS, items[0].id, message)]
