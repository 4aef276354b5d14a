"""What a search has planned and how it went, read from its ledger while it writes it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rarepix.layout import JOURNAL
from rarepix.records import Block
from rarepix.search.optimizer import journal
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import StudyState


@dataclass(frozen=True)
class StudySummary:
    """What the ledger of a search says, told in numbers."""

    configurations: int | None
    """How many there are to be; None where the search itself finds out."""
    blocks: int
    begun: int = 0
    """Configurations that have begun."""
    unfinished: int = 0
    """Of those, how many are to have further runs."""
    odd: dict[str, int] = field(default_factory=dict)
    """Kind of report that was late, missing or not a number → how many came."""
    hung: frozenset[str] = frozenset()
    """NNI's ids of the jobs that were stopped since they were silent."""

    @property
    def runs(self) -> int | None:
        """Configurations × blocks."""
        return None if self.configurations is None else self.configurations * self.blocks

    @property
    def left(self) -> int:
        """How many configurations have not come to their end, those among them that have not begun."""
        return self.unfinished + max((self.configurations or 0) - self.begun, 0)


def read_summary(folder: Path) -> StudySummary | None:
    """Return what the search in a study's *folder* has planned; None: it has none, NNI's own tuners keep no ledger.

    Raises:
        ledger.LedgerError: the ledger cannot be read.
    """
    file = folder / JOURNAL
    if not file.is_file():
        return None
    events = list(journal.read(file))
    if not events:
        return None
    head, *events = events
    history = StudyState(Block(**block) for block in head["blocks"])
    for event in events:
        history.apply(event)
    hung = (number for number, why in history.stops.items() if why == "hung")
    return StudySummary(
        configurations=_count(head),
        blocks=len(history.blocks),
        begun=len(history.configurations),
        unfinished=sum(found.end is None for found in history.configurations),
        odd=dict(Counter(history.odd)),
        hung=frozenset(job for number in hung if (job := history.runs[number].job)),
    )


def _count(head: dict[str, Any]) -> int | None:
    """Return how many configurations there are to be in the search that a ledger's first line describes."""
    settings = SearchSettings(**head["settings"])
    return len(head["planned"]) if settings.listed else settings.samples
