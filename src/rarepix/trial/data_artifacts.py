"""What a trial decided about its data before it trained: told in its record, and written beside it."""

from pathlib import Path

from rarepix.config import TrialConfig
from rarepix.data.inventory import BORDER, inventory_hash
from rarepix.data.splits.train_val_test import Split
from rarepix.files import replacing
from rarepix.layout import CLUSTERS, DONORS, SPLIT, WEIGHTS
from rarepix.records import ClassPixels, Dataset
from rarepix.wiring import Data


def describe_data(data: Data, config: TrialConfig) -> Dataset:
    """Return what a record says about the data."""
    names, parts = data.labels.names, data.parts.by_name
    return Dataset(
        name=data.name,
        root=str(config.data.root),
        inventory_hash=inventory_hash(data.parts.inventory),
        split=config.data.split,
        split_file=SPLIT,
        classes=names,
        rare=config.evaluate.rare or data.labels.rare,
        thinned=len(data.parts.thinned),
        images={name: len(part.items) for name, part in parts.items()},
        pixels={name: _counted(part) for name, part in parts.items()},
        contents={name: _contents(part, names) for name, part in parts.items()},
    )


def write_data_artifacts(data: Data, folder: Path) -> None:
    """Write which image is in which fold, how often it is drawn, and from which classes is pasted.

    ``split.csv`` has a row for each image of the list that was cut: image, fold, and what it holds of each class.
    """
    held = data.parts.inventory.drop(columns=[BORDER, "height", "width"])
    tables = {
        SPLIT: data.parts.folds.to_frame().join(held),
        WEIGHTS: data.weights,
        CLUSTERS: data.centroids,
        DONORS: data.paste.donors if data.paste is not None else None,
    }
    for name, table in tables.items():
        if table is not None:
            with replacing(folder / name) as temporary:
                table.to_csv(temporary)


def _counted(part: Split) -> int:
    """Return the pixels that are not ignored; classes of a multilabel task overlap, so theirs do not add up to it."""
    table = part.inventory
    return int((table["height"] * table["width"] - table[BORDER]).sum())


def _contents(part: Split, names: tuple[str, ...]) -> dict[str, ClassPixels]:
    table = part.inventory
    return {name: ClassPixels(images=int((table[name] > 0).sum()), pixels=int(table[name].sum())) for name in names}
