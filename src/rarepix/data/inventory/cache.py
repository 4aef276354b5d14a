"""Tables that are kept by the content they were made of, so that the second time they are only read."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from rarepix.data.inventory.raw import whole
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item, Layers
from rarepix.files import replacing
from rarepix.labels import LabelSpace


def content_key(items: Sequence[Item], labels: LabelSpace) -> str | None:
    """Return a name for what is counted; None if a file cannot be read.

    It is made of the label space and, in their order, every item's id, the content of its mask (of every layer, and how
    layers are read) and the length of its image's file. Where the files lie and when they were written does not matter.
    """
    digest = hashlib.sha256(repr((labels.names, labels.background, labels.ignore, labels.task.value)).encode())
    try:
        for item, content in zip(items, in_threads(_content, items), strict=True):
            digest.update(f"{item.id}|{content}\n".encode())
    except OSError:
        return None
    return digest.hexdigest()[:32]


def recall(file: Path, columns: Sequence[str]) -> pd.DataFrame | None:
    """Return the table that was stored in *file*; None if there is none, or none that can be used."""
    try:
        table = pd.read_parquet(file, page_checksum_verification=True)
    except (OSError, ValueError, ArrowException):  # absent or damaged: the table is made anew and takes its place
        return None
    return table if table.columns.tolist() == list(columns) else None


def store(table: pd.DataFrame, file: Path) -> None:
    """Keep *table* in *file*, whole or not at all."""
    with replacing(file) as temporary:
        table.to_parquet(temporary, write_page_checksum=True)


def _content(item: Item) -> str:
    if isinstance(item.mask, Layers):
        layers = [file and hashlib.sha256(whole(file)).hexdigest() for file in item.mask.files]
        mask = f"{layers} above {item.mask.above}{' merged' if item.mask.merged else ''}"
    else:
        mask = hashlib.sha256(whole(item.mask)).hexdigest()
    return f"{mask}|{item.image.stat().st_size}"
