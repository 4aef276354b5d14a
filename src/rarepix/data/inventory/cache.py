"""Tables stored under a hash of the content that they were made from, so that they are made only once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item
from rarepix.files import replacing
from rarepix.labels import LabelSpace

READING = 2
"""Increased when masks are read otherwise than before, so that no table of the former reading is returned."""


def content_key(items: Sequence[Item], labels: LabelSpace) -> str | None:
    """Return a hash of everything that is counted; None if a file cannot be read.

    It covers the label space and, in their order, every item's id, the content of its mask and how that is read, and
    the length of its image's file, but neither paths nor times of the files.
    """
    meaning = (READING, labels.names, labels.background, labels.ignore, labels.task.value)
    digest = hashlib.sha256(repr((*meaning, labels.scale) if labels.is_soft else meaning).encode())
    try:
        for item, content in zip(items, in_threads(_content, items), strict=True):
            digest.update(f"{item.id}|{content}\n".encode())
    except OSError:
        return None
    return digest.hexdigest()[:32]


def cache_file(cache: Path | None, items: Sequence[Item], labels: LabelSpace, suffix: str) -> Path | None:
    """Return the file in the folder *cache* for a table of these items; None without a folder or a key."""
    key = content_key(items, labels) if cache else None
    return cache / f"{key}{suffix}" if cache and key else None


def load_table(file: Path | None, columns: Sequence[str]) -> pd.DataFrame | None:
    """Return the table stored in *file*; None if there is none, or one that is damaged or has other columns."""
    if file is None:
        return None
    try:
        table = pd.read_parquet(file, page_checksum_verification=True)
    except (OSError, ValueError, ArrowException):
        return None
    return table if table.columns.tolist() == list(columns) else None


def store_table(table: pd.DataFrame, file: Path) -> None:
    """Store *table* in *file* atomically."""
    with replacing(file) as temporary:
        table.to_parquet(temporary, write_page_checksum=True)


def _content(item: Item) -> str:
    content = f"{item.mask.fingerprint()}|{item.image.stat().st_size}"
    return content if item.bands.is_rgb else f"{content}|{item.bands}"
