"""What a study left, counted: nothing may be lost, nothing be there twice."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.records import Status, TrialRecord
from rarepix.search.nni import orphans
from rarepix.search.optimizer import journal
from rarepix.search.studies.study import Study
from tests.faults.quick_trial import EPOCHS, history

PLANNED = 4
"""Runs of a study."""


@dataclass(frozen=True)
class Findings:
    """What is not as it should be; every list is to be empty."""

    lost: list[str]
    """Planned runs without a complete record, and records that nobody planned."""
    doubled: list[str]
    """Runs that are complete twice, final reports that NNI has twice from one attempt."""
    crooked: list[str]
    """Attempt numbers left out, epochs trained that did not follow from the checkpoint."""
    orphans: list[str]
    """Processes that still run."""

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.doubled or self.crooked or self.orphans)


def look(study: Study, tuner: str) -> Findings:
    """Return what is wrong with a study that has ended."""
    found = {file.parent.name: records.read(file) for file in layout.record_files(study.folder)}
    complete = {trial: record for trial, record in found.items() if record.status is Status.COMPLETE}
    lost = [f"{trial} is {record.status}" for trial, record in found.items() if trial not in complete]
    if len(complete) != PLANNED:
        lost.append(f"{len(complete)} of {PLANNED} are complete")
    if tuner == "OptunaAdvisor":
        lost += _missing_in_the_ledger(study.folder, complete)
    return Findings(
        lost=lost,
        doubled=_twice(complete, study.logs.parent),
        crooked=[line for trial, record in found.items() for line in _crooked(study, trial, record)],
        orphans=[str(process) for process in orphans.processes(study.id)],
    )


def _missing_in_the_ledger(folder: Path, complete: dict[str, TrialRecord]) -> list[str]:
    """The search must have heard of every complete run, and think of none that it has not."""
    runs: dict[int, dict] = {}
    ended: dict[int, str] = {}
    for event in journal.read(folder / JOURNAL):
        if event["event"] == "run":
            runs[event["run"]] = event
        elif event["event"] == "end":
            ended[event["run"]] = event["outcome"]
    good = [runs[number]["configuration"] for number, outcome in ended.items() if outcome == "complete"]
    unheard = [f"run {number} has no end in the ledger" for number in runs if number not in ended]
    if sorted(good) != list(range(len(complete))):
        unheard.append(f"the ledger has complete runs of the configurations {sorted(good)}")
    return unheard


def _twice(complete: dict[str, TrialRecord], experiment: Path) -> list[str]:
    """Parameters are drawn from ranges, so two trials with the same are one run that was done twice."""
    same = Counter(str(record.parameters) for record in complete.values())
    # a trial that was done, but whose manager did not hear of it, is run again, and reports its result again
    query = """select trialJobId from MetricData where type = 'FINAL' and timestamp > coalesce((select max(timestamp)
        from TrialJobEvent where event = 'ADD_RESUMED' and trialJobId = MetricData.trialJobId), 0)"""
    with sqlite3.connect(f"file:{experiment / 'db' / 'nni.sqlite'}?mode=ro", uri=True) as database:
        finals = Counter(trial for (trial,) in database.execute(query))
    jobs = {trial.id: trial for trial in database.trials(experiment)}
    silent = [trial for trial in complete if not any(finals[job] for job in jobs if jobs[job].run == trial)]
    return [
        *(f"{parameters} was done {count} times" for parameters, count in same.items() if count > 1),
        *(f"one attempt of {trial} made {count} final reports" for trial, count in finals.items() if count > 1),
        *(f"{trial} is complete, but NNI has no final report of it" for trial in silent),
    ]


def _crooked(study: Study, trial: str, record: TrialRecord) -> list[str]:
    folder = study.folder / "trials" / trial
    starts = [int(line) for line in (folder / "starts.txt").read_text().split()]
    found = []
    if starts != list(range(1, record.attempt + 1)):
        found.append(f"{trial} is attempt {record.attempt}, but was started as {starts}")
    before: tuple[int, int] | None = None
    for attempt, epoch in history(folder):
        # a kill between the row of an epoch and its checkpoint lets the next attempt train that epoch again
        follows = [0] if before is None else [before[1] + 1] if attempt == before[0] else [before[1], before[1] + 1]
        if epoch not in follows:
            found.append(f"{trial}: epoch {epoch} of attempt {attempt} came after {before}")
        before = (attempt, epoch)
    if record.status is Status.COMPLETE and (before is None or before[1] != EPOCHS - 1):
        found.append(f"{trial} is complete, but ended with {before}")
    return found
