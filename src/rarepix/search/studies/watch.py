"""Follow a study to its end, say which trials count, and notice when the study does not get there."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rarepix.layout import RECORD, TRIALS
from rarepix.records import RecordError, Status, read
from rarepix.search.nni import client, nnictl, orphans
from rarepix.search.nni.client import ManagerUnreachable, Trial
from rarepix.search.nni.trial_io import RecordTransferError, save_reported_record
from rarepix.search.optimizer.journal import StudySummary, read_summary
from rarepix.search.studies.study import Study, break_reason, from_params

MAX_UNANSWERED = 60
"""Requests in a row without an answer after which a living manager is given up. (While it stops, it answers none.)"""
SECONDS_BETWEEN_TUNER_CHECKS = 3.0
"""Between two looks at the tuner's process; it counts as gone when it is missing twice in a row."""
AT_WORK = ("RUNNING", "NO_MORE_TRIAL", "TUNER_NO_MORE_TRIAL")
"""States of the manager in which a tuner must run."""
ANOMALIES = {
    "late": "too late",
    "missing": "missing",
    "nan": "without a finite objective",
    "unknown": "of trials that the search does not know",
}
"""Kind of report that the search could not use, as the journal has it → in words."""
ShowTrials = Callable[[Sequence[Trial], dict[str, str]], None]
"""Called with all trials, and trial id → why it does not count, for those that are over."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended."""

    trials: tuple[Trial, ...]
    wrong: dict[str, str]
    """Trial id → why it does not count, of every trial that is over without a complete record and was not retried."""
    broken: str | None = None
    """Why the study itself did not come to its end."""
    search: StudySummary | None = None
    """What the journal of its search says (None: NNI's own tuners keep no journal)."""

    @property
    def exit_code(self) -> int:
        """0 all done, 1 finished with failed trials, 2 broken."""
        return 2 if self.broken or not self.trials else 1 if self.wrong else 0

    def summary(self) -> str:
        """Return one line for the terminal. A trial and its retries count once."""
        last = client.last_attempts(self.trials)
        good = sum(not trial.busy and trial.id not in self.wrong for trial in last)
        text = f"{good} of {len(last)} trials done"
        if self.broken:
            return f"the study broke: {self.broken} ({text})"
        counts = {"failed": len(self.wrong), "tried again": len(self.trials) - len(last)}
        for kind, count in (self.search.anomalies if self.search else {}).items():
            counts[f"reports {ANOMALIES.get(kind, kind)}"] = count
        return ", ".join([text, *(f"{count} {what}" for what, count in counts.items() if count)])


def watch(study: Study, show: ShowTrials, every: float = 1.0) -> Outcome:
    """Follow *study* until it ends or breaks; *show* is called every *every* seconds.

    A study is broken when its manager or its tuner is gone, when it is stopped before its end, and when it reaches a
    limit of NNI's before its search is done.
    """
    trials: list[Trial] = []
    problems: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    tuner = _TunerCheck(study.id)
    unanswered = idle = 0
    while True:
        try:
            status, errors = study.manager.status()
            trials = study.manager.trials()
        except ManagerUnreachable as error:
            unanswered += 1
            experiment = nnictl.list_experiments()[study.id]
            if not experiment.alive or unanswered > MAX_UNANSWERED:
                return Outcome(tuple(trials), wrong, _why_manager_is_gone(study, experiment, error))
            time.sleep(every)
            continue
        unanswered = 0
        problems |= trial_problems(study, [trial for trial in trials if not trial.busy and trial.id not in problems])
        retried = client.retries(trials)
        wrong = {trial: problem for trial, problem in problems.items() if problem and trial not in retried}
        show(trials, wrong)
        broken = _why_broken(study, status, errors, tuner)
        if broken:
            return Outcome(tuple(trials), wrong, broken)
        idle = idle + 1 if status == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials) else 0
        if status == "DONE" or idle > 3:  # a tuner without further proposals never gets to DONE
            summary = read_summary(study.folder)
            return Outcome(tuple(trials), wrong, _why_incomplete(study, status, trials, summary), summary)
        time.sleep(every)


def read_outcome(experiment: nnictl.Experiment) -> tuple[Study, Outcome]:
    """Return a study that has ended and how it ended, from its files.

    Raises ``DatabaseError`` if NNI's files of it cannot be read, ``StudyError`` if it did not run trials of rarepix.
    """
    study = from_params(experiment, client.stored_profile(experiment.folder)["params"])
    trials, state = client.stored_trials(experiment.folder), nnictl.last_state(experiment.folder) or "?"
    summary = read_summary(study.folder)
    problems = trial_problems(study, [trial for trial in client.last_attempts(trials) if not trial.busy])
    if state == "ERROR":
        broken = f"{break_reason(study, ['its tuner failed'])}. Its logs are in {study.logs}"
    elif state == "DONE" or (state == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials)):
        broken = _why_incomplete(study, state, trials, summary)
    else:
        broken = _why_manager_is_gone(study, experiment, ManagerUnreachable("it was killed"))
    wrong = {trial: problem for trial, problem in problems.items() if problem}
    return study, Outcome(tuple(trials), wrong, broken, summary)


