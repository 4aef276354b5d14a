"""Samplers by name: how the next configuration is chosen, given the results of those tried so far."""

import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from rarepix.search.optimizer.settings import SearchSettings
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
