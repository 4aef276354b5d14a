"""Groups of images that belong together: nearly equal ones, and neighbours in a video."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from rarepix.data.inventory.cache import load_table, store_table
from rarepix.data.inventory.fingerprints import Fingerprint, distances, fingerprint, likeness
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.source import Item
from rarepix.files import sha256
from rarepix.seeding import generator

READING = 1
"""Increased when other images are found than before, so that no table of the former search is returned."""
BITS = 12
"""Bits of 64 in which hashes of nearly equal images differ at most."""
NEARLY_EQUAL = 0.95
"""Least correlation of nearly equal images."""
CHECKED_PER_IMAGE = 20
"""Pairs per image whose pixels are compared at most, those with the most similar hashes: where all images are of one
kind, as those of a microscope, hashes tell little."""
SAMPLED_PAIRS = 300
"""Pairs of images of different sequences, which say how alike images of the dataset are that do not belong together."""
FILM, FILM_SHARE, FILM_PAIRS = 0.75, 0.5, 8
"""Images numbered in sequence are a film if there are so many successive pairs, of which the second share is more alike
than the first share of the sampled pairs. Of numbered images that are no film a quarter is."""
NEIGHBOURS = 0.99
"""Otherwise two successive images belong together if they are more alike than this share of the sampled pairs."""
ROWS = 512
"""Images whose hashes are compared with all others at once."""
COLUMNS = ["image", "near", "group"]
NUMBERED = re.compile(r"(.*?)(\d+)(\D*)$")


def similar_groups(
    items: Sequence[Item], *, cache: Path | None = None, progress: Advance | None = None
) -> pd.DataFrame:
    """Return a row for each item, in their order: image (its id), near, group.

    Items with one number in ``near`` are nearly equal, directly or by way of others; ``group`` also joins the images of
    a film, whose names differ in a running number alone and which are more alike, one after the other, than other
    images of the dataset. Numbers are positions of the first item. The table is stored in the folder *cache* under the
    content of the images. Images that cannot be read, or are of one colour, are alone.
    """
    file = _cache_file(cache, items)
    stored = load_table(file, COLUMNS)
    if stored is not None:
        return stored
    fingerprints = list(in_threads(fingerprint, items, progress))
    near = _joined(len(items), _nearly_equal(fingerprints))
    neighbours = _neighbours([item.id for item in items], fingerprints)
    group = _joined(len(items), [*enumerate(near), *neighbours])
    table = pd.DataFrame({"image": [item.id for item in items], "near": near, "group": group}, columns=COLUMNS)
    if file:
        store_table(table, file)
    return table


def _nearly_equal(fingerprints: Sequence[Fingerprint | None]) -> list[tuple[int, int]]:
    """Return the pairs of positions of nearly equal images."""
    readable = [position for position, of_image in enumerate(fingerprints) if of_image is not None]
    if len(readable) < 2:
        return []
    hashes = np.stack([fingerprints[position].hashes for position in readable])
    found = [], [], []
    for start in range(0, len(hashes), ROWS):
        bits = distances(hashes[start : start + ROWS], hashes[start:])
        rows, columns = np.nonzero(np.triu(bits <= BITS, k=1))
        for values, new in zip(found, (rows + start, columns + start, bits[rows, columns]), strict=True):
            values.append(new)
    first, second, bits = map(np.concatenate, found)
    kept = np.sort(np.argsort(bits, kind="stable")[: CHECKED_PER_IMAGE * len(readable)])
    candidates = [(readable[a], readable[b]) for a, b in zip(first[kept], second[kept], strict=True)]
    like = in_threads(lambda pair: likeness(fingerprints[pair[0]], fingerprints[pair[1]]), candidates)
    return [pair for pair, value in zip(candidates, like, strict=True) if value >= NEARLY_EQUAL]


def _neighbours(names: Sequence[str], fingerprints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of positions of images that follow each other in a film."""
    sequences: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for position, name in enumerate(names):
        if fingerprints[position] is not None and (match := NUMBERED.match(name)):
            sequences[match[1], match[3]].append((int(match[2]), position))
    successive = [[(a, b) for (_, a), (_, b) in pairwise(sorted(sequence))] for sequence in sequences.values()]
    usual = _usual_likeness([[position for _, position in sequence] for sequence in sequences.values()], fingerprints)
    if not len(usual):
        return
    of_film, of_neighbours = np.quantile(usual, [FILM, NEIGHBOURS])
    for pairs in successive:
        like = np.array([likeness(fingerprints[a], fingerprints[b]) for a, b in pairs])
        is_film = len(pairs) >= FILM_PAIRS and (like > of_film).mean() >= FILM_SHARE
        yield from (pair for pair, value in zip(pairs, like, strict=True) if is_film or value > of_neighbours)


def _usual_likeness(sequences: Sequence[Sequence[int]], fingerprints: Sequence[Fingerprint | None]) -> np.ndarray:
    """Return how alike sampled images of different sequences are, or any numbered ones of one sequence."""
    owner = {position: number for number, positions in enumerate(sequences) for position in positions}
    if len(owner) < 3:
        return np.empty(0)
    positions, random = [*owner], generator(0, "pairs of images", len(owner))
    pairs = random.choice(len(positions), (20 * SAMPLED_PAIRS, 2))
    pairs = [(positions[a], positions[b]) for a, b in pairs if a != b]
    apart = [(a, b) for a, b in pairs if owner[a] != owner[b]] if len(sequences) > 1 else pairs
    return np.array([likeness(fingerprints[a], fingerprints[b]) for a, b in apart[:SAMPLED_PAIRS]])


def _joined(size: int, pairs: Iterator[tuple[int, int]] | Sequence[tuple[int, int]]) -> list[int]:
    """Return for each position the least one that it is joined with by *pairs*, directly or by way of others."""
    first = list(range(size))

    def root(position: int) -> int:
        while first[position] != position:
            first[position] = first[first[position]]
            position = first[position]
        return position

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        first[high] = low
    return [root(position) for position in range(size)]


def _cache_file(cache: Path | None, items: Sequence[Item]) -> Path | None:
    if cache is None:
        return None
    digest = hashlib.sha256(f"similar {READING}\n".encode())
    try:
        for item, content in zip(items, in_threads(lambda item: sha256(item.image), items), strict=True):
            digest.update(f"{item.id}|{content}{item.bands if not item.bands.is_rgb else ''}\n".encode())
    except OSError:
        return None
    return cache / f"{digest.hexdigest()[:32]}.similar.parquet"
