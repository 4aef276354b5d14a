"""Pruners by name: when a run is stopped for what it has shown. Steps are epochs, for ``wilcoxon`` blocks."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner

from rarepix.search.advising.samplers import built
from rarepix.search.advising.settings import SearchSettings

Builder = Callable[[dict[str, Any]], BasePruner]


def _patient(args: dict[str, Any]) -> BasePruner:
    return optuna.pruners.PatientPruner(None, **{"patience": 5} | args)


PRUNERS: dict[str, tuple[Builder, type[BasePruner]]] = {
    "none": (lambda args: optuna.pruners.NopPruner(**args), optuna.pruners.NopPruner),
    "asha": (
        lambda args: optuna.pruners.SuccessiveHalvingPruner(**{"min_resource": 1, "reduction_factor": 3} | args),
        optuna.pruners.SuccessiveHalvingPruner,
    ),
    "hyperband": (lambda args: optuna.pruners.HyperbandPruner(**args), optuna.pruners.HyperbandPruner),
    "median": (lambda args: optuna.pruners.MedianPruner(**args), optuna.pruners.MedianPruner),
    "percentile": (
        lambda args: optuna.pruners.PercentilePruner(**{"percentile": 25.0} | args),
        optuna.pruners.PercentilePruner,
    ),
    "patient": (_patient, optuna.pruners.PatientPruner),
    "wilcoxon": (lambda args: optuna.pruners.WilcoxonPruner(**args), optuna.pruners.WilcoxonPruner),
}
"""Name → builder and Optuna's class."""


def build_pruner(settings: SearchSettings) -> BasePruner:
    """Return the pruner that *settings* name.

    Raises:
        ConfigError: ``pruner_args`` that it does not take.
    """
    build, kind = PRUNERS[settings.pruner]
    return built("pruner", settings.pruner, settings.pruner_args, kind, build)
