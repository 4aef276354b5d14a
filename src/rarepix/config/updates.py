"""Sampled parameters and ``--set`` values put over a configuration; choices, and what belongs to them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rarepix.choices import nearest
from rarepix.config.overrides import Overrides
from rarepix.config.trial import C, TrialConfig, build_config, flatten
from rarepix.settings import ConfigError, OneOf


@cache
def one_of(kind: type[TrialConfig] = TrialConfig) -> Mapping[str, type[OneOf]]:
    """Return the sections of a kind of configuration in which keys decide which other keys may be given."""
    sections = {key: field.annotation for key, field in kind.model_fields.items()}
    return {key: each for key, each in sections.items() if isinstance(each, type) and issubclass(each, OneOf)}


@cache
def choices_of(kind: type[TrialConfig] = TrialConfig) -> Mapping[str, str]:
    """Return the dotted keys that decide (``loss.name``, ``optim.schedule``, …) → their section."""
    return {f"{section}.{chooser}": section for section, chosen in one_of(kind).items() for chooser in chosen.choosers}


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
    sections, choices = one_of(type(config)), choices_of(type(config))
    # choices first: they drop the parameters of the choice before
    flat = _without_nesting(parameters, type(config))
    for key, (value, reset) in sorted(flat.items(), key=lambda pair: pair[0] not in choices):
        if key in choices:
            section, chooser = key.split(".")
            set_choice(tree[section], sections[section], chooser, value, reset=reset)
        else:
            _set_key(tree, _place_of(key, type(config)), value, sections)
    return build_config(tree, type(config))


def _without_nesting(parameters: Mapping[str, Any], kind: type[TrialConfig]) -> dict[str, tuple[Any, bool]]:
    """Return dotted key → value, and whether a nested choice gives it, in which case all parameters are replaced."""
    sections, choices = one_of(kind), choices_of(kind)
    flat: dict[str, tuple[Any, bool]] = {}
    for key, value in parameters.items():
        nested = isinstance(value, Mapping) and "_name" in value
        section = key if key in sections else choices.get(key)
        if not nested or section is None:
            flat[key] = (value, False)
            continue
        chooser = next(iter(sections[section].choosers)) if key in sections else key.split(".")[1]
        inner = {f"{section}.{name}": part for name, part in value.items() if name != "_name"}
        nested_values = {f"{section}.{chooser}": (value["_name"], True)} | _without_nesting(inner, kind)
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
    if reset and before != choice:
        for name in chosen.reset_with.get(chooser, ()):
            section.pop(name, None)
    section[chooser] = choice


def _place_of(key: str, kind: type[TrialConfig]) -> list[str]:
    """Return the keys that lead to *key* in nested mappings; a section of overrides holds dotted keys as they are."""
    section, dot, rest = key.partition(".")
    field = kind.model_fields.get(section)
    is_overrides = field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, Overrides)
    return [section, rest] if dot and is_overrides else key.split(".")


def _set_key(tree: dict[str, Any], place: list[str], value: Any, sections: Mapping[str, type[OneOf]]) -> None:
    *path, last = place
    section = tree
    for depth, name in enumerate(path):
        if depth == 1 and path[0] in sections:  # a parameter that is a mapping is not there while it is not given
            section.setdefault(name, {})
        if not isinstance(section.get(name), dict):
            key = ".".join(place)
            raise ConfigError(f"unknown key {key!r}: {nearest(key, flatten(tree))}valid sections: {', '.join(tree)}")
        section = section[name]
    section[last] = value
