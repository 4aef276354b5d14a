"""Annotation files in JSON, each read once in a process however often its dataset is opened."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from rarepix.data.images import is_hidden
from rarepix.data.source import DataError
from rarepix.data.sources.lists import read_text

MOST_FILES = 50


def read_json(file: Path) -> Any:
    """Return the content of *file*, which must not be changed: it is shared by all that read the same file.

    Raises:
        DataError: it cannot be read, or is no JSON.
    """
    try:
        state = file.stat()
    except OSError as error:
        raise DataError(f"{file} must be a file that can be read, but: {error.strerror}: repair it") from error
    return _read(file.resolve(), state.st_size, state.st_mtime_ns)


def json_files(*folders: Path) -> list[Path]:
    """Return the JSON files in *folders*, sorted in each.

    A folder with more than ``MOST_FILES`` has a file for each image, as labelme writes them, and is left out.
    """
    found = []
    for folder in folders:
        files = sorted(file for file in folder.glob("*.json") if not is_hidden(file) and file.is_file())
        found += files if len(files) <= MOST_FILES else []
    return found


def check_json(*folders: Path) -> None:
    """Raise ``DataError`` if a JSON file in *folders* cannot be read: it would be left out, and its list with it."""
    for file in json_files(*folders):
        read_json(file)


@lru_cache(maxsize=8)
def _read(file: Path, size: int, changed: int) -> Any:
    try:
        return json.loads(read_text(file))
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file} must be JSON, but: {error}: export it again") from error
