"""The configuration of a trial: a recipe with the sampled parameters put over it.

Keys are dotted and the same everywhere: in recipes, ``--set``, search spaces, records and reports.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError, model_validator

from rarepix.choices import nearest
from rarepix.data.settings import DataConfig, SamplingConfig
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.engine.settings import EngineConfig, OptimConfig
from rarepix.losses.settings import LossConfig
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.settings import ModelConfig
from rarepix.settings import ConfigError, OneOf, Settings, explain


def _has_choices(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, OneOf)


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
    def _check_stride(self) -> "TrialConfig":
        stride = self.model.network.stride
        for key, size in (("crop.size", self.crop.size), ("evaluate.window", self.evaluate.window)):
            if size and any(side % stride for side in size):
                valid = [max(stride, round(side / stride) * stride) for side in size]
                raise ValueError(
                    f"{key}: rows and columns must be multiples of {stride} with model.architecture="
                    f"{self.model.architecture!r}, for instance {valid}, but got {list(size)}"
                )
        return self

    @model_validator(mode="after")
    def _check_epochs(self) -> "TrialConfig":
        warmup = self.optim.given("schedule").get("warmup", 0)
        if warmup > self.engine.epochs:
            raise ValueError(f"optim.warmup must be at most engine.epochs = {self.engine.epochs}, but got {warmup}")
        if self.engine.validate_every > self.engine.epochs:
            raise ValueError(
                f"engine.validate_every must be at most engine.epochs = {self.engine.epochs}, "
                f"but got {self.engine.validate_every}: without a validation there is no objective"
            )
        return self


C = TypeVar("C", bound=TrialConfig)
ONE_OF: dict[str, type[OneOf]] = {
    key: field.annotation for key, field in TrialConfig.model_fields.items() if _has_choices(field.annotation)
}
"""The sections in which keys decide which other keys may be given."""
CHOICES = {f"{section}.{chooser}": section for section, chosen in ONE_OF.items() for chooser in chosen.choosers}
"""The dotted keys that decide (``loss.name``, ``optim.schedule``, …) → their section."""


def build_config(tree: Mapping[str, Any], kind: type[C] = TrialConfig) -> C:
    """Return the configuration that nested plain values stand for, such as those of a record.

    *kind* is that of the trial's plan, which may have sections of its own.

    Raises:
        ConfigError: no trial can be run with it.
    """
    try:
        return kind(**tree)
    except ValidationError as error:
        raise ConfigError(explain(error, kind)) from None


def updated(config: C, parameters: Mapping[str, Any]) -> C:
    """Return *config* with *parameters* put over it.

    A key is dotted (``optim.lr``). A nested choice replaces a choice together with all its parameters: the first one of
    a section (``loss: {"_name": "focal", "gamma": 2.0}``), or another one by its key (``optim.schedule: {"_name":
    "cosine", "warmup": 2}``). It may also set other keys of the section (``optim: {"_name": "sgd", "lr": 0.1}``).

    Raises:
        ConfigError: an unknown key (the nearest valid one is named), a wrong type or range, or keys that do not go
            together.
    """
    tree = config.model_dump(mode="json")
    if "recipe" in parameters:
        raise ConfigError("recipe is the name of where a configuration came from, not a setting: use --recipe")
    # choices first: they drop the parameters of the choice before
    flat = _without_nesting(parameters)
    for key, (value, reset) in sorted(flat.items(), key=lambda pair: pair[0] not in CHOICES):
        if key in CHOICES:
            section, chooser = key.split(".")
            set_choice(tree[section], ONE_OF[section], chooser, value, reset=reset)
        else:
            _set_key(tree, key, value)
    return build_config(tree, type(config))


def _without_nesting(parameters: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """Return dotted key → value, and whether a nested choice gives it, in which case all parameters are replaced."""
    flat: dict[str, tuple[Any, bool]] = {}
    for key, value in parameters.items():
        nested = isinstance(value, Mapping) and "_name" in value
        section = key if key in ONE_OF else CHOICES.get(key)
        if not nested or section is None:
            flat[key] = (value, False)
            continue
        chooser = next(iter(ONE_OF[section].choosers)) if key in ONE_OF else key.split(".")[1]
        inner = {f"{section}.{name}": part for name, part in value.items() if name != "_name"}
        nested_values = {f"{section}.{chooser}": (value["_name"], True)} | _without_nesting(inner)
        twice = [name for name in nested_values if name in flat or (name != key and name in parameters)]
        if twice:
            raise ConfigError(f"{twice[0]} must be given once, but is given in the choice {key!r} and beside it")
        flat |= nested_values
    return flat


def set_choice(section: dict[str, Any], chosen: type[OneOf], chooser: str, choice: Any, *, reset: bool = False) -> None:
    """Set a choice of a section and drop the parameters of the choice before (with *reset* even of the same one)."""
    before = section.get(chooser, chosen.model_fields[chooser].default)
    if reset or before != choice:
        for name in chosen.parameters_class(chooser, before).model_fields.keys() & section.keys():
            del section[name]
    section[chooser] = choice


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
    section = tree
    for depth, name in enumerate(path):
        if depth == 1 and path[0] in ONE_OF:  # a parameter that is a mapping is not there while it is not given
            section.setdefault(name, {})
        if not isinstance(section.get(name), dict):
            raise ConfigError(f"unknown key {key!r}: {nearest(key, flatten(tree))}valid sections: {', '.join(tree)}")
        section = section[name]
    section[last] = value
