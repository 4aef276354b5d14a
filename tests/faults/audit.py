"""Checks what a study left on disk: every planned run is there once, and no process is left."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.nni_database import CONTINUES, DATABASE, read_database
from rarepix.records import Status, TrialRecord
from rarepix.search.nni import orphans
from rarepix.search.optimizer import journal
from rarepix.search.studies.study import Study
from tests.faults.quick_trial import EPOCHS, history

PLANNED = 4
"""Runs that a study is to make."""


@dataclass(frozen=True)
class Findings:
    """What is wrong with a study; every list should be empty."""

    lost: list[str]
    """Planned runs without a complete record, and records that were not planned."""
    doubled: list[str]
    """Runs that were completed twice, and attempts of which NNI has two final reports."""
    out_of_order: list[str]
    """Attempts whose number is missing, and epochs that did not follow from the checkpoint."""
    orphans: list[str]
    """Processes that still run."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.out_of_order or self.orphans)


def audit(study: Study, tuner: str) -> Findings:
    """Return what is wrong with a study that has ended."""
    left = {file.parent.name: records.read(file) for file in layout.record_files(study.folder)}
    complete = {trial: record for trial, record in left.items() if record.status is Status.COMPLETE}
    lost = [f"{trial} is {record.status}" for trial, record in left.items() if trial not in complete]
    if len(complete) != PLANNED:
        lost.append(f"{len(complete)} of {PLANNED} are complete")
    if tuner == "OptunaAdvisor":
        lost += _missing_in_the_journal(study.folder, complete)
    return Findings(
        lost=lost,
        doubled=_doubled(complete, study.logs.parent),
        out_of_order=[line for trial, record in left.items() for line in _out_of_order(study, trial, record)],
        orphans=[str(process) for process in orphans.processes(study.id)],
    )


def _missing_in_the_journal(folder: Path, complete: dict[str, TrialRecord]) -> list[str]:
    """The journal of the search must have every complete run, and no run without an end."""
    runs: dict[int, dict] = {}
    ended: dict[int, str] = {}
    for event in journal.read(folder / JOURNAL):
        if event["event"] == "run":
            runs[event["run"]] = event
        elif event["event"] == "end":
            ended[event["run"]] = event["outcome"]
    completed = [runs[number]["configuration"] for number, outcome in ended.items() if outcome == "complete"]
    missing = [f"run {number} has no end in the journal" for number in runs if number not in ended]
    if sorted(completed) != list(range(len(complete))):
        missing.append(f"the journal has complete runs of the configurations {sorted(completed)}")
    return missing


def _doubled(complete: dict[str, TrialRecord], experiment: Path) -> list[str]:
    """Parameters are drawn from ranges, so two trials with the same parameters are one run that was made twice."""
    same = Counter(str(record.parameters) for record in complete.values())
    jobs = {job.id: job for job in read_database(experiment / DATABASE).jobs}
    # since the last resume: a trial that was done, but whose manager did not hear of it, runs again and reports again
    finals = {trial: len(job.current_reports("FINAL")) for trial, job in jobs.items()}
    reported = {job.parameters.get(CONTINUES, trial) for trial, job in jobs.items() if finals[trial]}
    silent = [trial for trial in complete if trial not in reported]
    return [
        *(f"{parameters} was done {count} times" for parameters, count in same.items() if count > 1),
        *(f"one attempt of {trial} made {count} final reports" for trial, count in finals.items() if count > 1),
        *(f"{trial} is complete, but NNI has no final report of it" for trial in silent),
    ]


def _out_of_order(study: Study, trial: str, record: TrialRecord) -> list[str]:
    folder = study.folder / "trials" / trial
    starts = [int(line) for line in (folder / "starts.txt").read_text().split()]
    problems = []
    if starts != list(range(1, record.attempt + 1)):
        problems.append(f"{trial} is attempt {record.attempt}, but was started as {starts}")
    before: tuple[int, int] | None = None
    for attempt, epoch in history(folder):
        # a kill between the row of an epoch and its checkpoint lets the next attempt train that epoch again
        follows = [0] if before is None else [before[1] + 1] if attempt == before[0] else [before[1], before[1] + 1]
        if epoch not in follows:
            problems.append(f"{trial}: epoch {epoch} of attempt {attempt} came after {before}")
        before = (attempt, epoch)
    if record.status is Status.COMPLETE and (before is None or before[1] != EPOCHS - 1):
        problems.append(f"{trial} is complete, but ended with {before}")
    return problems
