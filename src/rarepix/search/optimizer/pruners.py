"""Pruners by name, and the learning curves that they compare: when a run is stopped early.

Steps are epochs, for ``wilcoxon`` blocks. A pruner that compares runs epoch by epoch leaves each a third of its epochs
unless ``pruner_args`` say otherwise: before, a curve shows how fast a configuration starts and not where it ends
(``docs/benchmarks/search.md``).
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna import pruners
from optuna.trial import Trial, TrialState, create_trial

from rarepix.search.optimizer.proposals import construct
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import Configuration, Metrics, StudyState, best_so_far, finite

PRUNERS: dict[str, tuple[type[pruners.BasePruner], Callable[[int, int], dict[str, Any]]]] = {
    "none": (pruners.NopPruner, lambda warmup, epochs: {}),
    "asha": (pruners.SuccessiveHalvingPruner, lambda warmup, epochs: {"min_resource": warmup, "reduction_factor": 2}),
    "hyperband": (pruners.HyperbandPruner, lambda warmup, epochs: {"min_resource": warmup, "max_resource": epochs}),
    "median": (pruners.MedianPruner, lambda warmup, epochs: {"n_warmup_steps": warmup}),
    "percentile": (pruners.PercentilePruner, lambda warmup, epochs: {"percentile": 25.0, "n_warmup_steps": warmup}),
    "patient": (pruners.PatientPruner, lambda warmup, epochs: {"wrapped_pruner": None, "patience": 5}),
    "wilcoxon": (pruners.WilcoxonPruner, lambda warmup, epochs: {}),
}
"""Name → Optuna's class, and our defaults: (epochs that are always run, epochs of a run) → arguments."""


def warmup_epochs(epochs: int) -> int:
    """Return the epochs before which a run of *epochs* is not stopped: a third of them, at least one."""
    return math.ceil(epochs / 3)


def build_pruner(settings: SearchSettings, epochs: int) -> pruners.BasePruner:
    """Return the pruner that *settings* name, for runs of *epochs*.

    Raises ``ConfigError`` for ``pruner_args`` that Optuna's class does not take.
    """
    kind, defaults = PRUNERS[settings.pruner]
    return construct("pruner", settings.pruner, kind, defaults(warmup_epochs(epochs), epochs), settings.pruner_args)


class Pruning:
    """An Optuna study in memory of the learning curves; Optuna's number of a trial is that of its configuration.

    It is separate from the study of ``Proposals`` because every configuration has a curve, including those outside the
    search space and listed ones. A pruner looks at a configuration's first block, epoch by epoch; the further blocks
    are for comparison and run to their end. ``wilcoxon`` looks at finished blocks instead.
    """

    def __init__(self, settings: SearchSettings, state: StudyState, epochs: int) -> None:
        self.settings, self.state = settings, state
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            pruner = build_pruner(settings, epochs)
        self.study = optuna.create_study(direction="maximize", study_name="curves", pruner=pruner)
        for configuration in state.configurations:
            self._restore(configuration)

    @property
    def by_blocks(self) -> bool:
        """Whether the pruner compares blocks instead of epochs."""
        return self.settings.pruner == "wilcoxon"

    def visible(self, curve: Mapping[int, Metrics]) -> dict[int, float]:
        """Return epoch → score that the pruner sees: the best so far, because a trial keeps its best checkpoint.

        ``patient`` waits for a decline and therefore sees each score as it is.
        """
        name = self.settings.objectives[0]
        if self.settings.pruner != "patient":
            return best_so_far(curve, name)
        scores = {epoch: finite(metrics, name) for epoch, metrics in curve.items()}
        return {epoch: score for epoch, score in scores.items() if score is not None}

    def begin(self) -> None:
        """Begin the curve of the next configuration."""
        self.study.add_trial(create_trial(state=TrialState.RUNNING))

    def should_stop(self, configuration: int, step: int, value: float) -> tuple[bool, dict[str, Any]]:
        """Return whether a configuration should be stopped after *value* at *step*, and what the pruner stores."""
        frozen = self._frozen(configuration)
        before = dict(frozen.system_attrs)
        trial = Trial(self.study, frozen._trial_id)
        trial.report(value, step)
        stop = trial.should_prune()
        after = self._frozen(configuration).system_attrs
        return stop, {key: value for key, value in after.items() if before.get(key) != value}

    def finish(self, configuration: Configuration) -> None:
        """Close the curve of a configuration that gets no more runs."""
        frozen = self._frozen(configuration.number)
        if frozen.state.is_finished():
            return
        state, value = self._result(configuration)
        self.study.tell(frozen.number, value, state=state)

    def _restore(self, configuration: Configuration) -> None:
        state, value = self._result(configuration) if configuration.end else (TrialState.RUNNING, None)
        steps = self._steps(configuration)
        self.study.add_trial(
            create_trial(state=state, value=value, intermediate_values=steps, system_attrs=configuration.rungs)
        )

    def _result(self, configuration: Configuration) -> tuple[TrialState, float | None]:
        steps = self._steps(configuration)
        if configuration.end in ("complete", "dropped") and steps:
            return TrialState.COMPLETE, sum(steps.values()) / len(steps) if self.by_blocks else max(steps.values())
        return (TrialState.PRUNED if steps else TrialState.FAIL), None

    def _steps(self, configuration: Configuration) -> dict[int, float]:
        if self.by_blocks:
            return dict(sorted(self.state.final_scores(configuration.number, self.settings.objectives[0]).items()))
        runs = self.state.runs_of[configuration.number]
        return self.visible(self.state.curve(runs[0])) if runs else {}

    def _frozen(self, configuration: int) -> optuna.trial.FrozenTrial:
        return self.study.get_trials(deepcopy=False)[configuration]
