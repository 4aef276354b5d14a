"""The settings of a search: ``classArgs`` of the advisor in a study's file."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rarepix.choices import ChoiceError
from rarepix.records import BLOCK_KEYS
from rarepix.scores import Direction, direction_of
from rarepix.settings import ConfigError, Settings, explain

SAMPLER_NAMES = ("tpe", "gp", "cmaes", "nsga2", "qmc", "random", "grid")
PRUNER_NAMES = ("none", "asha", "hyperband", "median", "percentile", "patient", "wilcoxon")
OBJECTIVE, SECONDS = "objective", "seconds"
"""What trials report beside scores: the score that ``evaluate.objective`` names, and how long they took."""
CONSTRAINED_SAMPLERS = ("tpe", "gp", "nsga2")
SEVERAL_OBJECTIVES_SAMPLERS = ("tpe", "gp", "nsga2", "qmc", "random", "grid")
GRID_MAY_BE = 10_000
"""Most configurations of a grid."""
DEVIATIONS = 3
"""Where the normal types of a search space end, in standard deviations; NNI itself does not bound them."""
OF_SAMPLED_STUDIES = {"sampler", "sampler_args", "seed", "samples", "enqueue", "warm_start", "constraints"}
"""Settings that have no meaning in a study whose configurations are listed."""
RENAMED_KEYS = {"known": "enqueue", "earlier": "warm_start", "silence": "heartbeat_timeout"}
"""Former name of a setting → its name. Studies started under the former names hold them in journal and NNI profile."""
SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def in_seconds(duration: int | str) -> float:
    """Return a duration in NNI's notation (``90``, ``90s``, ``1.5h``) in seconds."""
    if isinstance(duration, str):
        return float(duration[:-1]) * SECONDS_PER_UNIT[duration[-1].lower()]
    return float(duration)


def direction(name: str) -> Direction:
    """Return whether more (maximize) or less (minimize) of what trials report under *name* is better.

    Raises:
        ChoiceError: there is no such score.
    """
    if name == OBJECTIVE:
        return "maximize"
    return "minimize" if name == SECONDS else direction_of(name)


def violation(name: str, bound: float, value: float) -> float:
    """Return by how much *value* of the score *name* violates its constraint; 0 or less where it does not.

    *bound* is a minimum, or a maximum where less of the score is better.
    """
    return value - bound if direction(name) == "minimize" else bound - value


def _check_duration(value: Any) -> Any:
    try:
        positive = not isinstance(value, bool) and in_seconds(value) > 0
    except (TypeError, ValueError, LookupError):
        positive = False
    if not positive:
        raise ValueError("a duration must be whole seconds or a number with a unit (90s, 10m, 2h, 1d)")
    return value


Duration = Annotated[int | str, BeforeValidator(_check_duration)]


