"""The splits of a dataset in one block: which items train, validate and test, and their pixel counts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rarepix.choices import ChoiceError
from rarepix.data.inventory import take_inventory
from rarepix.data.inventory.similar import similar_groups
from rarepix.data.scarcity import thin
from rarepix.data.settings import DataConfig
from rarepix.data.source import DataError, Item, Source
from rarepix.data.splits import clusters, make_split
from rarepix.data.splits.groups import read_groups
from rarepix.labels import LabelSpace


class Split(NamedTuple):
    """One split of a dataset."""

    items: list[Item]
    inventory: pd.DataFrame
    """Rows in the order of *items*; columns: the classes, border, height, width."""


class Splits(NamedTuple):
    """All splits of a dataset in one block."""

    by_name: Mapping[str, Split]
    """train, val and, where there is one, test."""
    inventory: pd.DataFrame
    """Of all splits, without the images that thinning removed."""
    folds: pd.Series
    """Image id → fold, of the list that was split (with ``split: listed`` 0 validates and 1 trains)."""
    centroids: pd.DataFrame | None = None
    """Cluster × class, of a split by clusters."""
    thinned: tuple[str, ...] = ()
    """Ids of the images that were removed from the training list."""
    groups: pd.Series | None = None
    """Image id → group of the images that were split, where they have groups."""


def make_splits(source: Source, config: DataConfig, *, seed: int, cache: Path | None = None) -> Splits:
    """Take the inventory of every list that *config* names, thin the training list and split the rest into folds.

    Args:
        source: the dataset.
        config: lists, thinning, kind of split and the fold that validates.
        seed: of the split.
        cache: folder of stored inventories; see ``take_inventory``.

    Raises:
        DataError: a list or a file is unusable, splits overlap, the list cannot be thinned or split as *config* says,
            or a class is absent from the training split.
        ChoiceError: *config* has an unknown name.
    """
    lists = {"train": config.train_list, "val": config.val_list, "test": config.test_list}
    items = {split: source.items(name) for split, name in lists.items() if name is not None}
    _check_disjoint(items)
    all_items = [item for of_split in items.values() for item in of_split]
    inventory = take_inventory(all_items, source.labels, cache=cache)

    with _as_data_errors():
        removed = _ids_to_remove(inventory.loc[[item.id for item in items["train"]]], source.labels, config)
    inventory = inventory.drop(index=removed)
    items["train"] = [item for item in items["train"] if item.id in inventory.index]

    if config.split == "listed":
        centroids = groups = None
        folds = pd.Series({item.id: int(split == "train") for split in ("train", "val") for item in items[split]})
    else:
        with _as_data_errors():
            groups = groups_of(source, config, items["train"], cache)
            of_list = inventory.loc[[item.id for item in items["train"]]]
            folds, centroids = _assign_folds(of_list, source.labels, config, seed, groups)
        held_out = folds == config.fold
        items["val"] = [item for item in items["train"] if held_out[item.id]]
        items["train"] = [item for item in items["train"] if not held_out[item.id]]

    names = [name for name in ("train", "val", "test") if name in items]
    splits = {name: Split(items[name], inventory.loc[[item.id for item in items[name]]]) for name in names}
    _check_classes(splits["train"], list(source.labels.names), config)
    return Splits(splits, inventory, folds.rename("fold").rename_axis("image"), centroids, tuple(removed), groups)


@contextmanager
def _as_data_errors() -> Iterator[None]:
    """Turn ``ValueError``: what a table of counts does not allow is an error of the data with this configuration."""
    try:
        yield
    except (DataError, ChoiceError):
        raise
    except ValueError as error:
        raise DataError(str(error)) from error


def _ids_to_remove(inventory: pd.DataFrame, labels: LabelSpace, config: DataConfig) -> list[str]:
    if config.scarcity is None:
        return []
    kept = thin(inventory[list(labels.names)], **dict(config.scarcity), allow_absent=config.allow_absent)
    return inventory.index.difference(kept, sort=False).tolist()


def groups_of(source: Source, config: DataConfig, items: Sequence[Item], cache: Path | None = None) -> pd.Series | None:
    """Return image id → group of *items*; None without groups.

    Raises:
        DataError: the file of the groups cannot be used, or lacks an image.
    """
    if config.groups == "auto":
        return similar_groups(items, cache=cache).set_index("image")["group"]
    return read_groups(source.root, config.groups, [item.id for item in items]) if config.groups else None


def _assign_folds(
    inventory: pd.DataFrame, labels: LabelSpace, config: DataConfig, seed: int, groups: pd.Series | None
) -> tuple[pd.Series, pd.DataFrame | None]:
    """Return the fold of each image, and the centroids of a split by clusters."""
    counts = inventory[list(labels.names)]
    ignoring = labels.background_names
    centroids = clusters.fit(counts, ignoring=ignoring) if config.split == "proportion_cluster" else None
    folds = make_split(
        counts,
        config.split,
        folds=config.folds,
        seed=seed,
        on=config.split_on or "presence",
        groups=groups,
        centroids=centroids,
        ignoring=ignoring,
    )
    return folds, centroids


def _check_disjoint(items: Mapping[str, list[Item]]) -> None:
    split_of: dict[str, str] = {}
    for split, members in items.items():
        for item in members:
            if item.id in split_of:
                raise DataError(
                    f"an image must be in one list only, but {item.id!r} is in the {split_of[item.id]} and "
                    f"the {split} list: take it out of one of them"
                )
            split_of[item.id] = split


def _check_classes(train: Split, classes: list[str], config: DataConfig) -> None:
    absent = [name for name in classes if not train.inventory[name].any() and name not in config.allow_absent]
    if absent:
        place, remedy = "the training list", "add images"
        if config.split != "listed":
            place = f"fold {config.fold} of split {config.split!r}"
            stratified = "" if config.split == "multilabel" else "data.split=multilabel, "
            remedy = f"use {stratified}more images, fewer folds, another fold or seed"
        raise DataError(
            f"every class must be in at least one training image, but {place} has none of: {', '.join(absent)}: "
            f"{remedy}, correct the classes in dataset.json, or accept it with data.allow_absent={absent}"
        )
