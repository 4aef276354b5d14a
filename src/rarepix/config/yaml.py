"""The YAML loader of recipes, studies, search spaces and ``--set`` values; a key given twice in a mapping is an error.

Recipes and ``--set`` take ``1e-4`` for a number. Studies and search spaces keep the rules of YAML 1.1, as NNI does, to
which ``1e-4`` is a text: the search space then refuses it with a hint.
"""

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from rarepix.settings import ConfigError


class StrictLoader(yaml.SafeLoader):
    """Safe YAML 1.1 in which no mapping may give a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of *node*.

        Raises:
            yaml.MarkedYAMLError: a key is given twice, or is no plain value.
        """
        seen: set[Any] = set()
        for key_node, _ in node.value:
            is_merge = key_node.tag == "tag:yaml.org,2002:merge"  # "<<" has no constructor
            key = key_node.value if is_merge else self.construct_object(key_node, deep=True)
            is_plain = isinstance(key, Hashable)
            if not is_plain or key in seen:
                problem = _given_twice(key) if is_plain else f"a key must be a name, not {key!r}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=True)


# not PyYAML's own constructor, which lets a mapping contain itself
StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, StrictLoader.construct_mapping)


class RecipeLoader(StrictLoader):
    """The strict loader with ``1e-4`` as a number."""


RecipeLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_mapping(file: Path, what: str, *, loader: type[StrictLoader] = StrictLoader) -> dict[str, Any]:
    """Return the mapping in a YAML or JSON file; *what* the file is expected to be, for messages: ``"the study"``.

    Raises:
        ConfigError: the file does not exist, cannot be read, is not YAML or JSON, gives a key twice, or does not hold
            a mapping.
    """
    tree = _read(file, what, loader)
    if not isinstance(tree, dict):
        raise ConfigError(f"{what} {file} must be a mapping of names, but is {_kind(tree)}")
    return tree


def read_mappings(file: Path, what: str) -> list[dict[str, Any]]:
    """Return the list of mappings in a YAML or JSON file, by the rules of recipes.

    Raises:
        ConfigError: as ``read_mapping`` does; the file does not hold a list of mappings, at least one.
    """
    tree = _read(file, what, RecipeLoader)
    if not isinstance(tree, list) or not tree or not all(isinstance(each, dict) for each in tree):
        raise ConfigError(f"{what} {file} must be a list of mappings, at least one, but is {_kind(tree)}")
    return tree


def _read(file: Path, what: str, loader: type[StrictLoader]) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
        try:  # JSON first, as NNI does: with tabs or 1e-4 it means something else, or nothing, in YAML
            return json.loads(text, object_pairs_hook=_unique)
        except json.JSONDecodeError:
            return loader(text).get_single_data()
    except FileNotFoundError:
        raise ConfigError(f"{what} must be a file, but {file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {file} must be readable, but: {error}") from None
    except (yaml.YAMLError, _DuplicateKeyError) as error:
        raise ConfigError(f"{what} {file} must be YAML or JSON, but: {_problem(error)}") from None


def _kind(tree: Any) -> str:
    """Return in words what was read instead of what was expected."""
    if tree is None or tree == []:
        return "empty"
    others = [each for each in tree if not isinstance(each, dict)] if isinstance(tree, list) else []
    return f"a {type(tree).__name__}" + (f" with {others[0]!r} in it" if others else "")


def _problem(error: Exception) -> str:
    """Return what is wrong and, where YAML knows it, the line: ``line 3: the key 'optim' is given twice``."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark and problem else " ".join(str(error).split())


def parse_value(text: str) -> Any:
    """Return the value that a YAML text stands for, by the rules of recipes: ``parse_value("[1e-4, off]")``.

    Raises:
        yaml.YAMLError: *text* is not YAML, or gives a key twice.
    """
    return RecipeLoader(text).get_single_data()


class _DuplicateKeyError(ValueError):
    """A JSON object gives a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(_given_twice(next(name for name in names if names.count(name) > 1)))
    return mapping


def _given_twice(key: Any) -> str:
    return f"the key {key!r} is given twice"
