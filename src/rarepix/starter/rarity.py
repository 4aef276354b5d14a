"""Which classes are rare, and which are absent from training images."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from rarepix.data.splits import make_split
from rarepix.labels import LabelSpace
from rarepix.starter.groups import Groups

PIXEL_SHARE, IMAGE_SHARE = 0.02, 0.1
"""A class is rare that has a smaller share of the pixels than the first, or is in a smaller share of the images than
the second."""
SEEDS = (1, 2, 3, 4, 5, 6)
"""Seeds of the study, one a block: of six pairs the smallest exact p is 2 / 2⁶ = 0.03, of five 0.06. The comparisons of
three configurations need no more blocks than one comparison does, since they are tested inside closed testing."""


class Rare(NamedTuple):
    """The rare classes, and why they are."""

    names: tuple[str, ...]
    reason: str


def find_rare(table: pd.DataFrame, labels: LabelSpace) -> Rare:
    """Return the rare classes by a ``class_table`` of the images; those that the dataset names, where it does.

    The background is never rare, and neither is what is absent.
    """
    present = [name for name in labels.presence_names if table.loc[name, "images"] > 0]
    named = tuple(name for name in labels.rare if name in present)
    if len(labels.presence_names) == 1:
        return Rare(tuple(present), "the only class beside the background")
    if named:
        return Rare(named, "the dataset names them (rare_classes)")
    rule = f"below {100 * PIXEL_SHARE:.0f} % of the pixels, or in fewer than {100 * IMAGE_SHARE:.0f} % of the images"
    is_rare = (table["pixel_share"] < PIXEL_SHARE) | (table["image_share"] < IMAGE_SHARE)
    return Rare(tuple(name for name in present if is_rare[name]), rule)


class Absent(NamedTuple):
    """Classes that training images lack."""

    everywhere: tuple[str, ...]
    """No image holds them."""
    in_some_block: tuple[str, ...]
    """With one of the seeds no training image holds them, since all that do validate."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.everywhere + self.in_some_block


def find_absent(train: pd.DataFrame, labels: LabelSpace, parts: Sequence["Part"]) -> Absent:
    """Return the classes that are absent from the training list *train*, or from what trains in one of the *parts*."""
    everywhere = tuple(name for name in labels.names if not train[name].any())
    lacking = {name for part in parts for name in labels.names if not part.train[name].any()} - set(everywhere)
    return Absent(everywhere, tuple(name for name in labels.names if name in lacking))


class Part(NamedTuple):
    """The counts of the images that train and that validate in one block."""

    train: pd.DataFrame
    val: pd.DataFrame


def folded(counts: pd.DataFrame, labels: LabelSpace, folds: int, groups: Groups | None) -> Iterator[Part]:
    """Yield what trains and validates with each of ``SEEDS``, as ``data.split=multilabel`` and fold 0 cut it."""
    of_classes, group_of = counts[[*labels.names]], groups.group_of if groups else None
    for seed in SEEDS:
        fold = make_split(
            of_classes, "multilabel", folds=folds, seed=seed, groups=group_of, ignoring=labels.background_names
        )
        yield Part(counts[(fold != 0).to_numpy()], counts[(fold == 0).to_numpy()])
