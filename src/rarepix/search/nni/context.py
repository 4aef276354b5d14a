"""What the advisor is to do, read from the manager of its study: recipe, blocks, and where the study's folder is."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig
from rarepix.layout import JOURNAL
from rarepix.records import Block
from rarepix.search.nni.client import Manager
from rarepix.search.nni.durations import in_seconds
from rarepix.search.nni.enqueued import Enqueued, default_parameters, enqueued_configurations
from rarepix.search.nni.space import Space
from rarepix.search.nni.trial_command import TrialCommand, parse
from rarepix.search.optimizer.design import DEFAULT
from rarepix.search.optimizer.journal import Journal, head
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import Blocks, SearchSettings

CHANNEL = "NNI_TUNER_COMMAND_CHANNEL"
LONGEST_SILENCE = 3600.0


@dataclass(frozen=True)
class StudyContext:
    """The study that an advisor works for."""

    experiment: str
    command: TrialCommand
    config: TrialConfig
    limit: int | None
    """Trial jobs that NNI will start at most."""
    trial_seconds: float
    """How long a trial may run."""

    @property
    def folder(self) -> Path:
        """The study's folder of results."""
        return self.command.study_folder(self.experiment)


def own_manager() -> Manager:
    """Return the manager that started this process."""
    return Manager(int(re.search(r":(\d+)/", os.environ[CHANNEL])[1]))


def read_context(manager: Manager) -> StudyContext:
    """Return what the study of *manager* is.

    Raises:
        ManagerGone: it does not answer.
        ConfigError, FileNotFoundError: its trials are not trials of rarepix.
    """
    profile = manager.profile()
    params: dict[str, Any] = profile["params"]
    service = params["trainingService"]
    command = parse(service["trialCommand"], Path(service["trialCodeDirectory"]))
    longest = in_seconds(params["maxTrialDuration"]) if "maxTrialDuration" in params else math.inf
    return StudyContext(profile["id"], command, command.configuration(), params.get("maxTrialNumber"), longest)


def heartbeat_timeout(settings: SearchSettings, trial_seconds: float) -> float:
    """Return the seconds without a report after which a trial, which may run for *trial_seconds*, is stopped."""
    return min(LONGEST_SILENCE, trial_seconds / 2) if settings.silence is None else in_seconds(settings.silence)


def build_scheduler(settings: SearchSettings, space: Space, assignment: StudyContext) -> Scheduler:
    """Return the search of a study, from its beginning or from where its ledger ends.

    Raises:
        ConfigError: points to begin with that no trial can run.
        LedgerError: the ledger is of another search.
    """
    config, file = assignment.config, assignment.folder / JOURNAL
    return Scheduler(
        settings,
        space,
        default_parameters(space, config),
        blocks=list_blocks(settings.blocks, config),
        ledger=Journal(file),
        first=_first(settings, space, assignment, head(file)),
        limit=assignment.limit,
        epochs=config.engine.epochs,
    )


def _first(
    settings: SearchSettings, space: Space, assignment: StudyContext, begun: dict[str, Any] | None
) -> list[Enqueued]:
    """Return what is tried after the default configuration; as it was *begun*, whatever became of an earlier study."""
    if settings.listed:
        return []
    if begun:
        return [(origin, parameters) for origin, parameters in begun["planned"] if origin != DEFAULT]
    return enqueued_configurations(settings, space, assignment.config, assignment.command.folder)


def list_blocks(blocks: Blocks, config: TrialConfig) -> list[Block]:
    """Return seeds × folds, folds first; what is not named is the recipe's."""
    seeds = (config.seed,) if blocks.seeds is None else blocks.seeds
    folds = (config.data.fold,) if blocks.folds is None else blocks.folds
    return [Block(seed=seed, fold=fold) for seed in seeds for fold in folds]