class Blocks(Settings):
    """Seeds × folds: every configuration runs on each of them, in the same order."""

    seeds: tuple[NonNegativeInt, ...] | None = None
    folds: tuple[NonNegativeInt, ...] | None = None
    """None: the recipe's."""
    at_most: PositiveInt | None = None
    """Blocks that the study may be extended to, for the tests of its report; it plans none (None: not declared)."""

    @field_validator("seeds", "folds")
    @classmethod
    def _check_distinct(cls, numbers: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if numbers is not None and (not numbers or len(set(numbers)) < len(numbers)):
            raise ValueError("must be a list of different numbers, at least one")
        return numbers

    @model_validator(mode="after")
    def _check_at_most(self) -> "Blocks":
        planned = len(self.seeds or [None]) * len(self.folds or [None])  # the recipe has one seed and one fold
        if self.at_most is not None and self.at_most < planned:
            raise ValueError(f"at_most must be no fewer than the {planned} planned blocks, but got {self.at_most}")
        return self


class Race(Settings):
    """When a configuration gets no further blocks (see ``optimizer/race.py``)."""

    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Probability, at most, that the truly best configuration is dropped."""
    at_least: int = Field(2, ge=2)
    """Blocks that every configuration gets."""


class Retries(Settings):
    """How often a trial is run again, by the cause of its failure. It resumes from its last checkpoint if it can."""

    out_of_memory: NonNegativeInt = 1
    non_finite: NonNegativeInt = 1
    lost: NonNegativeInt = 3
    """Killed from outside, or its machine was lost."""
    hung: NonNegativeInt = 1
    """No report for longer than ``heartbeat_timeout``."""
    crash: NonNegativeInt = 1
    """Any other error."""


class WarmStart(Settings):
    """Configurations of an earlier study that are tried first."""

    study: str
    """The results folder of that study."""
    top: PositiveInt = 5


class SearchSettings(Settings):
    """How configurations are chosen, compared and stopped."""

    optimize_mode: Literal["maximize"] = "maximize"
    """Read by NNI's web UI."""
    sampler: Literal[SAMPLER_NAMES] = "tpe"
    sampler_args: dict[str, Any] = Field(default={})
    pruner: Literal[PRUNER_NAMES] = "none"
    pruner_args: dict[str, Any] = Field(default={})
    """Passed to Optuna's class, as ``sampler_args`` are."""
    seed: NonNegativeInt = 0
    samples: PositiveInt | None = None
    """Configurations to try, including the default one (None: as many as maxTrialNumber has room for)."""
    configurations: tuple[dict[str, Any], ...] | None = None
    """A listed study: these configurations and no others, each on every block."""
    confirms: str | None = None
    """The study that this one confirms: the first listed configuration is its default, the others are its winners."""
    blocks: Blocks = Blocks()
    race: Race | None = None
    enqueue: tuple[dict[str, Any], ...] = ()
    """Configurations that are tried right after the default one, which gives the values of the keys left out."""
    warm_start: WarmStart | None = None
    objectives: tuple[str, ...] = ("objective",)
    """Scores that trials report; ``objective`` is what ``evaluate.objective`` names. Pruners look at the first one."""
    constraints: dict[str, float] = Field(default={})
    """Score → its minimum, or its maximum where less is better (``seconds``, ``mean_false_alarm_rate``)."""
    retries: Retries = Retries()
    heartbeat_timeout: Duration | None = None
    """A trial without a report for this long is stopped and run again (None: half of maxTrialDuration, at most 1 h)."""
    grid_points: int = Field(4, ge=2)
    """Values of a continuous range in a grid."""

    @property
    def listed(self) -> bool:
        """Whether all configurations are known before the study starts."""
        return self.configurations is not None or self.sampler == "grid"

    @field_validator("configurations", "enqueue")
    @classmethod
    def _check_list(cls, listed: tuple[dict, ...] | None, info: ValidationInfo) -> tuple[dict, ...] | None:
        if info.field_name == "configurations" and listed == ():
            raise ValueError("a listed study must list at least one configuration")
        blocks = sorted({key for configuration in listed or () for key in configuration if key in BLOCK_KEYS})
        if blocks:
            raise ValueError(f"a configuration must not fix {', '.join(blocks)}: name seeds and folds under blocks")
        return listed

    @model_validator(mode="after")
    def _check_combination(self) -> "SearchSettings":
        self._check_kind_of_study()
        self._check_objectives()
        if self.constraints and self.configurations is None and self.sampler not in CONSTRAINED_SAMPLERS:
            raise ValueError(
                f"constraints need a sampler that uses them ({', '.join(CONSTRAINED_SAMPLERS)}), but got {self.sampler}"
            )
        if self.race is not None and self.pruner == "wilcoxon":
            raise ValueError("race and pruner=wilcoxon both decide over blocks: use one of them")
        return self

    def _check_kind_of_study(self) -> None:
        given = self.model_fields_set
        if self.configurations is not None and given & OF_SAMPLED_STUDIES:
            extra = ", ".join(sorted(given & OF_SAMPLED_STUDIES))
            raise ValueError(f"a study is either listed or sampled: with configurations leave {extra} out")
        if self.confirms is not None and self.configurations is None:
            raise ValueError("a study that confirms another one must list its configurations, the default one first")
        if self.sampler == "grid" and given & {"samples", "sampler_args"}:
            raise ValueError("sampler=grid tries every point in a fixed order: leave samples and sampler_args out")
        if self.sampler != "grid" and "grid_points" in given:
            raise ValueError(f"grid_points belong to sampler=grid, but sampler={self.sampler}: leave them out")

    def _check_objectives(self) -> None:
        for name in (*self.objectives, *self.constraints):
            try:
                direction(name)
            except ChoiceError as error:
                raise ValueError(
                    f"objectives and constraints must be scores that a trial reports ({OBJECTIVE} and {SECONDS} are, "
                    f"too), but got {name}: {error}"
                ) from error
        if not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives must be different scores, at least one, but got {list(self.objectives)}")
        if len(self.objectives) > 1:
            if self.pruner != "none" or self.race is not None:
                raise ValueError("pruners and races look at one objective: with several use pruner=none and no race")
            if self.configurations is None and self.sampler not in SEVERAL_OBJECTIVES_SAMPLERS:
                raise ValueError(
                    f"several objectives need one of the samplers {', '.join(SEVERAL_OBJECTIVES_SAMPLERS)}, "
                    f"but got {self.sampler}"
                )
        if direction(self.objectives[0]) == "minimize":
            raise ValueError(
                f"the first objective must be a score of which more is better, but got {self.objectives[0]}"
            )


def read_settings(class_args: Mapping[str, Any] | None) -> SearchSettings:
    """Return the settings in the advisor's ``classArgs``.

    Raises ``ConfigError`` with one line per problem; a key that was renamed is refused with its new name.
    """
    given = class_args or {}
    problems = [f"unknown key {old!r}: it is called {new!r} now" for old, new in RENAMED_KEYS.items() if old in given]
    try:
        settings = SearchSettings(**{key: value for key, value in given.items() if key not in RENAMED_KEYS})
    except ValidationError as error:
        problems += explain(error, SearchSettings).splitlines()
    if problems:
        raise ConfigError("\n".join(f"tuner.classArgs: {problem}" for problem in problems))
    return settings


def with_current_keys(class_args: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return ``classArgs`` of a study that was started under former names of keys, with the names of now."""
    return {RENAMED_KEYS.get(key, key): value for key, value in (class_args or {}).items()}
