"""Which configurations are tried: those planned beforehand, then those that one of Optuna's samplers proposes."""

import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from rarepix.search.optimizer.axes import OutsideSpace, encode, grid, suggest
from rarepix.search.optimizer.settings import GRID_MAY_BE, SearchSettings, direction, violation
from rarepix.search.optimizer.study_state import DEFAULT, LISTED, Configuration, StudyState, best_so_far, canonical
from rarepix.seeding import generator, stable_hash
from rarepix.settings import ConfigError

SAMPLERS: dict[str, tuple[type[BaseSampler], dict[str, Any]]] = {
    # group: conditional keys are modelled together with the choice that they belong to
    "tpe": (TPESampler, {"multivariate": True, "group": True, "constant_liar": True}),
    "gp": (GPSampler, {"warn_independent_sampling": False}),
    "cmaes": (CmaEsSampler, {"warn_independent_sampling": False, "consider_pruned_trials": True}),
    "nsga2": (NSGAIISampler, {"population_size": 20}),
    "qmc": (QMCSampler, {"scramble": True, "warn_asynchronous_seeding": False, "warn_independent_sampling": False}),
    "random": (RandomSampler, {}),
}
"""Name → Optuna's class and our defaults. (A grid is a list of configurations, see ``axes.grid``.)"""
DUPLICATES_ALLOWED = 20
"""Proposals in a row that were tried already, after which the sampler is no longer asked for this configuration."""
PENALISED_CAUSES = ("non_finite", "out_of_memory")
"""Causes of failure that every run of the configuration would meet: the sampler should avoid such configurations."""
LEARN_FROM_WHOLE_TRIALS = ("gp", "nsga2")
"""Samplers that ignore pruned trials: the best score of a stopped configuration is given to them as its final score."""
CMAES_STATE = "cma:"
"""Prefix of the trial attributes that are not kept: CMA-ES stores its state there as a pickle."""


