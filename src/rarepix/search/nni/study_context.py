"""What the advisor takes from NNI's manager: its study's recipe, blocks and folder, and the state of its trial jobs."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig
from rarepix.layout import JOURNAL
from rarepix.nni_database import ENDED
from rarepix.records import Block
from rarepix.search.nni.client import Manager
from rarepix.search.nni.enqueued import Enqueued, default_parameters, enqueued_configurations
from rarepix.search.nni.space import Space
from rarepix.search.nni.trial_command import TrialCommand, command_from_params
from rarepix.search.optimizer.journal import Journal, head, read_summary
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import RENAMED_KEYS, SearchSettings, in_seconds, read_settings, with_current_keys
from rarepix.search.optimizer.study_state import DEFAULT, Metrics, Run, finite, numbers
from rarepix.trial.lifecycle import NON_FINITE, OUT_OF_MEMORY

CHANNEL = "NNI_TUNER_COMMAND_CHANNEL"
LONGEST_HEARTBEAT_TIMEOUT = 3600.0
"""Seconds without a report after which a trial is stopped, at most, unless the study sets ``heartbeat_timeout``."""
MAX_TRIALS_PER_RUN = 2
"""``maxTrialNumber`` per planned run: a failed trial is run again as a new one."""

CAUSES = {OUT_OF_MEMORY: "out_of_memory", NON_FINITE: "non_finite", None: "lost", 137: "lost", 143: "lost"}
"""Exit code → cause of the failure. None: ended by a signal (shells report it as 128 + n), or its machine was lost."""


@dataclass(frozen=True)
class StudyContext:
    """The study that an advisor works for."""

    experiment: str
    command: TrialCommand
    config: TrialConfig
    limit: int | None
    """Maximum number of trial jobs that NNI starts."""
    trial_seconds: float
    """Maximum duration of a trial."""

    @property
    def folder(self) -> Path:
        """The results folder of the study."""
        return self.command.study_folder(self.experiment)


def own_manager() -> Manager:
    """Return the manager that started this process."""
    return Manager(int(re.search(r":(\d+)/", os.environ[CHANNEL])[1]))


def read_context(manager: Manager) -> StudyContext:
    """Return the context of the study of *manager*.

    Raises ``ManagerUnreachable`` if it does not answer, ``ConfigError`` or ``FileNotFoundError`` if its trials are not
    trials of rarepix.
    """
    profile = manager.profile()
    params: dict[str, Any] = profile["params"]
    command = command_from_params(params)
    longest = in_seconds(params["maxTrialDuration"]) if "maxTrialDuration" in params else math.inf
    return StudyContext(profile["id"], command, command.configuration(), params.get("maxTrialNumber"), longest)


def make_room(manager: Manager, context: StudyContext) -> StudyContext:
    """Raise NNI's limits to what the rest of an extended study needs, and return its context with the new limit.

    The number of trials has room for each run that is left and a retry of it. A duration that is used up is doubled.
    """
    summary = read_summary(context.folder)
    if summary is None or not summary.extended or not summary.runs_left:
        return context
    limit = len(manager.get("trial-jobs")) + MAX_TRIALS_PER_RUN * summary.runs_left
    if context.limit is not None and limit > context.limit:
        manager.raise_limit("maxTrialNumber", limit)
        context = replace(context, limit=limit)
    duration = doubled_duration(manager.profile())
    if duration is not None:
        manager.raise_limit("maxExperimentDuration", duration)
    return context


def doubled_duration(profile: dict[str, Any]) -> int | None:
    """Return twice the ``maxExperimentDuration`` in NNI's profile, in seconds, if it is used up; else None."""
    longest = in_seconds(profile["params"].get("maxExperimentDuration") or math.inf)
    return 2 * math.ceil(longest) if profile["execDuration"] >= longest else None


def own_settings(class_args: dict[str, Any], manager: Manager) -> SearchSettings:
    """Return the settings in the ``classArgs`` that NNI gives to the advisor of *manager*.

    Former names of keys are taken only for a study that was started under them, which has a journal by now.

    Raises ``ConfigError`` as ``read_settings`` does.
    """
    if RENAMED_KEYS.keys() & class_args.keys() and head(read_context(manager).folder / JOURNAL):
        class_args = with_current_keys(class_args)
    return read_settings(class_args)


