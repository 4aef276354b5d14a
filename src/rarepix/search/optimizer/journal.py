"""The journal of a study: its events in ``results/<study>/search/ledger.jsonl``, one JSON object per line.

An event is on disk before it takes effect. Lines (``event`` and further keys)::

    study          schema, space, settings, default, blocks, planned     the first line: which search this is
    configuration  configuration, parameters, origin, attributes
    run            run, configuration, block, attempt, continues
    job            run, job                              NNI's id of the trial job
    report         run, epoch, metrics
    rung           configuration, attributes             what the pruner stores about a configuration
    stop           run, why                              the search asked the run to stop
    end            run, outcome, cause, metrics
    look           configuration, blocks, verdict        the race tested a configuration
    close          configuration, end                    no more runs
    extend         blocks, configurations, at, looked, complete
                                                         further blocks, and (origin, parameters) of configurations;
                                                         looked: reports with tests since the beginning or the last
                                                         extension; complete: trials whose record was complete then
    odd            what, job                             an anomaly: a report late, not a number, missing, or unknown
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rarepix.files import naming
from rarepix.layout import JOURNAL, LOOKS
from rarepix.records import Block
from rarepix.search.optimizer.settings import SearchSettings, with_current_keys
from rarepix.search.optimizer.study_state import ENQUEUED, WARM_START, StudyState

SCHEMA = 1
RENAMED_ORIGINS = {"known": ENQUEUED, "earlier": WARM_START}
"""Origin of a configuration in older journals → its name now."""


class JournalError(RuntimeError):
    """A journal that this search cannot continue."""


class Journal:
    """An append-only file of events. Without a file the events are not kept."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    def open(self, study: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the events so far, after checking that they belong to *study*; begin the journal if there is none.

        Raises ``JournalError`` if it belongs to another search, has a newer schema, or is damaged.
        """
        first_line = {"event": "study", "schema": SCHEMA} | study
        events = []
        if self.file is not None and self.file.exists():
            events = list(read(self.file))
            self.cut_half_line()
        if not events:
            self.write(first_line)
            return []
        _check_same_study(events[0], json.loads(json.dumps(first_line)), self.file)
        return events[1:]

    def write(self, event: dict[str, Any]) -> None:
        """Append *event*; it is on disk when this returns. Raises ``files.WriteError`` if it cannot be written."""
        if self.file is None:
            return
        with naming(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as stream:
                stream.write(json.dumps(event).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())

    def cut_half_line(self) -> None:
        """Remove the last line if a kill left it half written: its event has not taken effect."""
        content = self.file.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            with self.file.open("r+b") as stream:
                stream.truncate(end)


@dataclass(frozen=True)
class StudySummary:
    """What a study has planned and how far it is."""

    configurations: int | None
    """How many are planned; None if that is not known beforehand."""
    blocks: int
    begun: int = 0
    unfinished: int = 0
    """Configurations that have begun and are to get further runs."""
    anomalies: dict[str, int] = field(default_factory=dict)
    """Kind of anomaly (late, nan, missing, unknown) → how many reports."""
    hung: frozenset[str] = frozenset()
    """NNI's ids of the jobs that were stopped because they did not report."""
    extended: bool = False
    """Whether it has got blocks or configurations that were not planned when it began."""
    saved: int = 0
    """Runs that are not needed, because their configuration has ended before its last block."""
    ended_runs: int = 0
    """Runs (configuration × block, without retries) that are over."""

    @property
    def runs(self) -> int | None:
        """Configurations × blocks, without the runs that are not needed."""
        return None if self.configurations is None else self.configurations * self.blocks - self.saved

    @property
    def runs_left(self) -> int:
        """How many of the planned runs are not over; 0 if it is not known how many are planned."""
        return 0 if self.runs is None else self.runs - self.ended_runs

    @property
    def left(self) -> int:
        """How many configurations have not ended, including those that have not begun."""
        return self.unfinished + max((self.configurations or 0) - self.begun, 0)


def read_summary(folder: Path) -> StudySummary | None:
    """Return the summary of the study in *folder*; None if it has no journal (NNI's own tuners write none).

    Raises ``JournalError`` if the journal cannot be read.
    """
    restored = read_state(folder)
    return restored and summarise(*restored)


