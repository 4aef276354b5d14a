"""The configuration of a trial: recipes, ``--set`` and sampled parameters, one tree of dotted keys."""

from rarepix.config.recipes import load_recipe, parse_settings
from rarepix.config.trial import ONE_OF, TrialConfig, build_config, config_hash, flatten, updated

__all__ = [
    "ONE_OF",
    "TrialConfig",
    "build_config",
    "config_hash",
    "flatten",
    "load_recipe",
    "parse_settings",
    "updated",
]
