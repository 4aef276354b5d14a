"""Recipes, YAML files that say everything a trial needs and may extend one another; and ``--set`` values."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yaml import YAMLError

from rarepix.choices import nearest
from rarepix.config.trial import C, TrialConfig, build_config
from rarepix.config.updates import one_of, set_choice
from rarepix.config.yaml import RecipeLoader, parse_value, read_mapping
from rarepix.paths import recipes_root
from rarepix.settings import ConfigError, OneOf

Sections = Mapping[str, type[OneOf]]
"""Section in which keys decide which other keys may be given → its class."""


def load_recipe(name_or_path: str | Path, kind: type[C] = TrialConfig) -> C:
    """Return the configuration of a recipe: a name in ``trials/recipes`` (``"demo"``) or a YAML file.

    *kind* is that of the plan of its trials, which may have sections of its own.

    Raises:
        FileNotFoundError: there is no such recipe.
        ConfigError: the file cannot be read, gives a key twice, or no trial can be run with it.
    """
    tree = _read_extended(_recipe_file(name_or_path), (), one_of(kind))
    return build_config({**tree, "recipe": str(name_or_path)}, kind)


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
        try:
            parameters[key.strip()] = parse_value(value) if value.strip() else ""
        except YAMLError:
            raise ConfigError(f"the value of {key} must be YAML, but got {value!r}") from None
    return parameters


def _recipe_file(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise FileNotFoundError(f"the recipe must be a file, but {path} does not exist")
    files = {str(file.relative_to(recipes_root()).with_suffix("")): file for file in recipes_root().rglob("*.yaml")}
    if str(name_or_path) in files:
        return files[str(name_or_path)]
    raise FileNotFoundError(
        f"unknown recipe {str(name_or_path)!r}: {nearest(str(name_or_path), files)}"
        f"there are {', '.join(sorted(files)) or '(none)'} in {recipes_root()}; "
        f"a file of your own must end in .yaml or .yml"
    )


def _read_extended(file: Path, children: tuple[Path, ...], sections: Sections) -> dict[str, Any]:
    """Return the tree of a recipe put over the one that it extends; *children* are the recipes that extend this one."""
    if file.resolve() in children:
        raise ConfigError(f"a recipe must not extend itself, but {file} does")
    tree = read_mapping(file, "the recipe", loader=RecipeLoader)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    sibling = file.parent / f"{parent}.yaml"
    base = sibling if sibling.is_file() else _recipe_file(parent)
    return _merge(_read_extended(base, (*children, file.resolve()), sections), tree, sections)


def _merge(base: dict[str, Any], over: dict[str, Any], sections: Sections, section: str = "") -> dict[str, Any]:
    """Return *over* put over *base*; where *over* makes a choice, the parameters of the base's choice are dropped.

    Mappings are merged key by key; an empty one inside a section, such as ``options: {}``, empties that of the base.
    """
    merged = dict(base)
    chosen = sections.get(section)
    for chooser in chosen.choosers if chosen else ():
        if chooser in over:
            set_choice(merged, chosen, chooser, over[chooser], reset=chosen.restating_resets)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict) and not (section and not value)
        merged[key] = _merge(merged[key], value, sections, key) if both else value
    return merged
