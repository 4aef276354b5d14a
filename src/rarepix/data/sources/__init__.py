"""Readers of dataset layouts, by name."""

from collections.abc import Callable
from pathlib import Path

from rarepix.choices import pick
from rarepix.data.settings import DataConfig
from rarepix.data.source import DataError, Source
from rarepix.data.sources.cityscapes import CityscapesSource
from rarepix.data.sources.lesions import LesionSource
from rarepix.data.sources.polyp import PolypSource
from rarepix.data.sources.voc import VocSource
from rarepix.paths import expand

SOURCES: dict[str, Callable[..., Source]] = {
    "voc": VocSource,
    "cityscapes": CityscapesSource,
    "lesions": LesionSource,
    "polyp": PolypSource,
}
"""``data.source`` → what opens a folder of that layout with the parameters of the source."""


def open_source(name: str, root: Path, *, merge: bool = False) -> Source:
    """Return the reader, by its name in ``SOURCES``, of the dataset in *root*; with *merge* all classes are one.

    Raises:
        FileNotFoundError: *root* is no folder, or not one of this layout.
        DataError: what the dataset says about itself cannot be used, or its classes cannot be merged.
        ValueError: unknown source name.
    """
    reader = pick(SOURCES, name, "data.source")
    if not root.is_dir():
        raise FileNotFoundError(
            f"the dataset must be a folder, but {root} {'is a file' if root.exists() else 'does not exist'}: draw the "
            f"demo data with 'rarepix demo-data data/demo', or give the folder of your own (in a recipe: data.root)"
        )
    if merge and name != "lesions":
        raise DataError(f"only the classes of lesions can be merged, but the source is {name}: leave out merge")
    return reader(root, merge=True) if merge else reader(root)


def source_of(config: DataConfig) -> Source:
    """Return the reader of the dataset that *config* names; raises as ``open_source`` and ``paths.expand``."""
    return open_source(config.source, expand(config.root), merge=config.parameters().get("merge", False))
