"""What a study says to the search: ``classArgs`` of the advisor in its file."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, field_validator, model_validator

from rarepix.records import BLOCK_KEYS
from rarepix.search.nni.durations import Duration
from rarepix.settings import ConfigError, Settings, explain

SAMPLER_NAMES = ("tpe", "gp", "cmaes", "nsga2", "qmc", "random", "grid")
PRUNER_NAMES = ("none", "asha", "hyperband", "median", "percentile", "patient", "wilcoxon")
MINIMISED = ("seconds",)
"""Objectives of which less is better."""
CONSTRAINED_SAMPLERS = ("tpe", "gp", "nsga2")
SEVERAL_OBJECTIVES_SAMPLERS = ("tpe", "gp", "nsga2", "qmc", "random", "grid")
GRID_MAY_BE = 10_000
OF_SAMPLED_STUDIES = {"sampler", "sampler_args", "seed", "samples", "known", "earlier", "constraints"}
"""Settings that say nothing to a study whose configurations are listed."""


class Blocks(Settings):
    """Seeds × folds: every configuration runs on each of them, in the same order."""

    seeds: tuple[NonNegativeInt, ...] | None = None
    """None: the recipe's."""
    folds: tuple[NonNegativeInt, ...] | None = None
    """None: the recipe's."""

    @field_validator("seeds", "folds")
    @classmethod
    def _each_once(cls, numbers: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if numbers is not None and (not numbers or len(set(numbers)) < len(numbers)):
            raise ValueError("must be a list of different numbers, at least one")
        return numbers


class Race(Settings):
    """When a configuration gets no further blocks (see ``search/race.py``)."""

    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance, at most, that the truly best configuration is dropped."""
    at_least: int = Field(2, ge=2)
    """Blocks that every configuration gets."""


class Retries(Settings):
    """How often a trial is run again, by what ended it. It goes on from its last checkpoint where that is at hand."""

    out_of_memory: NonNegativeInt = 1
    non_finite: NonNegativeInt = 1
    lost: NonNegativeInt = 3
    """Killed from outside, or its machine was lost."""
    hung: NonNegativeInt = 1
    """Silent for longer than ``silence``."""
    crash: NonNegativeInt = 1
    """Any other error."""


class WarmStart(Settings):
    """Configurations of an earlier study that are tried first."""

    study: str
    """Its folder of results."""
    top: PositiveInt = 5


class SearchSettings(Settings):
    """How configurations are chosen, compared and stopped."""

    optimize_mode: Literal["maximize"] = "maximize"
    """Read by NNI's web UI."""
    sampler: Literal[SAMPLER_NAMES] = "tpe"
    sampler_args: dict[str, Any] = Field(default={})
    """Passed to Optuna's class."""
    pruner: Literal[PRUNER_NAMES] = "none"
    pruner_args: dict[str, Any] = Field(default={})
    seed: NonNegativeInt = 0
    samples: PositiveInt | None = None
    """Configurations to try, the default one among them (None: as many as maxTrialNumber has room for)."""
    configurations: tuple[dict[str, Any], ...] | None = None
    """A listed study: these and no others, each on every block."""
    confirms: str | None = None
    """The study whose default configuration (the first that is listed) and winners these are, on fresh blocks."""
    blocks: Blocks = Blocks()
    race: Race | None = None
    known: tuple[dict[str, Any], ...] = ()
    """Configurations that are tried first, after the default one. Keys that are left out are as in the default."""
    earlier: WarmStart | None = None
    objectives: tuple[str, ...] = ("objective",)
    """Scores that trials report; ``objective`` is what ``evaluate.objective`` names. Pruners look at the first one."""
    constraints: dict[str, float] = Field(default={})
    """Score → the least that it must be."""
    retries: Retries = Retries()
    silence: Duration | None = None
    """A trial without a report for this long is stopped and run again (None: half of maxTrialDuration, at most 1 h)."""
    grid_points: int = Field(4, ge=2)
    """Values of a continuous range in a grid."""

    @property
    def listed(self) -> bool:
        """Whether the configurations are known beforehand."""
        return self.configurations is not None or self.sampler == "grid"

    @field_validator("configurations")
    @classmethod
    def _something_to_run(cls, listed: tuple[dict, ...] | None) -> tuple[dict, ...] | None:
        if listed is not None and not listed:
            raise ValueError("a listed study must list at least one configuration")
        return listed

    @field_validator("configurations", "known")
    @classmethod
    def _no_blocks_inside(cls, listed: tuple[dict, ...] | None) -> tuple[dict, ...] | None:
        blocks = sorted({key for configuration in listed or () for key in configuration if key in BLOCK_KEYS})
        if blocks:
            raise ValueError(f"a configuration must not fix {', '.join(blocks)}: name seeds and folds under blocks")
        return listed

    @model_validator(mode="after")
    def _goes_together(self) -> "SearchSettings":
        given = self.model_fields_set
        if self.configurations is not None and given & OF_SAMPLED_STUDIES:
            extra = ", ".join(sorted(given & OF_SAMPLED_STUDIES))
            raise ValueError(f"a study is either listed or sampled: with configurations leave {extra} out")
        if self.confirms is not None and self.configurations is None:
            raise ValueError("a study that confirms another one must list its configurations, the default one first")
        if self.sampler == "grid" and given & {"samples", "sampler_args"}:
            raise ValueError("a grid has the size and the order that it has: leave samples and sampler_args out")
        if self.sampler != "grid" and "grid_points" in given:
            raise ValueError(f"grid_points are those of sampler=grid, but sampler={self.sampler}: leave them out")
        without_floor = sorted(set(self.constraints) & set(MINIMISED))
        if without_floor:
            raise ValueError(f"constraints say the least that a score must be, which {without_floor[0]} has not")
        if self.race is not None and self.pruner == "wilcoxon":
            raise ValueError("race and pruner=wilcoxon both decide over blocks: use one of them")
        if not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives must be different scores, at least one, but got {list(self.objectives)}")
        if len(self.objectives) > 1:
            self._check_several_objectives()
        if self.objectives[0] in MINIMISED:
            raise ValueError(
                f"the first objective must be a score of which more is better, but got {self.objectives[0]}"
            )
        if self.constraints and self.configurations is None and self.sampler not in CONSTRAINED_SAMPLERS:
            valid = ", ".join(CONSTRAINED_SAMPLERS)
            raise ValueError(f"constraints need a sampler that heeds them ({valid}), but got {self.sampler}")
        return self

    def _check_several_objectives(self) -> None:
        if self.pruner != "none" or self.race is not None:
            raise ValueError("pruners and races look at one objective: with several use pruner=none and no race")
        if self.configurations is None and self.sampler not in SEVERAL_OBJECTIVES_SAMPLERS:
            raise ValueError(
                f"several objectives need one of the samplers {', '.join(SEVERAL_OBJECTIVES_SAMPLERS)}, "
                f"but got {self.sampler}"
            )


def read_settings(class_args: dict[str, Any] | None) -> SearchSettings:
    """Return the settings in the advisor's ``classArgs``.

    Raises:
        ConfigError: one line per problem.
    """
    try:
        return SearchSettings(**(class_args or {}))
    except ValidationError as error:
        lines = explain(error, SearchSettings).splitlines()
        raise ConfigError("\n".join(f"tuner.classArgs: {line}" for line in lines)) from None
