"""The same work on every item, in as many threads as there are cores."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rarepix.data.source import Item

BATCH = 8
"""Items that a thread takes at once: with small files handing over costs as much as the work."""
Advance = Callable[[int], object]
"""Is told how many more items are done."""
T = TypeVar("T")


def in_threads(work: Callable[[Item], T], items: Sequence[Item], progress: Advance | None = None) -> Iterator[T]:
    """Give what *work* makes of every item, in their order. Work that lets go of the interpreter runs side by side."""
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda batch: [work(item) for item in batch], batches):
            if progress:
                progress(len(done))
            yield from done
