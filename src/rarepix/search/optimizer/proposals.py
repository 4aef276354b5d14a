"""The configurations that Optuna's sampler proposes, and what it is told of how they went."""

import warnings
from collections.abc import Mapping
from itertools import islice
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

from rarepix.search.optimizer.axes import OutsideSpace, encode, grid, suggest
from rarepix.search.optimizer.samplers import build_sampler
from rarepix.search.optimizer.settings import GRID_MAY_BE, MINIMISED, SearchSettings
from rarepix.search.optimizer.study_state import Configuration, StudyState, canonical, finite
from rarepix.seeding import generator, stable_hash

REPEATS = 20
"""Proposals that were tried already after which the sampler is no longer asked for this configuration."""
AVOID = ("non_finite", "out_of_memory")
"""Failures that another run of the same configuration would see again: the sampler is to stay away from there."""
LEARN_FROM_WHOLE_TRIALS = ("gp", "nsga2")
"""Samplers that look past pruned trials: to them, what a stopped one has shown is its score."""
FORGOTTEN = "cma:"
"""Beginning of the attributes that are not kept: CMA-ES pickles its state."""


class Proposals:
    """Optuna's study of the configurations, one Optuna trial for each that the space can give. Kept in memory."""

    def __init__(self, settings: SearchSettings, space: Mapping[str, Any], history: StudyState) -> None:
        self.settings, self.space, self.history = settings, space, history
        directions = ["minimize" if name in MINIMISED else "maximize" for name in settings.objectives]
        self.study = optuna.create_study(directions=directions, study_name="proposals")
        self._trials: dict[int, int] = {}
        """Configuration → Optuna's number of its trial."""
        self._proposed: tuple[str, int] | None = None
        """The newest proposal and Optuna's number of its trial."""
        for configuration in history.configurations:
            self.begin(configuration)
            if configuration.end:
                self.finish(configuration)
        seed = stable_hash(settings.seed, "sampler", len(history.configurations)) % 2**32
        self.study.sampler = build_sampler(settings, seed, self.study.get_trials(states=(TrialState.COMPLETE,)))

    def propose(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return parameters not tried before, and what the sampler wants to remember of them; None: all were."""
        for sampler in (self.study.sampler, self._random()):
            for _ in range(REPEATS):
                trial, parameters = self._ask(sampler)
                if not self.history.tried(parameters):
                    self._proposed = canonical(parameters), trial.number
                    kept = self.study.get_trials(deepcopy=False)[trial.number].system_attrs.items()
                    return parameters, {key: value for key, value in kept if not key.startswith(FORGOTTEN)}
                self.study.tell(trial, state=TrialState.FAIL)
        left = [parameters for parameters in _all_of(self.space) if not self.history.tried(parameters)]
        if not left:
            return None
        return left[int(self._generator().integers(len(left)))], {}

    def begin(self, configuration: Configuration) -> None:
        """Tell the sampler that *configuration* is being tried, if it is one that the space can give."""
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
        """Tell the sampler how a configuration went that gets no more runs."""
        if configuration.number not in self._trials:
            return
        frozen = self.study.get_trials(deepcopy=False)[self._trials[configuration.number]]
        trial = optuna.trial.Trial(self.study, frozen._trial_id)
        state, values = self._verdict(configuration)
        if state is TrialState.COMPLETE:
            for name, least in self.settings.constraints.items():
                trial.set_constraint(name, least - self._mean(configuration, name))
        if state is TrialState.PRUNED and len(self.settings.objectives) == 1:
            for epoch, value in self._shown(configuration).items():
                trial.report(value, epoch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns of each value that it has to convert
            self.study.tell(trial, values, state=state)

    def _verdict(self, configuration: Configuration) -> tuple[TrialState, list[float] | None]:
        """Return how Optuna calls the end of *configuration*, and its values: means over blocks."""
        if configuration.end in ("complete", "dropped"):
            values = [self._mean(configuration, name) for name in self.settings.objectives]
            floors = [self._mean(configuration, name) for name in self.settings.constraints]
            return (TrialState.FAIL, None) if None in values + floors else (TrialState.COMPLETE, values)
        if configuration.end == "failed":
            causes = {run.cause for run in self.history.runs_of[configuration.number]}
            # pruned without a value is the worst that Optuna knows
            return (TrialState.PRUNED if causes & set(AVOID) else TrialState.FAIL), None
        shown = self._shown(configuration)
        if shown and self.settings.sampler in LEARN_FROM_WHOLE_TRIALS and not self.settings.constraints:
            return TrialState.COMPLETE, [max(shown.values())]
        return (TrialState.PRUNED if shown else TrialState.FAIL), None

    def _shown(self, configuration: Configuration) -> dict[int, float]:
        """Return epoch → best so far, of a configuration that did not come to its end."""
        if configuration.end == "failed":
            return {}
        runs = self.history.runs_of[configuration.number]
        return best_so_far(self.history.curve(runs[0]), self.settings.objectives[0]) if runs else {}

    def _mean(self, configuration: Configuration, name: str) -> float | None:
        scores = [finite(metrics, name) for metrics in self.history.finals(configuration.number).values()]
        present = [score for score in scores if score is not None]
        return sum(present) / len(present) if present else None

    def _ask(self, sampler: optuna.samplers.BaseSampler) -> tuple[optuna.trial.Trial, dict[str, Any]]:
        mine, self.study.sampler = self.study.sampler, sampler
        try:
            trial = self.study.ask()
            return trial, suggest(trial, self.space)
        finally:
            self.study.sampler = mine

    def _random(self) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=int(self._generator().integers(2**32)))

    def _generator(self) -> Any:
        return generator(self.settings.seed, "proposals", len(self.history.configurations))


def best_so_far(curve: Mapping[int, Mapping[str, float]], name: str) -> dict[int, float]:
    """Return epoch → best value of *name* until then, since the best checkpoint is the one that is kept."""
    best: dict[int, float] = {}
    for epoch, metrics in sorted(curve.items()):
        value = finite(metrics, name)
        if value is not None:
            best[epoch] = max([value, *best.values()])
    return best


def _all_of(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every configuration of a space, if it has no continuous range and is small; else none."""
    spare = list(islice(grid(space, 2), GRID_MAY_BE + 1))
    finer = list(islice(grid(space, 3), GRID_MAY_BE + 1))
    return spare if len(spare) == len(finer) <= GRID_MAY_BE else []
