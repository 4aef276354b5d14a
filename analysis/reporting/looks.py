"""The record of looks at a study: which extensions were planned after its comparisons had been read."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from analysis.reading.tables import Tables
from analysis.study.comparisons import comparison_rows
from analysis.study.leaderboard import leaderboard
from analysis.study.results import Results
from rarepix.layout import JOURNAL, LOOKS


def record_look(study: Path, tables: Tables, results: Results) -> None:
    """Append a line to the record of the search in folder *study* if any comparison was tested.

    Without a journal there is no search that could be extended, and nothing is recorded.

    Raises:
        OSError: the record cannot be written.
    """
    if not (study / JOURNAL).is_file() or not comparison_rows(results.comparisons)["p"].notna().any():
        return
    look = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "complete": len(leaderboard(tables))}
    # One write to the end of the file: two reports at once leave two lines.
    file = os.open(study / LOOKS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, json.dumps(look).encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
