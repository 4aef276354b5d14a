"""What a person sees of a running study: a table in a terminal, else a line when something happens."""

import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rarepix.search.nni.client import Trial, retries
from rarepix.search.optimizer.study_state import CONTINUES
from rarepix.search.studies.watch import Show

SECONDS_BETWEEN_LINES = 5.0
"""Of one running trial."""
ROWS = 30
"""Of the table; of more trials the newest are shown."""
SILENCE = 300.0
"""Seconds without a report after which a running trial is called silent."""
WORDS = {"SUCCEEDED": "done", "EARLY_STOPPED": "stopped early", "USER_CANCELED": "canceled", "ADD_RESUMED": "waiting"}


@contextmanager
def live_display(total: int | None, concurrency: int = 1, out: TextIO | None = None) -> Iterator[Show]:
    """Give a function that shows the trials of a study: a table if *out* is a terminal, else lines.

    The study is to have *total* trials, *concurrency* of them at once.
    """
    out = out or sys.stdout
    if not out.isatty():
        yield Lines(total, out, concurrency)
        return
    from rich.console import Console
    from rich.live import Live

    best = Best()
    with Live(console=Console(file=out), refresh_per_second=2) as live:
        yield lambda trials, wrong: live.update(_table(trials, wrong, _over(trials, total, concurrency), best(trials)))


class Lines:
    """Prints a line when a trial starts, when it ends, and every few seconds when it has reported something new."""

    def __init__(self, total: int | None, out: TextIO, concurrency: int = 1) -> None:
        self.total = total
        self.out = out
        self.concurrency = concurrency
        self.started = time.monotonic()
        self.best = Best()
        self.last: dict[str, tuple[str, int, str, float]] = {}
        """Trial id → status, number of reports, silence and time of the last line about it."""

    def __call__(self, trials: Sequence[Trial], wrong: Mapping[str, str]) -> None:
        """Print what is new."""
        now = time.monotonic()
        for trial in trials:
            count = trial.report.count if trial.report else 0
            quiet = silence(trial)
            status, said, was_quiet, when = self.last.get(trial.id, ("", 0, "", -math.inf))
            fresh = trial.busy and (count != said or quiet != was_quiet) and now - when >= SECONDS_BETWEEN_LINES
            if trial.status == status and not fresh:
                continue
            self.last[trial.id] = (trial.status, count, quiet, now)
            if trial.status not in ("WAITING", "ADD_RESUMED"):
                print(f"{_clock(now - self.started)}  {self._line(trial, trials, wrong)}", file=self.out, flush=True)

    def _line(self, trial: Trial, trials: Sequence[Trial], wrong: Mapping[str, str]) -> str:
        """Return one line: a trial's parameters when it starts, then the best so far, at its end how many are over."""
        rest = [] if trial.busy else [_over(trials, self.total, self.concurrency)]
        rest += [self.best(trials)] if trial.report else [short(trial.parameters)]
        parts = [state(trial, wrong, retries(trials)), silence(trial), progress(trial), *rest]
        return "  ".join([f"trial {trial.number} {trial.id}", *filter(None, parts)])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:3}:{rest:02}"


def _over(trials: Sequence[Trial], total: int | None, concurrency: int) -> str:
    over = _count_over(trials)
    left = time_left(trials, total, concurrency)
    words = [f"{over} of {total} over" if total else f"{over} over", f"about {_duration(left)} left" if left else ""]
    return ", ".join(filter(None, words))


def _count_over(trials: Sequence[Trial]) -> int:
    """Return how many trials are over; one that was tried again is one."""
    again = retries(trials)
    return sum(not trial.busy for trial in trials if trial.id not in again)


def time_left(trials: Sequence[Trial], total: int | None, concurrency: int) -> float | None:
    """Return about how many seconds the rest of a study takes, from what its finished trials took.

    None where nothing is known: no end was set, nothing is left, or no trial has finished.
    """
    took = [trial.seconds for trial in trials if trial.status == "SUCCEEDED" and trial.seconds]
    over = _count_over(trials)
    if not took or not total or over >= total:
        return None
    each = sum(took) / len(took)
    running = [trial for trial in trials if trial.status == "RUNNING" and trial.started]
    done = sum(min(time.time() - trial.started, each) for trial in running)
    return max((each * (total - over) - done) / min(concurrency, total - over), 1.0)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def silence(trial: Trial) -> str:
    """Return how long a running trial has not reported, in words; nothing where that is not long."""
    heard = trial.report.when if trial.report and trial.report.when else trial.started
    if trial.status != "RUNNING" or not heard:
        return ""
    since = time.time() - max(heard, trial.started or heard)
    return f"silent for {_duration(since)}" if since >= SILENCE else ""


def _table(trials: Sequence[Trial], wrong: Mapping[str, str], over: str, best: str) -> Any:
    """Return the trials as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table

    again = retries(trials)
    table = Table("trial", "state", "so far", "parameters", caption=f"{over}  {best}")
    for trial in trials[-ROWS:]:
        how = ", ".join(filter(None, [state(trial, wrong, again), silence(trial)]))
        cells = [f"{trial.number} {trial.id}", how, progress(trial), short(trial.parameters)]
        table.add_row(*map(escape, cells), style="red" if trial.id in wrong else None)
    return table


def state(trial: Trial, wrong: Mapping[str, str], again: Mapping[str, int]) -> str:
    """Return how a trial is, in words; for one that went wrong, why."""
    if trial.id in again:
        return f"retried as trial {again[trial.id]}"
    if trial.id in wrong:
        return f"FAILED: {wrong[trial.id]}"
    return WORDS.get(trial.status, trial.status.lower())


def progress(trial: Trial) -> str:
    """Return how far a trial is: validations so far and its objective."""
    if trial.report is None:
        return ""
    return f"validation {trial.report.count}  objective {trial.report.value:.4f}"


class Best:
    """Tells the highest objective so far. It remembers: what a trial has reported last may be worse than before."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        """Number of a trial → its highest objective."""

    def __call__(self, trials: Sequence[Trial]) -> str:
        """Look at what was reported last; return the highest objective of all trials, and whose it is."""
        for trial in trials:
            if trial.report and math.isfinite(trial.report.value):
                self.seen[trial.number] = max(trial.report.value, self.seen.get(trial.number, -math.inf))
        if not self.seen:
            return ""
        top = max(self.seen, key=self.seen.__getitem__)
        return f"best {self.seen[top]:.4f} (trial {top})"


def short(parameters: Mapping[str, Any]) -> str:
    """Return parameters on one line: ``optim.lr=0.0012 loss=focal(gamma=2)``."""
    return " ".join(f"{key}={_short_value(value)}" for key, value in parameters.items() if key != CONTINUES)


def _short_value(value: Any) -> str:
    if isinstance(value, Mapping) and "_name" in value:
        inner = short({key: part for key, part in value.items() if key != "_name"})
        return f"{value['_name']}({inner})" if inner else str(value["_name"])
    return f"{value:.3g}" if isinstance(value, float) else str(value)
