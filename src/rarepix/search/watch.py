"""Follow a study to its end, and judge every trial by the record that it left."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rarepix.records import RecordError, Status, read
from rarepix.search import nnictl
from rarepix.search.rest import ManagerGone, Trial
from rarepix.search.study import Study, why

MISSES = 60
"""Questions without an answer after which a living manager is given up. (One that is being stopped takes a while.)"""
BUSY = ("WAITING", "RUNNING", "UNKNOWN", "ADD_RESUMED")
"""States of a trial that is not over."""
Show = Callable[[Sequence[Trial], dict[str, str]], None]
"""Called with all trials, and trial id → what is wrong with it, for those that are over."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended."""

    trials: tuple[Trial, ...]
    wrong: dict[str, str]
    """Trial id → why it does not count, of every trial that is over without a complete record."""
    broken: str | None = None
    """Why the study itself did not come to its end."""

    @property
    def exit_code(self) -> int:
        """0 all done, 1 finished with failed trials, 2 broken."""
        return 2 if self.broken or not self.trials else 1 if self.wrong else 0

    def summary(self) -> str:
        """Return one line for a person."""
        good = sum(trial.status not in BUSY and trial.id not in self.wrong for trial in self.trials)
        if self.broken:
            return f"the study broke: {self.broken} ({good} of {len(self.trials)} trials done)"
        return f"{good} of {len(self.trials)} trials done" + (f", {len(self.wrong)} failed" if self.wrong else "")


def watch(study: Study, show: Show, every: float = 1.0) -> Outcome:
    """Follow *study* until it ends or breaks; *show* is called every *every* seconds.

    It is broken when its manager or its tuner is gone, and when it is stopped before its end.
    """
    trials: list[Trial] = []
    judged: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    status, misses, idle = "?", 0, 0
    while True:
        try:
            status, errors = study.manager.status()
            trials = study.manager.trials()
            misses = 0
        except ManagerGone as error:
            misses += 1
            experiment = nnictl.listed()[study.id]
            if not experiment.alive or misses > MISSES:
                return Outcome(tuple(trials), wrong, _loss(study, experiment, error))
        judged |= {trial.id: _verdict(study, trial) for trial in trials if not _busy(trial) and trial.id not in judged}
        wrong = {trial: verdict for trial, verdict in judged.items() if verdict}
        show(trials, wrong)
        if status == "ERROR":
            return Outcome(tuple(trials), wrong, f"{why(study, errors)}. Its logs are in {study.logs}")
        idle = idle + 1 if not misses and status == "TUNER_NO_MORE_TRIAL" and not any(map(_busy, trials)) else 0
        if not misses and (status == "DONE" or idle > 3):  # a tuner without further proposals never gets to DONE
            return Outcome(tuple(trials), wrong)
        time.sleep(every)


def _busy(trial: Trial) -> bool:
    return trial.status in BUSY


def _loss(study: Study, experiment: nnictl.Listed, error: ManagerGone) -> str:
    if experiment.ended:
        return "it was stopped before its end"
    return f"its manager is gone ({error}). Its logs are in {study.logs}"


def _verdict(study: Study, trial: Trial) -> str | None:
    """Return why a trial that is over does not count; None if it does."""
    if trial.status == "USER_CANCELED":
        return "canceled by a person"
    if trial.status == "EARLY_STOPPED":
        over = trial.seconds is not None and trial.seconds >= study.trial_seconds
        return f"stopped after maxTrialDuration ({study.trial_seconds:.0f} s)" if over else None
    file = study.folder / "trials" / trial.id / "record.json"
    try:
        record = read(file)
    except RecordError as error:
        return _last_words(study, trial) or (f"no record: {error}" if file.exists() else f"it left no record at {file}")
    if record.error:
        return f"{record.error.type}: {record.error.message}"
    if record.status is not Status.COMPLETE or trial.status != "SUCCEEDED":
        return f"its record says {record.status}, NNI says {trial.status}"
    if trial.report is None or not trial.report.final or not math.isfinite(trial.report.value):
        return "it reported no final objective"
    return None


def _last_words(study: Study, trial: Trial) -> str | None:
    """Return the last line that a trial of this machine wrote to its standard error, if it failed."""
    stderr = study.logs.parent / "environments" / "local-env" / "trials" / trial.id / "trial.stderr"
    try:
        lines = stderr.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    return next((line.strip() for line in reversed(lines) if line.strip()), None) if trial.status == "FAILED" else None
