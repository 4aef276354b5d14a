"""All studies of this user: how each is, how far it came, and where its results lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from rarepix.search.nni import database, nnictl
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial, retries
from rarepix.search.optimizer.journal import JournalError, StudySummary, read_summary
from rarepix.search.studies.study import trial_command
from rarepix.settings import ConfigError

HEADINGS = ("study", "name", "state", "trials", "best", "begun", "results")
GOOD_ENDS = ("SUCCEEDED", "EARLY_STOPPED")


@dataclass(frozen=True)
class Overview:
    """One study in the list."""

    id: str
    name: str
    state: str
    """running, open (for reading), done, unfinished (NNI reached a limit before), stopped, broken (its tuner failed),
    died (its manager was killed), or unreadable."""
    done: int = 0
    """Trials that came to a good end; one that was tried again counts once."""
    planned: int | None = None
    best: float = math.nan
    """Highest objective of a final report."""
    begun: float = 0.0
    """Seconds since 1970."""
    results: Path | None = None
    """None: it does not run trials of rarepix."""

    def cells(self) -> tuple[str, ...]:
        """Return what stands under ``HEADINGS``."""
        return (
            self.id,
            self.name,
            self.state,
            f"{self.done}/{'?' if self.planned is None else self.planned}",
            "" if math.isnan(self.best) else f"{self.best:.4f}",
            datetime.fromtimestamp(self.begun).astimezone().strftime("%Y-%m-%d %H:%M"),
            str(self.results) if self.results else "(not of rarepix)",
        )


def overviews() -> list[Overview]:
    """Return every experiment that NNI knows of this user, the newest last. No manager needs to run."""
    return [_overview(experiment) for experiment in nnictl.list_experiments().values()]


def show(found: Sequence[Overview], out: TextIO) -> None:
    """Print a table if *out* is a terminal, else aligned lines."""
    rows = [overview.cells() for overview in found]
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


def _overview(experiment: nnictl.Experiment) -> Overview:
    try:
        profile, trials, state = _ask(experiment)
    except database.DatabaseError:
        return Overview(experiment.id, experiment.name, "unreadable", begun=experiment.started)
    try:
        results = trial_command(profile["params"]).study_folder(experiment.id)
    except ConfigError:
        results = None
    plan = _plan(results)
    again, hung = retries(trials), plan.hung if plan else frozenset()
    if state == "done" and _is_unfinished(profile["params"], trials, plan):
        state = "unfinished"
    finals = [trial.report.value for trial in trials if trial.report and trial.report.final]
    return Overview(
        id=experiment.id,
        name=experiment.name,
        state=state,
        done=sum(trial.status in GOOD_ENDS for trial in trials if trial.id not in {*again, *hung}),
        planned=plan.runs if plan and plan.runs else profile["params"].get("maxTrialNumber"),
        best=max((value for value in finals if math.isfinite(value)), default=math.nan),
        begun=profile["startTime"] / 1000,
        results=results,
    )


def _plan(results: Path | None) -> StudySummary | None:
    try:
        return read_summary(results) if results else None
    except JournalError:
        return None  # whoever goes on with it is told


def _is_unfinished(params: dict[str, Any], trials: Sequence[Trial], plan: StudySummary | None) -> bool:
    """Whether a study whose manager has nothing more to do has not done what was planned."""
    if plan and plan.configurations is not None:
        return plan.left > 0
    limit = params.get("maxTrialNumber")
    return plan is None and limit is not None and len(trials) < limit


def _ask(experiment: nnictl.Experiment) -> tuple[dict[str, Any], list[Trial], str]:
    """Return profile, trials and state: from the manager where it answers, else from what it left on disk."""
    if experiment.alive and experiment.port:
        manager = Manager(experiment.port)
        try:
            profile, trials, (status, _) = manager.profile(), manager.trials(), manager.status()
            if profile["id"] == experiment.id:
                return profile, trials, "open" if status == "VIEWED" else _state(status, trials) or "running"
        except ManagerUnreachable:
            pass  # it is ending, or it hangs: its files tell
    trials = database.trials(experiment.folder)
    state = _state(database.last_state(experiment.folder), trials) or ("stopped" if experiment.ended else "died")
    return database.profile(experiment.folder), trials, state


def _state(status: str | None, trials: Sequence[Trial]) -> str | None:
    """Return how a study is whose manager has said its last word about the work; None if there was work left."""
    if status == "ERROR":
        return "broken"
    if status == "DONE" or (status == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials)):
        return "done"
    return None
