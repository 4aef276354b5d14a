"""What a person sees of a running study: a table in a terminal, else a line when something happens."""

import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rarepix.search.rest import Trial
from rarepix.search.watch import BUSY, Show

SECONDS_BETWEEN_LINES = 5.0
"""Of one running trial."""
ROWS = 30
"""Of the table; of more trials the newest are shown."""
WORDS = {"SUCCEEDED": "done", "EARLY_STOPPED": "stopped early", "USER_CANCELED": "canceled", "ADD_RESUMED": "waiting"}


@contextmanager
def shown(total: int | None, out: TextIO | None = None) -> Iterator[Show]:
    """Give a function that shows the trials of a study, *total* in all: a table if *out* is a terminal, else lines."""
    out = out or sys.stdout
    if not out.isatty():
        yield Lines(total, out)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=out), refresh_per_second=2) as live:
        yield lambda trials, wrong: live.update(_table(trials, wrong, total))


class Lines:
    """Prints a line when a trial starts, when it ends, and every few seconds when it has reported something new."""

    def __init__(self, total: int | None, out: TextIO) -> None:
        self.total = total
        self.out = out
        self.started = time.monotonic()
        self.last: dict[str, tuple[str, int, float]] = {}
        """Trial id → status, number of reports and time of the last line about it."""

    def __call__(self, trials: Sequence[Trial], wrong: Mapping[str, str]) -> None:
        """Print what is new."""
        now = time.monotonic()
        for trial in trials:
            count = trial.report.count if trial.report else 0
            status, said, when = self.last.get(trial.id, ("", 0, -math.inf))
            if trial.status == status and (count == said or now - when < SECONDS_BETWEEN_LINES or status not in BUSY):
                continue
            self.last[trial.id] = (trial.status, count, now)
            if trial.status != "WAITING":
                minutes, seconds = divmod(int(now - self.started), 60)
                print(f"{minutes:3}:{seconds:02}  {_line(trial, trials, wrong, self.total)}", file=self.out, flush=True)


def _line(trial: Trial, trials: Sequence[Trial], wrong: Mapping[str, str], total: int | None) -> str:
    """Return one line: a trial's parameters when it starts, then the best so far, at its end how many are over."""
    rest = [_over(trials, total)] if trial.status not in BUSY else []
    rest += [best(trials)] if trial.report else [short(trial.parameters)]
    return "  ".join([f"trial {trial.number} {trial.id}", *filter(None, [state(trial, wrong), progress(trial), *rest])])


def _over(trials: Sequence[Trial], total: int | None) -> str:
    over = sum(trial.status not in BUSY for trial in trials)
    return f"{over} of {total} over" if total else f"{over} over"


def _table(trials: Sequence[Trial], wrong: Mapping[str, str], total: int | None) -> Any:
    """Return the trials as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("trial", "state", "so far", "parameters", caption=f"{_over(trials, total)}  {best(trials)}")
    for trial in trials[-ROWS:]:
        cells = [f"{trial.number} {trial.id}", state(trial, wrong), progress(trial), short(trial.parameters)]
        table.add_row(*map(escape, cells), style="red" if trial.id in wrong else None)
    return table


def state(trial: Trial, wrong: Mapping[str, str]) -> str:
    """Return how a trial is, in words; for one that went wrong, why."""
    if trial.id in wrong:
        return f"FAILED: {wrong[trial.id]}"
    return WORDS.get(trial.status, trial.status.lower())


def progress(trial: Trial) -> str:
    """Return how far a trial is: validations so far and its objective."""
    if trial.report is None:
        return ""
    return f"validation {trial.report.count}  objective {trial.report.value:.4f}"


def best(trials: Sequence[Trial]) -> str:
    """Return the highest objective of all trials, and whose it is."""
    scored = [trial for trial in trials if trial.report and math.isfinite(trial.report.value)]
    if not scored:
        return ""
    top = max(scored, key=lambda trial: trial.report.value)
    return f"best {top.report.value:.4f} (trial {top.number})"


def short(parameters: Mapping[str, Any]) -> str:
    """Return parameters on one line: ``optim.lr=0.0012 loss=focal(gamma=2)``."""
    return " ".join(f"{key}={_short_value(value)}" for key, value in parameters.items())


def _short_value(value: Any) -> str:
    if isinstance(value, Mapping) and "_name" in value:
        inner = short({key: part for key, part in value.items() if key != "_name"})
        return f"{value['_name']}({inner})" if inner else str(value["_name"])
    return f"{value:.3g}" if isinstance(value, float) else str(value)
