"""Samplers by name: how the next configuration is chosen, given the results of those tried so far."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from rarepix.search.optimizer.settings import SearchSettings
from rarepix.settings import ConfigError

Builder = Callable[..., BaseSampler]


def _tpe(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    # group: conditional keys are modelled together with the choice that they belong to
    return optuna.samplers.TPESampler(
        **{"multivariate": True, "group": True, "constant_liar": True, "seed": seed} | args
    )


def _gp(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    return optuna.samplers.GPSampler(**{"seed": seed, "warn_independent_sampling": False} | args)


def _cmaes(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    # its state is a pickle and is not kept: after a resume it starts again, centred at the best configuration so far
    start = {"x0": max(finished, key=lambda trial: trial.value).params} if finished else {}
    defaults = {"seed": seed, "warn_independent_sampling": False, "consider_pruned_trials": True}
    return optuna.samplers.CmaEsSampler(**defaults | start | args)


def _nsga2(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(**{"seed": seed, "population_size": 20} | args)


def _qmc(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    defaults = {"warn_asynchronous_seeding": False, "warn_independent_sampling": False}
    return optuna.samplers.QMCSampler(**{"seed": seed, "scramble": True} | defaults | args)


def _random(args: dict[str, Any], seed: int, finished: Sequence[FrozenTrial]) -> BaseSampler:
    return optuna.samplers.RandomSampler(**{"seed": seed} | args)


SAMPLERS: dict[str, tuple[Builder, type[BaseSampler]]] = {
    "tpe": (_tpe, optuna.samplers.TPESampler),
    "gp": (_gp, optuna.samplers.GPSampler),
    "cmaes": (_cmaes, optuna.samplers.CmaEsSampler),
    "nsga2": (_nsga2, optuna.samplers.NSGAIISampler),
    "qmc": (_qmc, optuna.samplers.QMCSampler),
    "random": (_random, optuna.samplers.RandomSampler),
}
"""Name → builder and Optuna's class. (A grid is a list of configurations, see ``axes.grid``.)"""


def build_sampler(settings: SearchSettings, seed: int, finished: Sequence[FrozenTrial] = ()) -> BaseSampler:
    """Return the sampler that *settings* name; *finished* are completed trials of the same study.

    Raises:
        ConfigError: ``sampler_args`` that Optuna's class does not take.
    """
    build, kind = SAMPLERS[settings.sampler]
    return construct("sampler", settings.sampler, settings.sampler_args, kind, lambda args: build(args, seed, finished))


def construct(role: str, name: str, args: dict[str, Any], kind: type, build: Callable[[dict[str, Any]], Any]) -> Any:
    """Return ``build(args)``: the sampler or pruner (*role*) *name*, an instance of Optuna's class *kind*.

    Raises:
        ConfigError: arguments that *kind* does not take; the message lists the valid ones.
    """
    valid = [key for key in inspect.signature(kind.__init__).parameters if key != "self"]
    unknown = sorted(set(args) - set(valid))
    if unknown:
        raise ConfigError(f"{role}_args of {name} has unknown {', '.join(unknown)}: valid: {', '.join(valid)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group of TPE, GP and others
        warnings.simplefilter("ignore", FutureWarning)  # x0 of CMA-ES is deprecated
        try:
            return build(args)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{role}_args of {name} must fit it, but: {error}") from error
        except ImportError as error:
            raise ConfigError(f"{role} {name} needs a package that is not installed: {error}") from error
