"""Pruners by name: when a run is stopped for what it has shown. Steps are epochs, for ``wilcoxon`` blocks.

Where runs are compared epoch by epoch, each is left a third of its epochs unless ``pruner_args`` say otherwise:
before, a curve tells how fast a configuration starts and not where it ends (``docs/reference/search.md``).
"""

import math
from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner

from rarepix.search.optimizer.samplers import built
from rarepix.search.optimizer.settings import SearchSettings

Builder = Callable[[dict[str, Any], int], BasePruner]
"""(arguments, epochs of a run) → the pruner."""


def _asha(args: dict[str, Any], epochs: int) -> BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(**{"min_resource": spared(epochs), "reduction_factor": 2} | args)


def _hyperband(args: dict[str, Any], epochs: int) -> BasePruner:
    return optuna.pruners.HyperbandPruner(**{"min_resource": spared(epochs), "max_resource": epochs} | args)


def _median(args: dict[str, Any], epochs: int) -> BasePruner:
    return optuna.pruners.MedianPruner(**{"n_warmup_steps": spared(epochs)} | args)


def _percentile(args: dict[str, Any], epochs: int) -> BasePruner:
    return optuna.pruners.PercentilePruner(**{"percentile": 25.0, "n_warmup_steps": spared(epochs)} | args)


PRUNERS: dict[str, tuple[Builder, type[BasePruner]]] = {
    "none": (lambda args, epochs: optuna.pruners.NopPruner(**args), optuna.pruners.NopPruner),
    "asha": (_asha, optuna.pruners.SuccessiveHalvingPruner),
    "hyperband": (_hyperband, optuna.pruners.HyperbandPruner),
    "median": (_median, optuna.pruners.MedianPruner),
    "percentile": (_percentile, optuna.pruners.PercentilePruner),
    "patient": (
        lambda args, epochs: optuna.pruners.PatientPruner(None, **{"patience": 5} | args),
        optuna.pruners.PatientPruner,
    ),
    "wilcoxon": (lambda args, epochs: optuna.pruners.WilcoxonPruner(**args), optuna.pruners.WilcoxonPruner),
}
"""Name → builder and Optuna's class."""


def spared(epochs: int) -> int:
    """Return how many epochs a run of *epochs* is left in any case: a third of them, at least one."""
    return math.ceil(epochs / 3)


def build_pruner(settings: SearchSettings, epochs: int) -> BasePruner:
    """Return the pruner that *settings* name, for runs of *epochs*.

    Raises:
        ConfigError: ``pruner_args`` that it does not take.
    """
    build, kind = PRUNERS[settings.pruner]
    return built("pruner", settings.pruner, settings.pruner_args, kind, lambda args: build(args, epochs))
