"""What a trial decided about its data before the training: the description in its record, and tables beside it."""

from pathlib import Path

from rarepix.config import TrialConfig
from rarepix.data.inventory import BORDER, inventory_hash
from rarepix.data.sources import layout_of
from rarepix.data.splits.train_val_test import Split
from rarepix.files import replacing
from rarepix.layout import CLUSTERS, DONORS, SPLIT, WEIGHTS
from rarepix.records import ClassPixels, Dataset
from rarepix.wiring import Data, counted_pixels


def describe_data(data: Data, config: TrialConfig) -> Dataset:
    """Return what a record says about the data."""
    names, splits = data.labels.names, data.splits.by_name
    return Dataset(
        name=data.name,
        root=str(config.data.root),
        source=layout_of(config.data),
        inventory_hash=inventory_hash(data.splits.inventory),
        split=config.data.split,
        split_file=SPLIT,
        classes=names,
        rare=config.evaluate.rare_classes(data.labels),
        thinned=len(data.splits.thinned),
        images={name: len(split.items) for name, split in splits.items()},
        pixels={name: counted_pixels(split) for name, split in splits.items()},
        contents={name: _contents(split, names) for name, split in splits.items()},
    )


def write_data_artifacts(data: Data, folder: Path) -> None:
    """Write the fold and the sampling weight of each image, the clusters, and the classes that are pasted.

    ``split.csv`` has a row for each image of the list that was split: image, fold, pixels of each class.
    ``weights.csv`` also says which images have foreground, where the sampling tells them from empty ones.
    """
    pixels = data.splits.inventory.drop(columns=[BORDER, "height", "width"])
    drawn = data.weights.to_frame()
    if data.foreground is not None:
        drawn["foreground"] = data.foreground.positive
    tables = {
        SPLIT: data.splits.folds.to_frame().join(pixels),
        WEIGHTS: drawn,
        CLUSTERS: data.centroids,
        DONORS: data.paste.donors if data.paste is not None else None,
    }
    for name, table in tables.items():
        if table is not None:
            with replacing(folder / name) as temporary:
                table.to_csv(temporary)


def _contents(split: Split, names: tuple[str, ...]) -> dict[str, ClassPixels]:
    table = split.inventory
    return {name: ClassPixels(images=int((table[name] > 0).sum()), pixels=int(table[name].sum())) for name in names}
