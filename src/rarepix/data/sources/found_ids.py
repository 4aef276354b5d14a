"""Which values the masks of a dataset hold, where nothing says what they mean."""

import hashlib
import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from rarepix.data.grey_masks import grey_values
from rarepix.data.source import DataError
from rarepix.files import replacing
from rarepix.labels import IGNORE
from rarepix.paths import cache_root

Values = tuple[int, ...]


def found_values(files: Sequence[Path]) -> dict[Path, Values]:
    """Return mask file → its grey values, sorted; of all *files* that can be read as grey images.

    Every file is read once: the result is stored in the cache under the files' paths, sizes and times.
    """
    states = tuple((str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    values = json.loads(_stored(states))
    return {file: tuple(found) for file, found in zip(files, values, strict=True) if found}


def full_scale_masks(masks: Sequence[Path]) -> frozenset[Path]:
    """Return the *masks* that hold 255, if it must mean class 1; none if some mask holds 1 and 255, and so ignores 255.

    Masks of two classes are often saved as 0 and 255. Files that hold no ids are passed over: counting reports them.
    """
    values_of = found_values(masks)
    if any({1, IGNORE} <= {*values} for values in values_of.values()):
        return frozenset()
    return frozenset(file for file, values in values_of.items() if IGNORE in values)


def full_scale_note(full_scale: Collection[Path], masks: Sequence[Path], description: Path, name: str) -> str:
    """Return what to tell about *masks* of which those of *full_scale* hold 255 as class 1, called *name*."""
    return (
        f"{len(full_scale)} of {len(masks)} masks in {masks[0].parent} hold 255, and none holds both 1 and 255: 255 is "
        f'taken for class 1, {name!r}; if it means ignored, write "ignore_index": 255 in {description}'
    )


@lru_cache(maxsize=4)
def _stored(states: tuple[tuple[str, int, int], ...]) -> str:
    key = hashlib.sha256(repr(states).encode()).hexdigest()[:32]
    file = cache_root() / "values" / f"{key}.json"
    if file.is_file():
        try:
            text = file.read_text(encoding="utf-8")
            if len(json.loads(text)) == len(states):
                return text
        except ValueError:
            pass  # damaged: it is made again
    with ThreadPoolExecutor() as pool:
        text = json.dumps(list(pool.map(_values, [Path(path) for path, *_ in states])))
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text


def _values(file: Path) -> list[int]:
    try:
        return np.flatnonzero(np.bincount(grey_values(file).ravel(), minlength=256)).tolist()
    except (DataError, OSError):
        return []
