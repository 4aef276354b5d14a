"""Follow a study to its end, and notice when it does not get there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rarepix.search.nni import database, nnictl, orphans
from rarepix.search.nni.client import ManagerUnreachable, Trial, retries
from rarepix.search.optimizer.journal import StudySummary, read_summary
from rarepix.search.studies.study import Study, of_profile, why
from rarepix.search.studies.trial_status import trial_problems

MISSES = 60
"""Questions without an answer after which a living manager is given up. (One that is being stopped takes a while.)"""
SECONDS_BETWEEN_LOOKS = 3.0
"""At the tuner's process; it is gone when it is not there twice."""
AT_WORK = ("RUNNING", "NO_MORE_TRIAL", "TUNER_NO_MORE_TRIAL")
"""States of the manager in which a tuner must run."""
ODD = {
    "late": "too late",
    "missing": "missing",
    "nan": "without a finite objective",
    "unknown": "of trials that the search does not know",
}
"""What the ledger calls a report that it could not use, in words."""
Show = Callable[[Sequence[Trial], dict[str, str]], None]
"""Called with all trials, and trial id → what is wrong with it, for those that are over."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended."""

    trials: tuple[Trial, ...]
    wrong: dict[str, str]
    """Trial id → why it does not count, of every trial that is over without a complete record and was not retried."""
    broken: str | None = None
    """Why the study itself did not come to its end."""
    plan: StudySummary | None = None
    """What its search says of it; NNI's own tuners say nothing."""

    @property
    def exit_code(self) -> int:
        """0 all done, 1 finished with failed trials, 2 broken."""
        return 2 if self.broken or not self.trials else 1 if self.wrong else 0

    def summary(self) -> str:
        """Return one line for a person. A trial that was tried again counts once."""
        again = retries(self.trials)
        last = [trial for trial in self.trials if trial.id not in again]
        good = sum(not trial.busy and trial.id not in self.wrong for trial in last)
        said = f"{good} of {len(last)} trials done"
        if self.broken:
            return f"the study broke: {self.broken} ({said})"
        more = {"failed": len(self.wrong), "tried again": len(again)}
        for what, count in (self.plan.anomalies if self.plan else {}).items():
            more[f"reports {ODD.get(what, what)}"] = count
        return ", ".join([said, *(f"{count} {what}" for what, count in more.items() if count)])


def watch(study: Study, show: Show, every: float = 1.0) -> Outcome:
    """Follow *study* until it ends or breaks; *show* is called every *every* seconds.

    It is broken when its manager or its tuner is gone, when it is stopped before its end, and when its end came before
    its trials.
    """
    trials: list[Trial] = []
    judged: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    tuner = _Tuner(study.id)
    misses = idle = 0
    while True:
        try:
            status, errors = study.manager.status()
            trials = study.manager.trials()
        except ManagerUnreachable as error:
            misses += 1
            experiment = nnictl.list_experiments()[study.id]
            if not experiment.alive or misses > MISSES:
                return Outcome(tuple(trials), wrong, _loss(study, experiment, error))
            time.sleep(every)
            continue
        misses = 0
        judged |= trial_problems(study, [trial for trial in trials if not trial.busy and trial.id not in judged])
        again = retries(trials)
        wrong = {trial: reason for trial, reason in judged.items() if reason and trial not in again}
        show(trials, wrong)
        broken = _break(study, status, errors, tuner)
        if broken:
            return Outcome(tuple(trials), wrong, broken)
        idle = idle + 1 if status == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials) else 0
        if status == "DONE" or idle > 3:  # a tuner without further proposals never gets to DONE
            plan = read_summary(study.folder)
            return Outcome(tuple(trials), wrong, _shortfall(study, status, trials, plan), plan)
        time.sleep(every)


def outcome_of_ended(experiment: nnictl.Experiment) -> tuple[Study, Outcome]:
    """Return a study that has ended, and how, from what it has left on disk.

    Raises:
        archive.ArchiveError: NNI's files of it cannot be read.
        StudyError: it did not run trials of rarepix.
    """
    study = of_profile(experiment, database.profile(experiment.folder)["params"])
    trials, state = database.trials(experiment.folder), database.last_state(experiment.folder) or "?"
    plan, again = read_summary(study.folder), retries(trials)
    judged = trial_problems(study, [trial for trial in trials if not trial.busy and trial.id not in again])
    if state == "ERROR":
        broken = f"{why(study, ['its tuner failed'])}. Its logs are in {study.logs}"
    elif state == "DONE" or (state == "TUNER_NO_MORE_TRIAL" and not any(trial.busy for trial in trials)):
        broken = _shortfall(study, state, trials, plan)
    else:
        broken = _loss(study, experiment, ManagerUnreachable("it was killed"))
    return study, Outcome(tuple(trials), {trial: reason for trial, reason in judged.items() if reason}, broken, plan)


class _Tuner:
    """Looks from time to time whether the process of a study's tuner is there."""

    def __init__(self, experiment: str) -> None:
        self.experiment = experiment
        self.missed = 0
        self.looked = time.monotonic()

    def gone(self) -> bool:
        """Return whether the tuner's process was not there twice."""
        if time.monotonic() - self.looked < SECONDS_BETWEEN_LOOKS:
            return False
        self.looked = time.monotonic()
        experiment = nnictl.list_experiments()[self.experiment]
        self.missed = self.missed + 1 if experiment.alive and orphans.tuner(experiment.pid) is None else 0
        return self.missed > 1


def _break(study: Study, status: str, errors: list[str], tuner: _Tuner) -> str | None:
    """Return why a study whose manager answers will not go on."""
    if status == "ERROR":
        return f"{why(study, errors)}. Its logs are in {study.logs}"
    if status == "VIEWED":
        return f"it does not run, it is open for reading: close it with `rarepix study stop {study.id}`"
    if status in AT_WORK and tuner.gone():
        return f"the process of its tuner is gone. Its logs are in {study.logs}"
    return None


def _shortfall(study: Study, status: str, trials: Sequence[Trial], plan: StudySummary | None) -> str | None:
    """Return what a study that ended has left undone, None if nothing.

    ``DONE`` is NNI's word: a limit was reached. A search that has nothing more to propose ends otherwise.
    """
    if status != "DONE" or study.trials is None:
        return None
    if plan and plan.configurations is not None and not plan.left:
        return None  # whatever the limits say
    if len(trials) < study.trials:
        return f"its time (maxExperimentDuration) was over when {len(trials)} of {study.trials} trials had begun"
    if plan and plan.configurations is not None:
        return (
            f"maxTrialNumber ({study.trials}) was reached when {plan.left} of {plan.configurations} configurations had "
            "not come to their end: give a new study more, and begin it with this one's best (classArgs.warm_start)"
        )
    return None


def _loss(study: Study, experiment: nnictl.Experiment, error: ManagerUnreachable) -> str:
    way_on = f"`rarepix study resume {study.id}` goes on"
    if experiment.ended:
        return f"it was stopped before its end; {way_on}"
    return f"its manager is gone ({error}); {way_on}. Its logs are in {study.logs}"
