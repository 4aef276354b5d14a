"""YAML in which every line has its reason as a comment."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from rarepix.config.yaml import RecipeLoader

COLUMN, WIDTH = 36, 150
"""Where comments begin, and the longest line."""


class Line(NamedTuple):
    """A key of a YAML file, its value, and the reason for it."""

    key: str
    value: Any
    why: str


class _Dumper(yaml.SafeDumper):
    """Writes what ``RecipeLoader`` reads back as it was: the text ``1e-4`` is quoted."""

    yaml_implicit_resolvers = RecipeLoader.yaml_implicit_resolvers


def flow(value: Any) -> str:
    """Return *value* as YAML on one line: ``[160, 224]``, ``{file: frames.csv, column: sequence}``."""
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...").rstrip()


def comment(text: str, indent: str = "") -> list[str]:
    """Return *text* as lines of comment."""
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def commented(lines: Iterable[Line], indent: str = "") -> list[str]:
    """Return the lines as YAML, each with its reason behind it, or above it where that is too long."""
    written = []
    for key, value, reason in lines:
        code, why = f"{indent}{key}: {flow(value)}", " ".join(reason.split())
        beside = f"{code:{COLUMN}}  # {why}"
        written += [beside] if len(beside) <= WIDTH else [*comment(why, indent), code]
    return written


def sections(tree: Mapping[str, Iterable[Line]]) -> list[str]:
    """Return sections of a recipe: name → its lines."""
    return [text for name, lines in tree.items() for text in (f"{name}:", *commented(lines, "  "))]
