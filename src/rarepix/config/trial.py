"""The configuration of a trial: what a recipe says, with the sampled parameters put over it.

Keys are dotted and the same everywhere: in recipes, ``--set``, search spaces, records and reports.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from rarepix.choices import nearest
from rarepix.data.settings import DataConfig, SamplingConfig
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.engine.settings import EngineConfig, OptimConfig
from rarepix.losses.settings import LossConfig
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.settings import ModelConfig
from rarepix.paths import recipes_root
from rarepix.records import BLOCK_KEYS, CHOICE_KEYS, PLACE_KEYS
from rarepix.settings import Chosen, ConfigError, Settings, explain


class Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-4 is a number; to YAML 1.1 it is text."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


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
    def _warmed_up_before_the_end(self) -> "TrialConfig":
        warmup = self.optim.parameters("schedule").get("warmup", 0)
        if warmup > self.engine.epochs:
            raise ValueError(f"optim.warmup must be at most engine.epochs = {self.engine.epochs}, but got {warmup}")
        return self

    @model_validator(mode="after")
    def _validated_at_least_once(self) -> "TrialConfig":
        if self.engine.validate_every > self.engine.epochs:
            raise ValueError(
                f"engine.validate_every must be at most engine.epochs = {self.engine.epochs}, "
                f"but got {self.engine.validate_every}: without a validation there is no objective"
            )
        return self


CHOSEN: dict[str, type[Chosen]] = {key: TrialConfig.model_fields[key].annotation for key in CHOICE_KEYS}
"""The sections in which one key decides which others may be given."""


def load_recipe(name_or_path: str | Path) -> TrialConfig:
    """Return the configuration of a recipe: a name in ``trials/recipes`` or a YAML file.

    Raises:
        FileNotFoundError: there is no such recipe.
        ConfigError: it says something that no trial can be run with.
    """
    tree = _read_recipe(_recipe_file(name_or_path), ())
    return build_config({**tree, "recipe": str(name_or_path)})


def updated(config: TrialConfig, parameters: Mapping[str, Any]) -> TrialConfig:
    """Return *config* with *parameters* put over it.

    A key is dotted (``optim.lr``). A nested choice (``loss: {"_name": "focal", "gamma": 2.0}``) stands for a section's
    choice with all its parameters, so that nothing of another choice is left.

    Raises:
        ConfigError: an unknown key (the nearest valid one is named), a wrong type or range, or keys that do not go
            together.
    """
    tree = config.model_dump(mode="json")
    if "recipe" in parameters:
        raise ConfigError("recipe is the name of where a configuration came from, not a setting: use --recipe")
    for key, value in sorted(parameters.items(), key=lambda pair: pair[0] not in _choosers()):  # they decide the rest
        if isinstance(value, Mapping) and "_name" in value and key in CHOSEN:
            _choose(tree[key], CHOSEN[key], value["_name"], afresh=True)
            tree[key] |= {inner: part for inner, part in value.items() if inner != "_name"}
        else:
            _put(tree, key, value)
    return build_config(tree)


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Return the parameters that ``key=value`` texts stand for; values are YAML.

    Raises:
        ConfigError: a text without ``=``, or a value that is not YAML.
    """
    parameters = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"a setting must be key=value, but got {text!r}")
        parameters[key.strip()] = _parse_value(key, value)
    return parameters


def config_hash(config: TrialConfig) -> str:
    """Return a hash of the configuration without its block and without where it ran.

    Trials with equal hashes ran the same configuration.
    """
    flat = flatten(config.model_dump(mode="json"))
    kept = {key: value for key, value in flat.items() if key not in BLOCK_KEYS + PLACE_KEYS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of a tree by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def build_config(tree: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration that a tree of plain values stands for, such as that of a record.

    Raises:
        ConfigError: no trial can be run with it.
    """
    try:
        return TrialConfig(**tree)
    except ValidationError as error:
        raise ConfigError(explain(error, TrialConfig)) from None


def _recipe_file(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise FileNotFoundError(f"the recipe must be a file, but {path} does not exist")
    known = {str(file.relative_to(recipes_root()).with_suffix("")): file for file in recipes_root().rglob("*.yaml")}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    raise FileNotFoundError(
        f"unknown recipe {str(name_or_path)!r}: {nearest(str(name_or_path), known)}"
        f"there are {', '.join(sorted(known)) or '(none)'} in {recipes_root()}; "
        f"a file of your own must end in .yaml or .yml"
    )


def _read_recipe(file: Path, came_from: tuple[Path, ...]) -> dict[str, Any]:
    """Return the tree of a recipe, put over the one that it extends."""
    if file.resolve() in came_from:
        raise ConfigError(f"a recipe must not extend itself, but {file} does")
    try:
        tree = yaml.load(file.read_text(encoding="utf-8"), Loader) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} must be YAML, but: {error}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{file} must be a mapping of sections, but is {type(tree).__name__}")
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    sibling = file.parent / f"{parent}.yaml"
    base = sibling if sibling.is_file() else _recipe_file(parent)
    return _merged(_read_recipe(base, (*came_from, file.resolve())), tree)


def _merged(base: dict[str, Any], over: dict[str, Any], section: str = "") -> dict[str, Any]:
    result = dict(base)
    chosen = CHOSEN.get(section)
    if chosen and chosen.chooser in over:  # what another choice had for parameters goes with it
        _choose(result, chosen, over[chosen.chooser], afresh=True)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value, key) if both else value
    return result


def _choosers() -> set[str]:
    return {f"{section}.{chosen.chooser}" for section, chosen in CHOSEN.items()}


def _choose(branch: dict[str, Any], chosen: type[Chosen], choice: Any, *, afresh: bool = False) -> None:
    """Set the choice of a section, and drop the parameters of the one before (*afresh*: even if it is the same)."""
    if afresh or branch.get(chosen.chooser) != choice:
        for name in chosen.parameter_names() & branch.keys():
            del branch[name]
    branch[chosen.chooser] = choice


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    branch = tree
    for part in path:
        if not isinstance(branch.get(part), dict):
            raise ConfigError(f"unknown key {key!r}: {nearest(key, flatten(tree))}valid sections: {', '.join(tree)}")
        branch = branch[part]
    if key in _choosers():
        _choose(branch, CHOSEN[path[0]], value)
    else:
        branch[last] = value


def _parse_value(key: str, text: str) -> Any:
    try:
        return yaml.load(text, Loader) if text.strip() else ""
    except yaml.YAMLError:
        raise ConfigError(f"the value of {key} must be YAML, but got {text!r}") from None
