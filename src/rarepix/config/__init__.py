"""The configuration of a trial: recipes, ``--set`` and sampled parameters, one tree of dotted keys."""

from rarepix.config.hashing import config_hash
from rarepix.config.recipes import load_recipe, parse_settings
from rarepix.config.trial import CHOICES, ONE_OF, TrialConfig, build_config, flatten, updated

__all__ = [
    "CHOICES",
    "ONE_OF",
    "TrialConfig",
    "build_config",
    "config_hash",
    "flatten",
    "load_recipe",
    "parse_settings",
    "updated",
]
