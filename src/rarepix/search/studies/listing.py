"""The list of all studies of this user: the state of each, how many trials are done, and where its results are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from rarepix.nni_database import DatabaseError
from rarepix.search.nni import client, nnictl
from rarepix.search.nni.trial_command import command_from_params
from rarepix.search.optimizer.journal import JournalError, StudySummary, read_summary
from rarepix.settings import ConfigError

HEADINGS = ("study", "name", "state", "trials", "best", "begun", "results")
DONE = ("SUCCEEDED", "EARLY_STOPPED")
"""States of a trial that count as done."""


@dataclass(frozen=True)
class ListedStudy:
    """One study in the list."""

    id: str
    name: str
    state: str
    """running, open (for reading), done, unfinished (NNI reached a limit first), stopped, broken (its tuner failed),
    died (its manager was killed), or unreadable."""
    done: int = 0
    """Number of trials that are done; a trial and its retries count once."""
    planned: int | None = None
    """Number of trials planned (None: unknown)."""
    best: float = math.nan
    """Highest objective of a final report."""
    begun: float = 0.0
    """Seconds since 1970."""
    results: Path | None = None
    """Folder of results (None: it does not run trials of rarepix)."""

    def cells(self) -> tuple[str, ...]:
        """Return the row under ``HEADINGS``."""
        return (
            self.id,
            self.name,
            self.state,
            f"{self.done}/{'?' if self.planned is None else self.planned}",
            "" if math.isnan(self.best) else f"{self.best:.4f}",
            datetime.fromtimestamp(self.begun).astimezone().strftime("%Y-%m-%d %H:%M"),
            str(self.results) if self.results else "(not of rarepix)",
        )


def list_studies() -> list[ListedStudy]:
    """Return every experiment that NNI knows of this user, the newest last. No manager needs to run."""
    return [_listed(experiment) for experiment in nnictl.list_experiments().values()]


def print_studies(studies: Sequence[ListedStudy], out: TextIO) -> None:
    """Print a table if *out* is a terminal, else aligned lines."""
    rows = [study.cells() for study in studies]
    if out.isatty():
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(*HEADINGS)
        for row in rows:
            table.add_row(*map(escape, row))
        Console(file=out).print(table)
        return
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    for row in (HEADINGS, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)


def _listed(experiment: nnictl.Experiment) -> ListedStudy:
    try:
        profile, trials, state = _read(experiment)
    except DatabaseError:
        return ListedStudy(experiment.id, experiment.name, "unreadable", begun=experiment.started)
    try:
        results = command_from_params(profile["params"]).study_folder(experiment.id)
    except ConfigError:
        results = None
    summary = _summary(results)
    hung = summary.hung if summary else frozenset()
    if state == "done" and _is_unfinished(profile["params"], trials, summary):
        state = "unfinished"
    objectives = [trial.report.value for trial in trials if trial.report and trial.report.final]
    return ListedStudy(
        id=experiment.id,
        name=experiment.name,
        state=state,
        done=sum(trial.status in DONE and trial.id not in hung for trial in client.last_attempts(trials)),
        planned=summary.runs if summary and summary.runs else profile["params"].get("maxTrialNumber"),
        best=max((objective for objective in objectives if math.isfinite(objective)), default=math.nan),
        begun=profile["startTime"] / 1000,
        results=results,
    )


def _summary(results: Path | None) -> StudySummary | None:
    try:
        return read_summary(results) if results else None
    except JournalError:
        return None  # the list goes on without it; watch and resume report the damage


def _is_unfinished(params: dict[str, Any], trials: Sequence[client.Trial], summary: StudySummary | None) -> bool:
    """Whether a study whose manager has nothing more to do has not done what was planned."""
    if summary and summary.configurations is not None:
        return summary.left > 0
    limit = params.get("maxTrialNumber")
    return summary is None and limit is not None and len(trials) < limit


def _read(experiment: nnictl.Experiment) -> tuple[dict[str, Any], list[client.Trial], str]:
    """Return profile, trials and state: from the manager if it answers, else from NNI's files."""
    if experiment.alive and experiment.port:
        manager = client.Manager(experiment.port)
        try:
            profile, trials, (status, _) = manager.profile(), manager.trials(), manager.status()
            if profile["id"] == experiment.id:
                return profile, trials, "open" if status == "VIEWED" else _end_state(status, trials) or "running"
        except client.ManagerUnreachable:
            pass  # it is ending, or it hangs: read its files
    trials = client.stored_trials(experiment.folder)
    state = _end_state(nnictl.last_state(experiment.folder), trials) or ("stopped" if experiment.ended else "died")
    return client.stored_profile(experiment.folder), trials, state


def _end_state(status: str | None, trials: Sequence[client.Trial]) -> str | None:
    """Return how a study ended whose manager has *status*; None if there was work left."""
    if status == "ERROR":
        return "broken"
    if status == "DONE" or (status == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials)):
        return "done"
    return None
