"""The configuration of a trial: recipes, ``--set`` and sampled parameters, one tree of dotted keys."""

from rarepix.config.hashing import config_hash
from rarepix.config.recipes import load_recipe, parse_settings
from rarepix.config.trial import TrialConfig, build_config, flatten
from rarepix.config.updates import choices_of, one_of, updated

__all__ = [
    "TrialConfig",
    "build_config",
    "choices_of",
    "config_hash",
    "flatten",
    "load_recipe",
    "one_of",
    "parse_settings",
    "updated",
]
