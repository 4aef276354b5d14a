"""What Optuna's pruner says of the runs: a study of learning curves, beside that of the configurations.

It is a study of its own, since every configuration has a curve, those outside the search space and listed ones too.
A pruner looks at a configuration's first block, epoch by epoch; its further blocks are there to be compared, and run
to their end. ``wilcoxon`` looks at finished blocks instead.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import Trial, TrialState, create_trial

from rarepix.search.optimizer.proposals import best_so_far
from rarepix.search.optimizer.pruners import build_pruner
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import Configuration, Metrics, StudyState, finite


class Pruning:
    """Optuna's study of the curves; Optuna's number of a trial is that of its configuration. Kept in memory."""

    def __init__(self, settings: SearchSettings, history: StudyState, epochs: int) -> None:
        self.settings, self.history = settings, history
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            pruner = build_pruner(settings, epochs)
        self.study = optuna.create_study(direction="maximize", study_name="curves", pruner=pruner)
        for configuration in history.configurations:
            self._restore(configuration)

    @property
    def by_blocks(self) -> bool:
        """Whether the pruner looks at blocks instead of at epochs."""
        return self.settings.pruner == "wilcoxon"

    def shown(self, curve: Mapping[int, Metrics]) -> dict[int, float]:
        """Return epoch → what the pruner sees: the best so far, since the best checkpoint is the one that is kept.

        ``patient`` waits for what gets worse, and sees each value as it is.
        """
        name = self.settings.objectives[0]
        if self.settings.pruner != "patient":
            return best_so_far(curve, name)
        values = {epoch: finite(metrics, name) for epoch, metrics in curve.items()}
        return {epoch: value for epoch, value in values.items() if value is not None}

    def begin(self) -> None:
        """Begin the curve of the next configuration."""
        self.study.add_trial(create_trial(state=TrialState.RUNNING))

    def judge(self, configuration: int, step: int, value: float) -> tuple[bool, dict[str, Any]]:
        """Return whether a configuration should be stopped after *value* at *step*, and what the pruner remembers."""
        frozen = self._frozen(configuration)
        before = dict(frozen.system_attrs)
        trial = Trial(self.study, frozen._trial_id)
        trial.report(value, step)
        stop = trial.should_prune()
        after = self._frozen(configuration).system_attrs
        return stop, {key: kept for key, kept in after.items() if before.get(key) != kept}

    def finish(self, configuration: Configuration) -> None:
        """Close the curve of a configuration that gets no more runs."""
        frozen = self._frozen(configuration.number)
        if frozen.state.is_finished():
            return
        state, value = self._verdict(configuration)
        self.study.tell(frozen.number, value, state=state)

    def _restore(self, configuration: Configuration) -> None:
        state, value = self._verdict(configuration) if configuration.end else (TrialState.RUNNING, None)
        self.study.add_trial(
            create_trial(
                state=state,
                value=value,
                intermediate_values=self._steps(configuration),
                system_attrs=configuration.rungs,
            )
        )

    def _verdict(self, configuration: Configuration) -> tuple[TrialState, float | None]:
        steps = self._steps(configuration)
        if configuration.end in ("complete", "dropped") and steps:
            return TrialState.COMPLETE, sum(steps.values()) / len(steps) if self.by_blocks else max(steps.values())
        return (TrialState.PRUNED if steps else TrialState.FAIL), None

    def _steps(self, configuration: Configuration) -> dict[int, float]:
        name = self.settings.objectives[0]
        if self.by_blocks:
            finals = self.history.finals(configuration.number)
            scores = {block: finite(metrics, name) for block, metrics in sorted(finals.items())}
            return {block: score for block, score in scores.items() if score is not None}
        runs = self.history.runs_of[configuration.number]
        return self.shown(self.history.curve(runs[0])) if runs else {}

    def _frozen(self, configuration: int) -> optuna.trial.FrozenTrial:
        return self.study.get_trials(deepcopy=False)[configuration]