def read_state(folder: Path) -> tuple[dict[str, Any], StudyState] | None:
    """Return the first line of the journal of the study in *folder*, and its state; None if it has no journal.

    Raises ``JournalError`` if the journal cannot be read, or a line does not follow from those before it.
    """
    first_line, state = None, None
    for number, event in enumerate(read(folder / JOURNAL), 1):
        try:
            if state is None:
                first_line, state = event, StudyState(Block(**block) for block in event["blocks"])
            else:
                state.apply(event)
        except (LookupError, TypeError, AttributeError, ValueError, AssertionError) as error:
            raise JournalError(
                f"{folder / JOURNAL}:{number} must follow from the lines before it, but: {error!r}: was the journal "
                "moved or replaced while its study ran? Put back the whole one, or start a new study"
            ) from error
    return None if state is None else (first_line, state)


def summarise(first_line: dict[str, Any], state: StudyState) -> StudySummary:
    """Return the summary of a study with this first line of its journal and this state."""
    hung = (number for number, why in state.stops.items() if why == "hung")
    runs_of = [state.last_attempts(configuration.number) for configuration in state.configurations]
    ended_early = [len(runs) for runs, each in zip(runs_of, state.configurations, strict=True) if each.end]
    return StudySummary(
        configurations=state.planned_count(SearchSettings(**first_line["settings"]), len(first_line["planned"])),
        blocks=len(state.blocks),
        begun=len(state.configurations),
        unfinished=sum(configuration.end is None for configuration in state.configurations),
        anomalies=dict(state.anomalies),
        hung=frozenset(job for number in hung if (job := state.runs[number].job)),
        extended=state.begun_before_extension is not None,
        saved=sum(len(state.blocks) - runs for runs in ended_early),
        ended_runs=sum(run.outcome is not None for runs in runs_of for run in runs.values()),
    )


def looks_since_extension(folder: Path) -> list[datetime]:
    """Return when reports with tests were written of the study in *folder*, since its last extension if it had one.

    Raises ``JournalError`` if the journal or the file of looks cannot be read.
    """
    extensions = [event["at"] for event in read(folder / JOURNAL) if event["event"] == "extend"]
    file = folder / LOOKS
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.is_file() else []
    try:
        times = [datetime.fromisoformat(json.loads(line)["at"]) for line in lines]
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(f"{file} must have a JSON object with a time (at) in each line, but: {error!r}") from error
    return [time for time in times if not extensions or time > datetime.fromisoformat(extensions[-1])]


def head(file: Path) -> dict[str, Any] | None:
    """Return the first event in *file*, which says which search it is; None if there is none. Raises like ``read``."""
    return next(read(file), None)


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the events in *file*, with present names; none if it is missing. A half-written last line is skipped.

    Raises ``JournalError`` at a line that is not an event.
    """
    lines = file.read_bytes().split(b"\n")[:-1] if file.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            event["event"]
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(f"{file}:{number} must be an event (JSON), but: {error!r}") from error
        yield with_current_names(event)


def with_current_names(event: dict[str, Any]) -> dict[str, Any]:
    """Return *event* with the present names of what older journals call otherwise."""
    if event["event"] == "configuration" and event.get("origin") in RENAMED_ORIGINS:
        return event | {"origin": RENAMED_ORIGINS[event["origin"]]}
    if event["event"] == "study" and "settings" in event and "planned" in event:
        planned = [[RENAMED_ORIGINS.get(origin, origin), parameters] for origin, parameters in event["planned"]]
        return event | {"settings": with_current_keys(event["settings"]), "planned": planned}
    return event


def _check_same_study(came: dict[str, Any], expected: dict[str, Any], file: Path) -> None:
    if came.get("event") != "study" or came.get("schema") != SCHEMA:
        raise JournalError(f"{file} must begin with a study of schema {SCHEMA}, but begins with {str(came)[:80]}")
    for key in expected:
        if came.get(key) != expected[key]:
            raise JournalError(
                f"{file} belongs to a search with another {key}: it has {came.get(key)!r}, this study has "
                f"{expected[key]!r}: start a new study, or resume this one with the file that it was started with"
            )