def trial_problems(study: Study, trials: Sequence[Trial]) -> dict[str, str | None]:
    """Return trial id → why it does not count (None: it counts), of *trials* that are over.

    The journal is read once, and only if a trial was stopped early.
    """
    stopped = any(trial.status == "EARLY_STOPPED" for trial in trials)
    summary = read_summary(study.folder) if stopped else None
    hung = summary.hung if summary else frozenset()
    return {trial.id: _trial_problem(study, trial, hung) for trial in trials}


def _trial_problem(study: Study, trial: Trial, hung: frozenset[str]) -> str | None:
    if trial.status == "USER_CANCELED":
        return "canceled by a person"
    if trial.status == "EARLY_STOPPED":
        if trial.id in hung:
            return "stopped because it had not reported for too long (heartbeat_timeout)"
        too_long = trial.seconds is not None and trial.seconds >= study.trial_seconds
        return f"stopped after maxTrialDuration ({study.trial_seconds:.0f} s)" if too_long else None
    file = study.folder / TRIALS / trial.run / RECORD
    try:
        if not file.exists() and trial.report:  # it ran on another machine: its report arrives before its folder
            save_reported_record(trial.report.data, file)
        record = read(file)
    except (RecordError, RecordTransferError) as error:
        why = f"no record: {error}" if file.exists() else f"it left no record at {file}"
        return _last_line_of_stderr(study, trial) or why
    if record.error:
        return f"{record.error.type}: {record.error.message}"
    if record.status is not Status.COMPLETE or trial.status != "SUCCEEDED":
        return f"its record says {record.status}, NNI says {trial.status}"
    if trial.report is None or not trial.report.final or not math.isfinite(trial.report.value):
        return "it reported no final objective"
    return None


def _last_line_of_stderr(study: Study, trial: Trial) -> str | None:
    """Return the last line that a failed trial of this machine wrote to its standard error."""
    stderr = study.logs.parent / "environments" / "local-env" / "trials" / trial.id / "trial.stderr"
    if trial.status != "FAILED" or not stderr.is_file():
        return None
    lines = stderr.read_text(encoding="utf-8", errors="replace").strip().split("\n")
    return lines[-1].strip() or None


class _TunerCheck:
    def __init__(self, experiment: str) -> None:
        self.experiment = experiment
        self.missing = 0
        self.checked = time.monotonic()

    def is_gone(self) -> bool:
        """Return whether the tuner's process was missing twice in a row."""
        if time.monotonic() - self.checked < SECONDS_BETWEEN_TUNER_CHECKS:
            return False
        self.checked = time.monotonic()
        experiment = nnictl.list_experiments()[self.experiment]
        self.missing = self.missing + 1 if experiment.alive and orphans.tuner(experiment.pid) is None else 0
        return self.missing > 1


def _why_broken(study: Study, status: str, errors: list[str], tuner: _TunerCheck) -> str | None:
    """Return why a study whose manager answers will not continue, None if it will."""
    if status == "ERROR":
        return f"{break_reason(study, errors)}. Its logs are in {study.logs}"
    if status == "VIEWED":
        return f"it does not run, it is open for reading: close it with `rarepix study stop {study.id}`"
    if status in AT_WORK and tuner.is_gone():
        return f"the process of its tuner is gone. Its logs are in {study.logs}"
    return None


def _why_incomplete(study: Study, status: str, trials: Sequence[Trial], summary: StudySummary | None) -> str | None:
    """Return what a study that ended has left undone, None if nothing.

    NNI says ``DONE`` when a limit was reached; a search that has nothing more to propose ends in another state.
    """
    if status != "DONE" or study.trials is None:
        return None
    if summary and summary.configurations is not None and not summary.left:
        return None  # the search is complete, whichever limit was reached
    if len(trials) < study.trials:
        return f"its time (maxExperimentDuration) was over when {len(trials)} of {study.trials} trials had begun"
    if summary and summary.configurations is not None:
        return (
            f"maxTrialNumber ({study.trials}) was reached when {summary.left} of {summary.configurations} "
            "configurations were not finished: start a new study with a larger maxTrialNumber, which begins with the "
            "best of this one (classArgs.warm_start)"
        )
    return None


def _why_manager_is_gone(study: Study, experiment: nnictl.Experiment, error: ManagerUnreachable) -> str:
    advice = f"continue it with `rarepix study resume {study.id}`"
    if experiment.ended:
        return f"it was stopped before its end; {advice}"
    return f"its manager is gone ({error}); {advice}. Its logs are in {study.logs}"
