"""The display of a running study: a table in a terminal, else a line when something happens."""

import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rarepix.nni_database import CONTINUES
from rarepix.search.nni.client import Trial, last_attempts, retries
from rarepix.search.studies.watch import ShowTrials

SECONDS_BETWEEN_LINES = 5.0
"""Between two lines about the same running trial."""
MAX_ROWS = 30
"""Of the table: of more trials the newest are shown."""
LONG_WITHOUT_REPORT = 300.0
"""Seconds without a report after which the display says so."""
STATUS_WORDS = {
    "SUCCEEDED": "done",
    "EARLY_STOPPED": "stopped early",
    "USER_CANCELED": "canceled",
    "ADD_RESUMED": "waiting",
}


@contextmanager
def live_display(total: int | None, concurrency: int = 1, out: TextIO | None = None) -> Iterator[ShowTrials]:
    """Give a function that shows the trials of a study: in a table if *out* is a terminal, else in lines.

    *total* is the number of trials planned, *concurrency* the number that run at the same time.
    """
    out = out or sys.stdout
    if not out.isatty():
        yield Lines(total, out, concurrency)
        return
    from rich.console import Console
    from rich.live import Live

    best = BestObjective()
    with Live(console=Console(file=out), refresh_per_second=2) as live:
        yield lambda trials, wrong: live.update(
            _table(trials, wrong, _finished(trials, total, concurrency), best(trials))
        )


class Lines:
    """Prints a line when a trial starts, when it ends, and every few seconds when it has reported something new."""

    def __init__(self, total: int | None, out: TextIO, concurrency: int = 1) -> None:
        self.total = total
        self.out = out
        self.concurrency = concurrency
        self.started = time.monotonic()
        self.best = BestObjective()
        self.last: dict[str, tuple[str, int, str, float]] = {}
        """Trial id → status, number of reports, time without a report (in words) and moment of its last line."""

    def __call__(self, trials: Sequence[Trial], wrong: Mapping[str, str]) -> None:
        """Print what is new."""
        now = time.monotonic()
        for trial in trials:
            count = trial.report.count if trial.report else 0
            waiting = without_report(trial)
            last_status, last_count, last_waiting, last_time = self.last.get(trial.id, ("", 0, "", -math.inf))
            news = trial.busy and (count != last_count or waiting != last_waiting)
            if trial.status == last_status and not (news and now - last_time >= SECONDS_BETWEEN_LINES):
                continue
            self.last[trial.id] = (trial.status, count, waiting, now)
            if trial.status not in ("WAITING", "ADD_RESUMED"):
                minutes, seconds = divmod(int(now - self.started), 60)
                line = f"{minutes:3}:{seconds:02}  {self._line(trial, trials, wrong)}"
                print(line, file=self.out, flush=True)

    def _line(self, trial: Trial, trials: Sequence[Trial], wrong: Mapping[str, str]) -> str:
        # before the first report the parameters, after it the best objective
        rest = [] if trial.busy else [_finished(trials, self.total, self.concurrency)]
        rest += [self.best(trials)] if trial.report else [format_parameters(trial.parameters)]
        parts = [state(trial, wrong, retries(trials)), without_report(trial), progress(trial), *rest]
        return "  ".join([f"trial {trial.number} {trial.id}", *filter(None, parts)])


def _finished(trials: Sequence[Trial], total: int | None, concurrency: int) -> str:
    """Return how many trials are finished and about how long the rest takes: ``3 of 8 finished, about 2 min left``."""
    count = sum(not trial.busy for trial in last_attempts(trials))
    left = time_left(trials, total, concurrency)
    parts = [f"{count} of {total} finished" if total else f"{count} finished"]
    return ", ".join(parts + ([f"about {_duration(left)} left"] if left else []))


def time_left(trials: Sequence[Trial], total: int | None, concurrency: int) -> float | None:
    """Return about how many seconds the rest of a study takes, from the mean duration of its finished trials.

    None where it cannot be known: no total was set, no trial is left, or none has finished.
    """
    durations = [trial.seconds for trial in trials if trial.status == "SUCCEEDED" and trial.seconds]
    count = sum(not trial.busy for trial in last_attempts(trials))
    if not durations or not total or count >= total:
        return None
    duration = sum(durations) / len(durations)
    running = [trial for trial in trials if trial.status == "RUNNING" and trial.started]
    done = sum(min(time.time() - trial.started, duration) for trial in running)
    return max((duration * (total - count) - done) / min(concurrency, total - count), 1.0)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def without_report(trial: Trial) -> str:
    """Return for how long a running trial has not reported, in words; "" if that is not long."""
    last = trial.report.when if trial.report and trial.report.when else trial.started
    if trial.status != "RUNNING" or not last:
        return ""
    seconds = time.time() - max(last, trial.started or last)
    return f"no report for {_duration(seconds)}" if seconds >= LONG_WITHOUT_REPORT else ""


def _table(trials: Sequence[Trial], wrong: Mapping[str, str], finished: str, best: str) -> Any:
    """Return the trials as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table

    retried = retries(trials)
    table = Table("trial", "state", "so far", "parameters", caption=f"{finished}  {best}")
    for trial in trials[-MAX_ROWS:]:
        status = ", ".join(filter(None, [state(trial, wrong, retried), without_report(trial)]))
        cells = [f"{trial.number} {trial.id}", status, progress(trial), format_parameters(trial.parameters)]
        table.add_row(*map(escape, cells), style="red" if trial.id in wrong else None)
    return table


def state(trial: Trial, wrong: Mapping[str, str], retried: Mapping[str, int]) -> str:
    """Return the state of a trial in words; if it failed, why.

    *wrong*: trial id → why it does not count. *retried*: trial id → number of the trial that continues it.
    """
    if trial.id in retried:
        return f"retried as trial {retried[trial.id]}"
    if trial.id in wrong:
        return f"FAILED: {wrong[trial.id]}"
    return STATUS_WORDS.get(trial.status, trial.status.lower())


def progress(trial: Trial) -> str:
    """Return how far a trial is: the number of validations so far and its objective."""
    return f"validation {trial.report.count}  objective {trial.report.value:.4f}" if trial.report else ""


class BestObjective:
    """The highest objective so far. It has to be remembered: a trial's last report may be worse than an earlier one."""

    def __init__(self) -> None:
        self.by_trial: dict[int, float] = {}
        """Number of a trial → its highest objective."""

    def __call__(self, trials: Sequence[Trial]) -> str:
        """Take in the last reports; return the highest objective of all trials, and which trial has it."""
        for trial in trials:
            if trial.report and math.isfinite(trial.report.value):
                self.by_trial[trial.number] = max(trial.report.value, self.by_trial.get(trial.number, -math.inf))
        if not self.by_trial:
            return ""
        best = max(self.by_trial, key=self.by_trial.__getitem__)
        return f"best {self.by_trial[best]:.4f} (trial {best})"


def format_parameters(parameters: Mapping[str, Any]) -> str:
    """Return parameters on one line: ``optim.lr=0.0012 loss=focal(gamma=2)``."""
    return " ".join(f"{key}={_format_value(value)}" for key, value in parameters.items() if key != CONTINUES)


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping) and "_name" in value:
        inner = format_parameters({key: part for key, part in value.items() if key != "_name"})
        return f"{value['_name']}({inner})" if inner else str(value["_name"])
    return f"{value:.3g}" if isinstance(value, float) else str(value)
