"""What a search has planned and how it went, read from its ledger while it writes it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.search.advising import ledger


@dataclass(frozen=True)
class Plan:
    """What the ledger of a search says, told in numbers."""

    runs: int | None
    """Configurations × blocks; None where the search itself finds out how many they are."""
    odd: dict[str, int]
    """Kind of report that was late, missing or not a number → how many came."""
    waiting: int
    """Runs that were to be tried again, but have not been."""


def read_plan(folder: Path) -> Plan | None:
    """Return what the search in a study's *folder* has planned; None: it has none, NNI's own tuners keep no ledger.

    Raises:
        ledger.LedgerError: the ledger cannot be read.
    """
    file = folder / ledger.FILE
    if not file.is_file():
        return None
    events = list(ledger.read(file))
    runs = {event["run"]: event for event in events if event["event"] == "run"}
    ended = {event["run"] for event in events if event["event"] == "end"}
    last = {(run["configuration"], run["block"]): number for number, run in runs.items()}
    again = [number for number in last.values() if runs[number]["attempt"] > 1]
    return Plan(
        runs=_size(events[0]) if events else None,
        odd=dict(Counter(event["what"] for event in events if event["event"] == "odd")),
        waiting=sum(number not in ended for number in again),
    )


def _size(head: dict[str, Any]) -> int | None:
    """Return configurations × blocks of the search that a ledger's first line describes."""
    settings = head["settings"]
    listed = settings["configurations"]
    samples = settings["samples"] if listed is None else len(listed)
    return None if samples is None else samples * len(head["blocks"])
