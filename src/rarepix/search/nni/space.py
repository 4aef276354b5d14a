"""NNI's search-space files: read strictly, and every corner tried on the configuration before a study starts.

NNI itself accepts almost anything: a mistyped ``_type`` is a uniform draw, most other mistakes leave a study running
for ever.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig, updated
from rarepix.config.yaml import read_mapping
from rarepix.records import BLOCK_KEYS
from rarepix.search.nni.distributions import SpaceError, ends, refuse_number_as_text
from rarepix.settings import ConfigError

Space = dict[str, dict[str, Any]]


def read_space(file: Path) -> Space:
    """Return the search space in a YAML or JSON file.

    Raises:
        ConfigError: not such a file, or a space that no study can be run with; one line per problem.
    """
    space = read_mapping(file, "the search space")
    found = problems(space)
    if found:
        raise ConfigError("\n".join(f"search space {file.name}: {problem}" for problem in found))
    return space


def problems(space: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a search space by itself, one line per key (empty: nothing)."""
    if not space:
        return ["it must have at least one key, but is empty"]
    found = []
    for key, spec in space.items():
        try:
            _values(str(key), spec)
        except SpaceError as error:
            found.append(str(error))
    return found


def corners(space: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield parameters that reach every end and every choice of a valid *space*.

    One key varies at a time around the first corner, and so inside each nested choice: a sum over keys, not a product.
    """
    values = {key: _values(key, spec) for key, spec in space.items()}
    base = {key: choices[0] for key, choices in values.items()}
    yield base
    for key, choices in values.items():
        for value in choices[1:]:
            yield base | {key: value}


def check_space(space: Mapping[str, Any], config: TrialConfig) -> None:
    """Try every corner of a valid *space* on *config*.

    Raises:
        ConfigError: a key that the configuration does not have, a value that it does not take, or a block, which is
            enumerated and never tuned; one line per problem.
    """
    found = [
        f"{key}: a block ({', '.join(BLOCK_KEYS)}) is enumerated, never tuned: take it out of the search space "
        "and set it with --set"
        for key in _tuned(space)
        if key in BLOCK_KEYS
    ]
    for corner in [] if found else corners(space):
        try:
            updated(config, corner)
        except ConfigError as error:
            found += [line for line in str(error).splitlines() if line not in found]
    if found:
        raise ConfigError("\n".join(f"search space: {problem}" for problem in found))


def _values(key: str, spec: Any) -> list[Any]:
    """Return the values that a key is tried with: each choice, or the ends of a range."""
    if not isinstance(spec, Mapping) or set(spec) != {"_type", "_value"}:
        came = sorted(map(str, spec)) if isinstance(spec, Mapping) else repr(spec)
        raise SpaceError(
            f"{key}: must be {{_type: ..., _value: [...]}}, but got {came}: a constant is a choice with one value"
        )
    if spec["_type"] != "choice":
        return ends(key, spec["_type"], spec["_value"])
    return list(chain.from_iterable(_choice(key, value) for value in _choices(key, spec["_value"])))


def _choices(key: str, choices: Any) -> list[Any]:
    if not isinstance(choices, list) or not choices:
        raise SpaceError(f"{key}: _value of a choice must be a list of at least one value, but got {choices!r}")
    nested = [choice for choice in choices if isinstance(choice, Mapping)]
    if nested and len(nested) < len(choices):
        raise SpaceError(f"{key}: in a nested choice every value must be a mapping with _name, but got {choices!r}")
    for choice in nested:
        if not isinstance(choice.get("_name"), str):
            raise SpaceError(f"{key}: a nested choice must say its _name, but got {choice!r}")
    for choice in choices:
        refuse_number_as_text(key, choice)
    labels = [_label(choice["_name"] if isinstance(choice, Mapping) else choice) for choice in choices]
    twice = [label for at, label in enumerate(labels) if label in labels[:at]]
    if twice:
        raise SpaceError(f"{key}: every choice must be given once, but {twice[0]} comes twice")
    return choices


def _label(value: Any) -> str:
    """Return a text that equal values share: 1 and 1.0, not 1 and True."""
    return repr(int(value) if isinstance(value, float) and value.is_integer() else value)


def _choice(key: str, choice: Any) -> list[Any]:
    """Return one choice as the values it is tried with; a nested one with each of its own keys varied."""
    if not isinstance(choice, Mapping):
        return [choice]
    name, inner = choice["_name"], {k: v for k, v in choice.items() if k != "_name"}
    for inner_key, spec in inner.items():
        _values(f"{key}.{name}.{inner_key}", spec)
    return [{"_name": name} | corner for corner in corners(inner)]


def _tuned(space: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of a valid *space*, nested ones too."""
    for key, spec in space.items():
        yield f"{prefix}{key}"
        for choice in spec["_value"] if spec["_type"] == "choice" else []:
            if isinstance(choice, Mapping):
                yield from _tuned({k: v for k, v in choice.items() if k != "_name"}, f"{prefix}{key}.")
