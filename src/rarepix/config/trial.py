"""The configuration of a trial: a recipe with the sampled parameters put over it.

Keys are dotted and the same everywhere: in recipes, ``--set``, search spaces, records and reports.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, model_validator

from rarepix.choices import nearest
from rarepix.data.settings import DataConfig, SamplingConfig
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.engine.settings import EngineConfig, OptimConfig
from rarepix.losses.settings import LossConfig
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.settings import ModelConfig
from rarepix.records import BLOCK_KEYS, CHOICE_KEYS, describes_environment
from rarepix.settings import ConfigError, OneOf, Settings, explain


class TrialConfig(Settings):
    """Everything that a trial needs to know."""

    recipe: str = ""
    """Name or file of the recipe that this came from."""
    seed: int = Field(0, ge=0, lt=2**32)
    data: DataConfig
    sampling: SamplingConfig = SamplingConfig()
    crop: CropConfig = CropConfig()
    paste: PasteConfig = PasteConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    engine: EngineConfig = EngineConfig()
    evaluate: EvaluateConfig = EvaluateConfig()

    @model_validator(mode="after")
    def _check_epochs(self) -> "TrialConfig":
        warmup = self.optim.parameters("schedule").get("warmup", 0)
        if warmup > self.engine.epochs:
            raise ValueError(f"optim.warmup must be at most engine.epochs = {self.engine.epochs}, but got {warmup}")
        if self.engine.validate_every > self.engine.epochs:
            raise ValueError(
                f"engine.validate_every must be at most engine.epochs = {self.engine.epochs}, "
                f"but got {self.engine.validate_every}: without a validation there is no objective"
            )
        return self


ONE_OF: dict[str, type[OneOf]] = {key: TrialConfig.model_fields[key].annotation for key in CHOICE_KEYS}
"""The sections in which one key decides which other keys may be given."""
CHOICES = {f"{section}.{chosen.discriminator}" for section, chosen in ONE_OF.items()}
"""The dotted keys that decide: ``loss.name``, ``sampling.kind``, …"""


def build_config(tree: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration that nested plain values stand for, such as those of a record.

    Raises:
        ConfigError: no trial can be run with it.
    """
    try:
        return TrialConfig(**tree)
    except ValidationError as error:
        raise ConfigError(explain(error, TrialConfig)) from None


def updated(config: TrialConfig, parameters: Mapping[str, Any]) -> TrialConfig:
    """Return *config* with *parameters* put over it.

    A key is dotted (``optim.lr``). A nested choice (``loss: {"_name": "focal", "gamma": 2.0}``) replaces a section's
    choice together with all its parameters.

    Raises:
        ConfigError: an unknown key (the nearest valid one is named), a wrong type or range, or keys that do not go
            together.
    """
    tree = config.model_dump(mode="json")
    if "recipe" in parameters:
        raise ConfigError("recipe is the name of where a configuration came from, not a setting: use --recipe")
    # choices first: they reset their section
    for key, value in sorted(parameters.items(), key=lambda pair: pair[0] not in CHOICES):
        if isinstance(value, Mapping) and "_name" in value and key in ONE_OF:
            set_choice(tree[key], ONE_OF[key], value["_name"], reset=True)
            tree[key] |= {name: parameter for name, parameter in value.items() if name != "_name"}
        else:
            _set_key(tree, key, value)
    return build_config(tree)


def set_choice(section: dict[str, Any], chosen: type[OneOf], choice: Any, *, reset: bool = False) -> None:
    """Set the choice of a section and drop the parameters of the choice before (with *reset* even of the same one)."""
    if reset or section.get(chosen.discriminator) != choice:
        for name in chosen.parameter_names() & section.keys():
            del section[name]
    section[chosen.discriminator] = choice


def config_hash(config: TrialConfig) -> str:
    """Return a hash of the configuration without seed, fold and the keys that say where and how it ran.

    Trials with equal hashes ran the same configuration.
    """
    flat = flatten(config.model_dump(mode="json"))
    hashed = {
        key: value for key, value in flat.items() if key not in BLOCK_KEYS and not describes_environment(key, value)
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:12]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by dotted key: ``{"a": {"b": 1}}`` gives ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    if path == ["loss", "arguments"]:  # left out of the tree while nothing is in it
        tree["loss"].setdefault("arguments", {})
    section = tree
    for name in path:
        if not isinstance(section.get(name), dict):
            raise ConfigError(f"unknown key {key!r}: {nearest(key, flatten(tree))}valid sections: {', '.join(tree)}")
        section = section[name]
    if key in CHOICES:
        set_choice(section, ONE_OF[path[0]], value)
    else:
        section[last] = value