def heartbeat_timeout(settings: SearchSettings, trial_seconds: float) -> float:
    """Return the seconds without a report after which a trial, which may run for *trial_seconds*, is stopped."""
    if settings.heartbeat_timeout is None:
        return min(LONGEST_HEARTBEAT_TIMEOUT, trial_seconds / 2)
    return in_seconds(settings.heartbeat_timeout)


def build_scheduler(settings: SearchSettings, space: Space, context: StudyContext) -> Scheduler:
    """Return the scheduler of a study, at its beginning or at the end of its journal.

    A study that has begun keeps to the enqueued configurations of its journal, since the records of the study that
    warmed it up may have changed.

    Raises ``ConfigError`` if no trial can run one of them, ``JournalError`` if the journal belongs to another search.
    """
    config, file = context.config, context.folder / JOURNAL
    first_line = head(file)
    enqueued: list[Enqueued] = []
    if first_line:
        enqueued = [(origin, parameters) for origin, parameters in first_line["planned"] if origin != DEFAULT]
    elif not settings.listed:
        enqueued = enqueued_configurations(settings, space, config, context.command.folder)
    return Scheduler(
        settings,
        space,
        default_parameters(space, config),
        blocks=list_blocks(settings, config),
        journal=Journal(file),
        enqueued=enqueued,
        limit=context.limit,
        epochs=context.command.epochs(config),
    )


def list_blocks(settings: SearchSettings, config: TrialConfig) -> list[Block]:
    """Return seeds × folds, folds varying fastest; what *settings* leave out is the recipe's."""
    seeds = (config.seed,) if settings.blocks.seeds is None else settings.blocks.seeds
    folds = (config.data.fold,) if settings.blocks.folds is None else settings.blocks.folds
    return [Block(seed=seed, fold=fold) for seed in seeds for fold in folds]


def jobs_of(manager: Manager) -> dict[int, dict[str, Any]]:
    """Return run → NNI's trial job, of the jobs that the search asked for."""
    jobs = {}
    for job in manager.get("trial-jobs"):
        ordered = json.loads(job["hyperParameters"][0]) if job.get("hyperParameters") else {}
        if isinstance(ordered.get("parameter_id"), int):
            jobs[ordered["parameter_id"]] = job
    return jobs


def reconcile(scheduler: Scheduler, jobs: dict[int, dict[str, Any]]) -> list[Run]:
    """After a kill, end the runs whose end the journal has missed; return those that NNI has never started.

    Other open runs were interrupted: NNI itself starts them again, under their own ids.
    """
    unstarted = []
    for run in [run for run in scheduler.state.runs.values() if run.outcome is None]:
        job = jobs.get(run.number)
        if job is None:
            unstarted.append(run)
            continue
        scheduler.job(run.number, job["trialJobId"])
        if job["status"] in ENDED:
            final = final_of(job)
            why = scheduler.state.stops.get(run.number)
            scheduler.end(run.number, *outcome_of(job["status"], None, why_stopped=why, final=final), final)
    return unstarted


def outcome_of(
    event: str, exit_code: int | None, *, why_stopped: str | None, final: Mapping[str, float]
) -> tuple[str, str | None]:
    """Return outcome and cause of failure of a run whose job ended with *event*, a job status of NNI.

    *why_stopped* is why the search asked the run to stop, None if it did not. A run with a finite objective in its
    *final* report is complete whatever happened afterwards.
    """
    if finite(final, "objective") is not None:
        return "complete", None
    if why_stopped:
        return ("stopped", None) if why_stopped == "pruned" else ("failed", why_stopped)
    if event == "USER_CANCELED":
        return "canceled", None
    # a trial that the search did not ask to stop was stopped by NNI: maxTrialDuration
    causes = {"EARLY_STOPPED": "too_long", "SUCCEEDED": "no_result"}
    return "failed", causes.get(event) or CAUSES.get(exit_code, "crash")


def final_of(job: dict[str, Any]) -> Metrics:
    """Return the numbers of the final report in one of NNI's trial jobs, empty if there is none."""
    if not job.get("finalMetricData"):
        return {}
    return numbers(json.loads(json.loads(job["finalMetricData"][0]["data"])))  # NNI encodes JSON in JSON
