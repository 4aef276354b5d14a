"""The configuration of a trial: recipes, ``--set`` and sampled parameters, one tree of dotted keys."""

from rarepix.config.recipes import load_recipe, parse_settings
from rarepix.config.trial import CHOSEN, TrialConfig, build_config, config_hash, flatten, updated

__all__ = [
    "CHOSEN",
    "TrialConfig",
    "build_config",
    "config_hash",
    "flatten",
    "load_recipe",
    "parse_settings",
    "updated",
]
