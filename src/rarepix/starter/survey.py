"""What a folder of images holds, as far as a first recipe needs to know it."""

import re
from typing import Any, NamedTuple

import pandas as pd

from rarepix.data.inventory import BORDER
from rarepix.data.inventory.inspection import Inspection, ProgressBar, inspect_dataset
from rarepix.data.inventory.summary import class_table
from rarepix.data.registry import AUTO
from rarepix.data.source import Source
from rarepix.data.sources import open_source
from rarepix.data.sources.recognition import recognise
from rarepix.labels import LabelSpace
from rarepix.paths import cache_root, expand
from rarepix.starter.groups import Groups, find_groups
from rarepix.starter.lists import Lists, choose_lists, fold_count
from rarepix.starter.rarity import Absent, Part, Rare, find_absent, find_rare, folded


class Survey(NamedTuple):
    """What is in a folder that nothing is wrong with."""

    layout: str
    """The source that reads it."""
    parameters: dict[str, Any]
    """Of the source, as they were given."""
    source: Source
    lists: Lists
    counts: dict[str, pd.DataFrame]
    """List → the inventory of its images."""
    classes: pd.DataFrame
    """The ``class_table`` of the images to train and to validate on."""
    folds: int | None
    """None: the lists say what validates."""
    groups: Groups | None
    rare: Rare
    absent: Absent
    training_images: int
    """Fewest images that train in one block."""
    always_rare: bool
    """Whether a rare class is in the images that validate, whatever the seed."""

    @property
    def labels(self) -> LabelSpace:
        """The classes."""
        return self.source.labels

    @property
    def name(self) -> str:
        """The dataset's name, as files may be called."""
        return re.sub(r"[^\w-]+", "_", self.source.name).strip("_") or "dataset"

    @property
    def learned(self) -> pd.DataFrame:
        """The inventory of the images that train or validate."""
        lists = (self.lists.train, self.lists.val)
        return pd.concat([self.counts[name] for name in lists if name is not None])

    @property
    def empty(self) -> int:
        """How many of ``learned`` hold no class but the background."""
        held = self.learned[[*self.labels.presence_names]].to_numpy().any(axis=1)
        known = self.learned[BORDER] < self.learned["height"] * self.learned["width"]
        return int((~held & known).sum())


def look(folder: str, source: str, parameters: dict[str, Any], bar: ProgressBar) -> tuple[Inspection, Survey | None]:
    """Return everything that is wrong with *folder*, and what it holds; None in place of that if something is wrong.

    Raises:
        FileNotFoundError, DataError, ConfigError: it is not of the layout *source*, or of none with ``auto``; has no
            list to train on, or too few images.
    """
    root = expand(folder)
    opened = open_source(source, root, **parameters)
    layout = recognise(root).source if source == AUTO else source
    lists = choose_lists(opened)
    cache = cache_root() / "inventory"
    result = inspect_dataset(opened, lists.names, bar, cache=cache)
    if result.problems:
        return result, None
    counts = {
        name: result.counts.loc[[image for image in result.counts.index if name in result.lists[image]]]
        for name in lists.names
    }
    lists = _without_empty(lists, counts, opened.labels)
    train, labels = counts[lists.train], opened.labels
    folds = None if lists.val else fold_count(len(train), f"{root}, list {lists.train}")
    groups = find_groups(root, opened.items(lists.train), cache=cache) if folds else None
    folds = min(folds, groups.count) if groups else folds
    parts = [Part(train, counts[lists.val])] if lists.val else [*folded(train, labels, folds, groups)]
    objects, used = result.objects, counts[lists.train].index.union(counts[lists.val].index if lists.val else [])
    classes = class_table(result.counts.loc[used], objects[objects["image"].isin(used)], [*labels.names])
    rare = find_rare(classes, labels)
    return result, Survey(
        layout=layout,
        parameters=parameters,
        source=opened,
        lists=lists,
        counts=counts,
        classes=classes,
        folds=folds,
        groups=groups,
        rare=rare,
        absent=find_absent(train, labels, parts),
        training_images=min(len(part.train) for part in parts),
        always_rare=bool(rare.names) and all(part.val[[*rare.names]].to_numpy().any() for part in parts),
    )


def _without_empty(lists: Lists, counts: dict[str, pd.DataFrame], labels: LabelSpace) -> Lists:
    """Return the lists without one to validate on that holds no object, and one to test on that has no labels."""
    if lists.val and not counts[lists.val][[*labels.presence_names]].to_numpy().any():
        note = f"the list {lists.val} holds no object, by which trials could be compared, and is not used"
        lists = lists._replace(val=None, notes=(*lists.notes, note))
    if lists.test and not counts[lists.test].eval("border < height * width").any():
        note = f"the list {lists.test} has no labels, as published ones may have none, and is not used"
        lists = lists._replace(test=None, notes=(*lists.notes, note))
    return lists
