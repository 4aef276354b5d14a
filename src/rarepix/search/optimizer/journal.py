"""The ledger of a search: its events in ``results/<study>/search/ledger.jsonl``, one JSON object a line.

A line is on disk before what it says is done. Lines (``event`` and further keys)::

    study          schema, space, settings, default, blocks, planned     the first line: what the search is of
    configuration  configuration, parameters, origin, attributes
    run            run, configuration, block, attempt, continues
    job            run, job                              NNI's id of the trial job
    report         run, epoch, metrics
    rung           configuration, attributes             what the pruner remembers
    stop           run, why                              the search asked it to stop
    end            run, outcome, cause, metrics
    look           configuration, blocks, verdict        the race looked
    close          configuration, end                    no more runs
    odd            what, job                             a report that was late, not a number, missing, of nobody
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rarepix.files import naming

SCHEMA = 1


class JournalError(RuntimeError):
    """A ledger that this search cannot go on with."""


class Journal:
    """An append-only file of events. Without a file the events are kept nowhere."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    def open(self, study: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the events so far, after making sure that they are of *study*; begin the ledger where there is none.

        Raises:
            LedgerError: it is of another search, of a newer schema, or damaged.
        """
        head = {"event": "study", "schema": SCHEMA} | study
        if self.file is None:
            return []
        if not self.file.exists():
            self.write(head)
            return []
        events = list(read(self.file))
        self._cut_half_line()
        if not events:
            self.write(head)
            return []
        _must_be(events[0], json.loads(json.dumps(head)), self.file)
        return events[1:]

    def write(self, event: dict[str, Any]) -> None:
        """Append *event*; it is on disk when this returns. Raises ``files.WriteError`` if it cannot be."""
        if self.file is None:
            return
        with naming(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as stream:
                stream.write(json.dumps(event).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())

    def _cut_half_line(self) -> None:
        """A line that a kill left half written never happened."""
        whole = self.file.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with self.file.open("r+b") as stream:
                stream.truncate(end)


def head(file: Path) -> dict[str, Any] | None:
    """Return the first event in *file*: what the search is of. None: there is none. Raises ``LedgerError``."""
    return next(read(file), None) if file.is_file() else None


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the events in *file*, the half line that a kill may have left at its end aside.

    Raises:
        LedgerError: a line that is not an event.
    """
    lines = file.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            event["event"]
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(f"{file}:{number} must be an event (JSON), but: {error!r}") from error
        yield event


def _must_be(came: dict[str, Any], wanted: dict[str, Any], file: Path) -> None:
    if came.get("event") != "study" or came.get("schema") != SCHEMA:
        raise JournalError(f"{file} must begin with a study of schema {SCHEMA}, but begins with {str(came)[:80]}")
    for key in wanted:
        if came.get(key) != wanted[key]:
            raise JournalError(
                f"{file} is of a search with another {key}: it has {came.get(key)!r}, this study {wanted[key]!r}: "
                f"start a new study, or resume this one with the file that it was started with"
            )
