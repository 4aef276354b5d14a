"""Sampled parameters as flat columns: nested choices become dotted keys."""

import json
import shlex
from collections.abc import Container
from typing import Any

from rarepix.records import BLOCK_KEYS, CHOICE_KEYS, FURTHER_CHOICES, TrialRecord, describes_environment


def flatten(parameters: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return *parameters* with one dotted key per value.

    ``{"optim.lr": 0.01, "loss": {"_name": "focal", "gamma": 2.1}}`` gives
    ``{"optim.lr": 0.01, "loss.name": "focal", "loss.gamma": 2.1}``, and ``{"optim.schedule": {"_name": "step", "every":
    3}}`` gives ``{"optim.schedule": "step", "optim.every": 3}``. A list becomes its JSON text, and an explicit null
    the text ``"null"``, so that a missing value in a table always means *not sampled in this trial*.
    """
    flat: dict[str, Any] = {}
    for key, value in parameters.items():
        dotted = prefix + (CHOICE_KEYS.get(prefix[:-1], "name") if prefix and key == "_name" else key)
        if isinstance(value, dict) and dotted in FURTHER_CHOICES:
            section, _, chooser = dotted.partition(".")
            inner = {chooser if name == "_name" else name: part for name, part in value.items()}
            flat |= flatten(inner, f"{section}.")
        elif isinstance(value, dict):
            flat |= flatten(value, f"{dotted}.")
        else:
            flat[dotted] = json.dumps(value) if value is None or isinstance(value, list) else value
    return flat


def configuration(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the flat parameters that make a configuration: without its block and without where it ran."""
    flat = flatten(parameters)
    return {
        key: value for key, value in flat.items() if key not in BLOCK_KEYS and not describes_environment(key, value)
    }


def conditional(parameters: dict[str, Any], inside: bool = False, prefix: str = "") -> set[str]:
    """Return the dotted keys of *parameters* that exist in one branch of a nested choice only (``loss.gamma``)."""
    keys: set[str] = set()
    for key, value in parameters.items():
        if isinstance(value, dict):
            further = prefix + key in FURTHER_CHOICES
            below = f"{(prefix + key).partition('.')[0]}." if further else f"{prefix}{key}."
            keys |= conditional(value, inside or "_name" in value, below)
        elif inside and key != "_name":
            keys.add(prefix + key)
    return keys


def settings_text(record: TrialRecord) -> str:
    """Return ``--set key=value …`` as a shell takes it: a trial again from its recipe, with block and data."""
    own = {"seed": record.block.seed, "data.fold": record.block.fold}
    if "root" in record.config.get("data", {}):
        own["data.root"] = record.config["data"]["root"]
    values = configuration(record.settings) | configuration(record.parameters) | own
    return as_settings(values)


def as_settings(values: dict[str, Any], without: Container[str] = ()) -> str:
    """Return the flat *values*, those *without* left out, as a shell takes them: ``--set key=value …``."""
    kept = {key: value for key, value in values.items() if key not in without}
    texts = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in kept.items())
    return " ".join(f"--set {shlex.quote(text)}" for text in texts)