def planned_configurations(
    settings: SearchSettings,
    space: Mapping[str, Any],
    default: Mapping[str, Any],
    enqueued: Iterable[tuple[str, Mapping[str, Any]]],
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (origin, parameters) of the configurations known before the search begins, without duplicates.

    These are the listed ones, every point of a grid, or the *default* one followed by the *enqueued* ones. The first
    listed one counts as the default if it changes nothing, or if this study confirms another.
    """
    if settings.configurations is not None:
        planned = [(LISTED, parameters) for parameters in settings.configurations]
        if settings.confirms is not None or not planned[0][1]:
            planned[0] = (DEFAULT, planned[0][1])
    elif settings.sampler == "grid":
        planned = [(DEFAULT, default), *((LISTED, point) for point in grid(space, settings.grid_points))]
    else:
        planned = [(DEFAULT, default), *enqueued]
    unique: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for origin, parameters in planned:
        unique.setdefault(canonical(parameters), (origin, parameters))
    return list(unique.values())


class Proposals:
    """An Optuna study in memory with one Optuna trial for each configuration that lies in the search space."""

    def __init__(self, settings: SearchSettings, space: Mapping[str, Any], state: StudyState) -> None:
        self.settings, self.space, self.state = settings, space, state
        directions = [direction(name) for name in settings.objectives]
        self.study = optuna.create_study(directions=directions, study_name="proposals")
        self._trials: dict[int, int] = {}
        """Configuration → Optuna's number of its trial."""
        self._proposed: tuple[str, int] | None = None
        """The newest proposal and Optuna's number of its trial."""
        for configuration in state.configurations:
            self.begin(configuration)
            if configuration.end:
                self.finish(configuration)
        seed = stable_hash(settings.seed, "sampler", len(state.configurations)) % 2**32
        self.study.sampler = build_sampler(settings, seed, self.study.get_trials(states=(TrialState.COMPLETE,)))

    def propose(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return parameters not tried before, and the attributes that the sampler stores; None if all were tried."""
        for sampler in (self.study.sampler, self._random_sampler()):
            for _ in range(DUPLICATES_ALLOWED):
                trial, parameters = self._ask(sampler)
                if not self.state.tried(parameters):
                    self._proposed = canonical(parameters), trial.number
                    attributes = self.study.get_trials(deepcopy=False)[trial.number].system_attrs.items()
                    return parameters, {key: value for key, value in attributes if not key.startswith(CMAES_STATE)}
                self.study.tell(trial, state=TrialState.FAIL)
        untried = [parameters for parameters in _all_points(self.space) if not self.state.tried(parameters)]
        if not untried:
            return None
        return untried[int(self._generator().integers(len(untried)))], {}

    def begin(self, configuration: Configuration) -> None:
        """Tell the sampler that *configuration* is being tried, if it lies in the search space."""
        if self._proposed and self._proposed[0] == canonical(configuration.parameters):
            self._trials[configuration.number] = self._proposed[1]
            return
        try:
            points = encode(self.space, configuration.parameters)
        except OutsideSpace:
            return
        trial = create_trial(
            state=TrialState.RUNNING,
            params={name: point for name, (point, _) in points.items()},
            distributions={name: distribution for name, (_, distribution) in points.items()},
            system_attrs=configuration.attributes,
        )
        self.study.add_trial(trial)
        self._trials[configuration.number] = len(self.study.get_trials(deepcopy=False)) - 1

    def finish(self, configuration: Configuration) -> None:
        """Tell the sampler the result of a configuration that gets no more runs."""
        if configuration.number not in self._trials:
            return
        frozen = self.study.get_trials(deepcopy=False)[self._trials[configuration.number]]
        trial = optuna.trial.Trial(self.study, frozen._trial_id)
        state, values = self._result(configuration)
        if state is TrialState.COMPLETE:
            for name, bound in self.settings.constraints.items():
                trial.set_constraint(name, violation(name, bound, self._mean(configuration, name)))
        if state is TrialState.PRUNED and len(self.settings.objectives) == 1:
            for epoch, value in self._partial_curve(configuration).items():
                trial.report(value, epoch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns of each value that it has to convert
            self.study.tell(trial, values, state=state)

    def _result(self, configuration: Configuration) -> tuple[TrialState, list[float] | None]:
        """Return Optuna's state for the end of *configuration*, and its objective values: means over blocks."""
        if configuration.end in ("complete", "dropped"):
            values = [self._mean(configuration, name) for name in self.settings.objectives]
            constrained = [self._mean(configuration, name) for name in self.settings.constraints]
            return (TrialState.FAIL, None) if None in values + constrained else (TrialState.COMPLETE, values)
        if configuration.end == "failed":
            causes = {run.cause for run in self.state.runs_of[configuration.number]}
            # Optuna ranks a pruned trial without a value last, and ignores a failed one
            return (TrialState.PRUNED if causes & set(PENALISED_CAUSES) else TrialState.FAIL), None
        curve = self._partial_curve(configuration)
        if curve and self.settings.sampler in LEARN_FROM_WHOLE_TRIALS and not self.settings.constraints:
            return TrialState.COMPLETE, [max(curve.values())]
        return (TrialState.PRUNED if curve else TrialState.FAIL), None

    def _partial_curve(self, configuration: Configuration) -> dict[int, float]:
        """Return epoch → best score so far, of a configuration that was stopped or canceled."""
        if configuration.end == "failed":
            return {}
        runs = self.state.runs_of[configuration.number]
        return best_so_far(self.state.curve(runs[0]), self.settings.objectives[0]) if runs else {}

    def _mean(self, configuration: Configuration, name: str) -> float | None:
        scores = self.state.final_scores(configuration.number, name).values()
        return sum(scores) / len(scores) if scores else None

    def _ask(self, sampler: BaseSampler) -> tuple[optuna.trial.Trial, dict[str, Any]]:
        own, self.study.sampler = self.study.sampler, sampler
        try:
            trial = self.study.ask()
            return trial, suggest(trial, self.space)
        finally:
            self.study.sampler = own

    def _random_sampler(self) -> BaseSampler:
        return RandomSampler(seed=int(self._generator().integers(2**32)))

    def _generator(self) -> Any:
        return generator(self.settings.seed, "proposals", len(self.state.configurations))


def build_sampler(settings: SearchSettings, seed: int, finished: Sequence[FrozenTrial] = ()) -> BaseSampler:
    """Return the sampler that *settings* name; *finished* are completed trials of the same study.

    Raises ``ConfigError`` for ``sampler_args`` that Optuna's class does not take.
    """
    kind, defaults = SAMPLERS[settings.sampler]
    defaults = {"seed": seed} | defaults
    if settings.sampler == "cmaes" and finished:
        # its state is a pickle and is not kept: after a resume it starts again, centred at the best configuration
        defaults["x0"] = max(finished, key=lambda trial: trial.value).params
    return construct("sampler", settings.sampler, kind, defaults, settings.sampler_args)


def construct(role: str, name: str, kind: type, defaults: dict[str, Any], args: dict[str, Any]) -> Any:
    """Return the sampler or pruner (*role*) *name*, an instance of Optuna's class *kind*.

    Raises ``ConfigError`` for *args* that *kind* does not take; the message lists the valid ones.
    """
    valid = [key for key in inspect.signature(kind.__init__).parameters if key != "self"]
    unknown = sorted(set(args) - set(valid))
    if unknown:
        raise ConfigError(f"{role}_args of {name} has unknown {', '.join(unknown)}: valid: {', '.join(valid)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group of TPE, GP and others
        warnings.simplefilter("ignore", FutureWarning)  # x0 of CMA-ES is deprecated
        try:
            return kind(**defaults | args)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{role}_args of {name} must fit it, but: {error}") from error
        except ImportError as error:
            raise ConfigError(f"{role} {name} needs a package that is not installed: {error}") from error


def _all_points(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every configuration of a small space without continuous ranges; of any other space an empty list."""
    coarse = list(islice(grid(space, 2), GRID_MAY_BE + 1))
    fine = list(islice(grid(space, 3), GRID_MAY_BE + 1))  # a continuous range has more points here
    return coarse if len(coarse) == len(fine) <= GRID_MAY_BE else []
