"""What changed on disk of a study since it was last looked at."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from analysis.reading.nni_database import JOURNALS, database_file
from rarepix.layout import TRIALS

WATCHED = {
    "trials/*/record.json": "record",
    "trials/*/history.csv": "history",
    "trials/*/images.parquet": "image table",
    "search/ledger.jsonl": "ledger",
}
"""Files of a study's folder → what one of them is called."""
Stamps = dict[Path, tuple[str, int, int]]
"""File → what it is called, when it was last written (ns), how many bytes it has."""


def stamps(places: Iterable[Path]) -> Stamps:
    """Return the files from which the studies at *places* are read, as they are now."""
    found: Stamps = {}
    for place in places:
        database = None if (place / TRIALS).is_dir() else database_file(place)
        if database is not None:
            files = [(database.with_name(database.name + suffix), "database") for suffix in JOURNALS]
        elif place.is_file():
            files = [(place, "table")]
        else:
            files = [(file, name) for pattern, name in WATCHED.items() for file in place.glob(pattern)]
        for file, name in files:
            try:
                state = file.stat()
            except OSError:  # it was replaced or removed just now: the next look sees what became of it
                continue
            found[file] = (name, state.st_mtime_ns, state.st_size)
    return found


def changed(before: Stamps, after: Stamps) -> str:
    """Return what is new, gone or written again, as text: ``2 records, 1 history``; nothing if nothing is."""
    different = [file for file in before.keys() | after.keys() if before.get(file) != after.get(file)]
    counts = Counter((after.get(file) or before[file])[0] for file in different)
    order = [*WATCHED.values(), "database", "table"]
    return ", ".join(f"{counts[name]} {_plural(name, counts[name])}" for name in order if counts[name])


def _plural(name: str, count: int) -> str:
    if count == 1:
        return name
    return "histories" if name == "history" else f"{name}s"
