"""What the advisor is to do, read from the manager of its study: recipe, blocks, and where the study's folder is."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig
from rarepix.records import Block
from rarepix.search.advising.ledger import FILE, Ledger
from rarepix.search.advising.search import Search
from rarepix.search.advising.settings import Blocks, SearchSettings
from rarepix.search.command import TrialCommand, parse
from rarepix.search.points import default_parameters, first_points
from rarepix.search.rest import Manager
from rarepix.search.space import Space

CHANNEL = "NNI_TUNER_COMMAND_CHANNEL"


@dataclass(frozen=True)
class Assignment:
    """The study that an advisor works for."""

    experiment: str
    command: TrialCommand
    config: TrialConfig
    limit: int | None
    """Trial jobs that NNI will start at most."""

    @property
    def folder(self) -> Path:
        """The study's folder of results."""
        return self.command.study_folder(self.experiment)


def own_manager() -> Manager:
    """Return the manager that started this process."""
    return Manager(int(re.search(r":(\d+)/", os.environ[CHANNEL])[1]))


def read_assignment(manager: Manager) -> Assignment:
    """Return what the study of *manager* is.

    Raises:
        ManagerGone: it does not answer.
        ConfigError, FileNotFoundError: its trials are not trials of rarepix.
    """
    profile = manager.profile()
    params: dict[str, Any] = profile["params"]
    service = params["trainingService"]
    command = parse(service["trialCommand"], Path(service["trialCodeDirectory"]))
    return Assignment(profile["id"], command, command.configuration(), params.get("maxTrialNumber"))


def begin_search(settings: SearchSettings, space: Space, assignment: Assignment) -> Search:
    """Return the search of a study, from its beginning or from where its ledger ends.

    Raises:
        ConfigError: points to begin with that no trial can run.
        LedgerError: the ledger is of another search.
    """
    config = assignment.config
    first = [] if settings.listed else first_points(settings, space, config, assignment.command.folder)
    return Search(
        settings,
        space,
        default_parameters(space, config),
        blocks=list_blocks(settings.blocks, config),
        ledger=Ledger(assignment.folder / FILE),
        first=first,
        limit=assignment.limit,
        epochs=config.engine.epochs,
    )


def list_blocks(blocks: Blocks, config: TrialConfig) -> list[Block]:
    """Return seeds × folds, folds first; what is not named is the recipe's."""
    seeds = (config.seed,) if blocks.seeds is None else blocks.seeds
    folds = (config.data.fold,) if blocks.folds is None else blocks.folds
    return [Block(seed=seed, fold=fold) for seed in seeds for fold in folds]
