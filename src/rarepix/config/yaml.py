"""YAML and JSON files that people write: read safely, and a key that is given twice is an error."""

import json
from pathlib import Path
from typing import Any

import yaml

from rarepix.settings import ConfigError


class _TwiceError(ValueError):
    pass


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that does not let the second of two equal keys win in silence."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, (list, dict)):
            raise yaml.MarkedYAMLError(problem=f"a key must be a name, not {key!r}", problem_mark=key_node.start_mark)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_mapping(file: Path, what: str) -> dict[str, Any]:
    """Return the mapping in a YAML or JSON file.

    Raises:
        ConfigError: not there, not readable, not YAML or JSON, or not a mapping; *what* says what it was to be.
    """
    try:
        tree = _load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{what} must be a file, but {file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {file} must be readable, but: {error}") from None
    except (yaml.YAMLError, _TwiceError) as error:
        raise ConfigError(f"{what} {file} must be YAML or JSON, but: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{what} {file} must be a mapping of names, but is {_kind(tree)}")
    return tree


def _load(text: str) -> Any:
    """JSON first, as NNI does: with tabs or with 1e-4 in it, it means something else in YAML."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError:
        return _StrictLoader(text).get_single_data()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _kind(tree: Any) -> str:
    return "empty" if tree is None else f"a {type(tree).__name__}"
