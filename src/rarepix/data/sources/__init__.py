"""Readers of dataset layouts, by name."""

from collections.abc import Callable
from pathlib import Path

from rarepix.choices import pick
from rarepix.data.source import Source
from rarepix.data.sources.voc import VocSource

SOURCES: dict[str, Callable[[Path], Source]] = {
    "voc": VocSource,
}


def open_source(name: str, root: Path) -> Source:
    """Return the reader of the dataset in *root*.

    Raises:
        FileNotFoundError: *root* is no folder, or not one of this layout.
        ValueError: unknown source name.
    """
    reader = pick(SOURCES, name, "data.source")
    if not root.is_dir():
        raise FileNotFoundError(
            f"the dataset must be a folder, but {root} {'is a file' if root.exists() else 'does not exist'}: draw the "
            f"demo data with 'rarepix demo-data data/demo', or give the folder of your own (in a recipe: data.root)"
        )
    return reader(root)
