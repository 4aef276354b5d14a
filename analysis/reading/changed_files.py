"""Which files of a study changed since the last check: ``--watch`` writes the report again when one did."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rarepix.layout import TRIALS
from rarepix.nni_database import JOURNALS, database_file

WATCHED = {
    "trials/*/record.json": "record",
    "trials/*/history.csv": "history",
    "trials/*/images.parquet": "image table",
    "search/ledger.jsonl": "journal",
}
"""Pattern of files in a study's folder → what one of them is called in messages."""
FileStates = dict[Path, tuple[str, int, int]]
"""File → its name in messages, its modification time (ns), its size (bytes)."""


def file_states(paths: Iterable[Path]) -> FileStates:
    """Return the current state of the files from which the studies at *paths* are read."""
    states: FileStates = {}
    for place in paths:
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
            except OSError:  # it was just replaced or removed: the next check sees it
                continue
            states[file] = (name, state.st_mtime_ns, state.st_size)
    return states


def describe_changes(before: FileStates, after: FileStates) -> str:
    """Return which files are new, gone or rewritten, as text: ``2 records, 1 history``; empty if none is."""
    different = [file for file in before.keys() | after.keys() if before.get(file) != after.get(file)]
    counts = Counter((after.get(file) or before[file])[0] for file in different)
    names = [name for name in (*WATCHED.values(), "database", "table") if counts[name]]
    plural = {name: f"{name}s" for name in names} | {"history": "histories"}
    return ", ".join(f"{counts[name]} {name if counts[name] == 1 else plural[name]}" for name in names)
