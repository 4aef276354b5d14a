"""The same work on every item, in as many threads as there are cores."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rarepix.data.source import Item

BATCH = 8
"""Items that a thread takes at once: with small files the hand-over costs as much as the work."""
Advance = Callable[[int], object]
"""Called with the number of items that were finished since the last call."""
T = TypeVar("T")


def in_threads(work: Callable[[Item], T], items: Sequence[Item], progress: Advance | None = None) -> Iterator[T]:
    """Yield ``work(item)`` of every item, in their order. Only work that releases the GIL runs in parallel."""
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(lambda batch: [work(item) for item in batch], batches):
            if progress:
                progress(len(results))
            yield from results
