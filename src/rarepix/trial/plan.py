"""What a plan is: which trainings (stages) one trial holds, in which order. Nothing here imports torch."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rarepix.config import TrialConfig, build_config, updated
from rarepix.settings import ConfigError
from rarepix.trial.stage_result import StageResult

SHARED_KEYS = ("device", "devices")
"""Keys of ``engine`` that are the same in all stages: the processes of a trial are started once."""


class Stages(Protocol):
    """The stages of a trial that runs, as a plan's ``run`` gets them."""

    config: TrialConfig
    """The trial's configuration."""
    configs: Mapping[str, TrialConfig]
    """Stage → its configuration, in their order, of the stages that are trained."""
    folder: Path
    """The trial's folder."""

    def train(self, name: str, *, initial_weights: Path | None = None) -> StageResult:
        """Train the next stage, from the weights in a checkpoint if one is given, and return its result.

        A stage that an earlier attempt has finished is not trained again.
        """

    def take(self, name: str, trial: Path) -> StageResult:
        """Take a stage that is not trained from the folder of a finished trial, and return its result."""


def train_in_order(stages: Stages) -> StageResult:
    """Train each stage by itself; the trial is judged by the last one."""
    return [stages.train(name) for name in stages.configs][-1]


def nothing_more(config: TrialConfig) -> None:
    """Check nothing beyond the stages themselves."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The trainings of one trial. Its functions have names in a module: they are sent to other processes."""

    description: str
    """What a trial does, in a sentence."""
    stages: Callable[[Any], dict[str, TrialConfig]]
    """Configuration of a trial → stage → configuration of that training, in the order in which they are trained.

    Raises ``ConfigError`` if a stage cannot be run with it.
    """
    config: type[TrialConfig] = TrialConfig
    """Kind of a trial's configuration: ``TrialConfig`` with sections of the plan's own."""
    run: Callable[[Stages], StageResult] = train_in_order
    """Trains all stages in their order, in every process of the trial; returns the result that it is judged by."""
    check: Callable[[Any], None] = nothing_more
    """Takes the configuration of a trial in a dry run, besides the dry runs of its stages; may read data.

    Raises ``ValueError`` or ``OSError`` if the trial could not be run.
    """

    def stage_configs(self, config: TrialConfig) -> dict[str, TrialConfig]:
        """Return stage → configuration of its training, in their order.

        Raises:
            ConfigError: a stage cannot be run with *config*.
        """
        try:
            configs = self.stages(config)
        except ConfigError as error:
            lines = str(error).splitlines()
            raise ConfigError("\n".join(f"a stage of the plan: {line}" for line in lines)) from error
        for name, stage in configs.items():
            if not re.fullmatch(r"[a-z0-9_]+", name) or type(stage) is not TrialConfig:
                raise TypeError(
                    f"a stage must be a plain name (a-z, 0-9, _) with a TrialConfig, but got {name!r} with a "
                    f"{type(stage).__name__}: make it with stage_config"
                )
            for key in SHARED_KEYS:
                all_stages, here = getattr(config.engine, key), getattr(stage.engine, key)
                if here != all_stages:
                    raise ConfigError(
                        f"engine.{key} must be the same in all stages ({all_stages!r}), but stage {name!r} has {here!r}"
                    )
        return configs

    def epochs(self, config: TrialConfig) -> int:
        """Return the epochs of all stages together: the length of a trial that is not ended early."""
        return sum(stage.engine.epochs for stage in self.stage_configs(config).values())


def stage_config(config: TrialConfig, parameters: Mapping[str, Any] | None = None) -> TrialConfig:
    """Return the configuration of a stage: *config* without its plan's own sections, with *parameters* put over it.

    Raises:
        ConfigError: no training can be run with it.
    """
    tree = config.model_dump(mode="json", include=set(TrialConfig.model_fields))
    return updated(build_config(tree), parameters or {})
