"""What is odd about a whole dataset, and stops no trial: classes in no image, masks of 0 and 255, files of macOS."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rarepix.data.inventory.counting import BORDER
from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.source import first_of
from rarepix.labels import LabelSpace, Task

COMPANIONS = "._*"
"""Pattern of the files that macOS leaves beside others on disks and in archives that are not its own."""


def find_oddities(
    root: Path, counts: pd.DataFrame, labels: LabelSpace, *, whole: bool, stored_ids: bool
) -> list[Problem]:
    """Return what is odd about the dataset in *root*.

    *counts* is its inventory's table, of the *whole* dataset or of some lists, which need not hold every class.
    *stored_ids* says whether masks are files of ids, in which 255 may stand for a class.
    """
    absent = _absent_classes(counts, labels) if whole else ()
    full_scale = _full_scale(counts, labels) if stored_ids else ()
    return [*absent, *full_scale, *_companions(root)]


def _absent_classes(counts: pd.DataFrame, labels: LabelSpace) -> Iterator[Problem]:
    absent = [name for name in labels.names if not counts[name].any()]
    if absent:
        ignored = int((counts[BORDER] > 0).sum())
        hint = f", and {ignored} of {len(counts)} masks hold ignored pixels ({labels.ignore})" if ignored else ""
        text = (
            f"every class must be in some image, but none holds {first_of(absent, 10)}{hint}: correct the masks, or "
            f"the file that names the classes and what is ignored"
        )
        yield Problem(ProblemKind.ABSENT, "", text)


def _full_scale(counts: pd.DataFrame, labels: LabelSpace) -> Iterator[Problem]:
    """Yield a problem if 255 is ignored in a set of two classes, though in no mask it lies beside class 1."""
    if labels.count != 2 or labels.task is Task.MULTILABEL:
        return
    ignored, holds = counts[BORDER] > 0, counts[labels.names[1]] > 0
    if ignored.any() and not (ignored & holds).any():
        text = (
            f"{int(ignored.sum())} masks hold {labels.ignore}, which is ignored, and none of them holds 1, "
            f"{labels.names[1]!r}: if {labels.ignore} means {labels.names[1]!r}, leave ignore_index out of dataset.json"
        )
        yield Problem(ProblemKind.FULL_SCALE, "", text)


def _companions(root: Path) -> Iterator[Problem]:
    number = sum(1 for _ in root.rglob(COMPANIONS))
    if number:
        yield Problem(ProblemKind.COMPANIONS, "", f"{number} files {COMPANIONS} in {root} were passed over")
