"""NNI's search-space files: read strictly, and every corner tried on the configuration before a study starts.

NNI itself accepts almost anything: it takes a mistyped ``_type`` for a uniform draw, and after most other mistakes a
study runs without end.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.config import TrialConfig, updated
from rarepix.config.yaml import read_mapping
from rarepix.nni_database import is_finite_number
from rarepix.records import BLOCK_KEYS
from rarepix.search.optimizer.settings import DEVIATIONS
from rarepix.settings import ConfigError

Space = dict[str, dict[str, Any]]

TYPES = {
    "uniform": ("low", "high"),
    "loguniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "qloguniform": ("low", "high", "q"),
    "randint": ("lower", "upper"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
"""NNI's numeric types → the names of their values."""
ALL_TYPES = ("choice", *TYPES)
OBJECTIVE_KEYS = ("evaluate.objective", "evaluate.rare", "evaluate.floor", "evaluate.scores")
"""Keys that change what the objective, or another reported score, is."""


class SpaceError(ValueError):
    """A search space that no study can be run with."""


def read_space(file: Path) -> Space:
    """Return the search space in a YAML or JSON file.

    Raises ``ConfigError`` if it is no such file, or no study can be run with it; one line per problem.
    """
    space = read_mapping(file, "the search space")
    lines = problems(space)
    if lines:
        raise ConfigError("\n".join(f"search space {file.name}: {line}" for line in lines))
    return space


def problems(space: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a search space by itself, one line per key (empty: nothing)."""
    if not space:
        return ["it must have at least one key, but is empty"]
    lines = []
    for key, spec in space.items():
        try:
            _values(str(key), spec)
        except SpaceError as error:
            lines.append(str(error))
    return lines


def corners(space: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield parameters that reach both ends of every range and every choice of a valid *space*.

    One key varies at a time around the first corner, also inside each nested choice: the number of corners is a sum
    over keys, not a product.
    """
    values = {key: _values(key, spec) for key, spec in space.items()}
    base = {key: choices[0] for key, choices in values.items()}
    yield base
    for key, choices in values.items():
        for value in choices[1:]:
            yield base | {key: value}


def check_space(space: Mapping[str, Any], config: TrialConfig) -> None:
    """Try every corner of a valid *space* on *config*.

    Raises ``ConfigError`` for a key that the configuration does not have, a value that it does not take, a block, which
    is enumerated and never tuned, or a key that changes the objective; one line per problem.
    """
    lines = [
        f"{key}: a block ({', '.join(BLOCK_KEYS)}) is enumerated, never tuned: take it out of the search space "
        "and set it with --set"
        for key in _tuned_keys(space)
        if key in BLOCK_KEYS
    ]
    lines += [
        f"{key}: it says by which score trials are compared, the same for all of them: take it out of the search space "
        "and set it with --set"
        for key in _tuned_keys(space)
        if key in OBJECTIVE_KEYS
    ]
    for corner in [] if lines else corners(space):
        try:
            updated(config, corner)
        except ConfigError as error:
            lines += [line for line in str(error).splitlines() if line not in lines]
    if lines:
        raise ConfigError("\n".join(f"search space: {line}" for line in lines))


def _values(key: str, spec: Any) -> list[Any]:
    """Return the values that a key is tried with: each choice, or the ends of a range."""
    if not isinstance(spec, Mapping) or set(spec) != {"_type", "_value"}:
        came = sorted(map(str, spec)) if isinstance(spec, Mapping) else repr(spec)
        raise SpaceError(
            f"{key}: must be {{_type: ..., _value: [...]}}, but got {came}: a constant is a choice with one value"
        )
    if spec["_type"] != "choice":
        return _range_ends(key, spec["_type"], spec["_value"])
    return list(chain.from_iterable(_choice(key, value) for value in _choices(key, spec["_value"])))


def _choices(key: str, choices: Any) -> list[Any]:
    if not isinstance(choices, list) or not choices:
        raise SpaceError(f"{key}: _value of a choice must be a list of at least one value, but got {choices!r}")
    nested = [choice for choice in choices if isinstance(choice, Mapping)]
    if nested and len(nested) < len(choices):
        raise SpaceError(f"{key}: in a nested choice every value must be a mapping with _name, but got {choices!r}")
    for choice in choices:
        _refuse_number_as_text(key, choice)
        if nested and not isinstance(choice.get("_name"), str):
            raise SpaceError(f"{key}: a nested choice must have a _name, but got {choice!r}")
    labels = [_label(choice["_name"] if isinstance(choice, Mapping) else choice) for choice in choices]
    duplicates = [label for at, label in enumerate(labels) if label in labels[:at]]
    if duplicates:
        raise SpaceError(f"{key}: every choice must be given once, but {duplicates[0]} comes twice")
    return choices


def _label(value: Any) -> str:
    """Return the same text for equal values: for 1 and 1.0, but not for 1 and True."""
    return repr(int(value) if isinstance(value, float) and value.is_integer() else value)


def _choice(key: str, choice: Any) -> list[Any]:
    """Return one choice as the values it is tried with; of a nested one each of its own keys is varied."""
    if not isinstance(choice, Mapping):
        return [choice]
    name, inner = choice["_name"], {k: v for k, v in choice.items() if k != "_name"}
    for inner_key, spec in inner.items():
        _values(f"{key}.{name}.{inner_key}", spec)
    return [{"_name": name} | corner for corner in corners(inner)]


def _tuned_keys(space: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of a valid *space*, including nested ones."""
    for key, spec in space.items():
        yield f"{prefix}{key}"
        for choice in spec["_value"] if spec["_type"] == "choice" else []:
            if isinstance(choice, Mapping):
                yield from _tuned_keys({k: v for k, v in choice.items() if k != "_name"}, f"{prefix}{key}.")


def _range_ends(key: str, kind: str, value: Any) -> list[float]:
    if kind not in TYPES:
        raise SpaceError(f"{key}: unknown _type {kind!r}: {nearest(kind, ALL_TYPES)}valid: {', '.join(ALL_TYPES)}")
    names = TYPES[kind]
    if not isinstance(value, list) or len(value) != len(names):
        raise SpaceError(f"{key}: _value of {kind} must be [{', '.join(names)}], but got {value!r}")
    for number in value:
        _refuse_number_as_text(key, number)
        if not is_finite_number(number):
            raise SpaceError(f"{key}: the values of a range must be finite numbers, but got {number!r}")
    low, high, *step = value
    where, plain = f"{key}: {kind}", kind.removeprefix("q")
    if step:
        _check_positive(where, "q", step[0])
    if plain == "randint":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise SpaceError(f"{where} must have whole numbers, but got [{low}, {high}]")
        if low >= high:
            raise SpaceError(f"{where} must have lower < upper (upper itself is never drawn), but got [{low}, {high}]")
        return [low, high - 1]
    if plain.endswith("normal"):
        _check_positive(where, "sigma", high)
        ends = [low - DEVIATIONS * high, low + DEVIATIONS * high]  # low is the mean, high the standard deviation
        ends = [math.exp(end) for end in ends] if plain == "lognormal" else ends
        return [round(end / step[0]) * step[0] for end in ends] if step else ends
    if not low < high:
        hint = f": write [{high}, {low}]" if low > high else ""
        raise SpaceError(f"{where} must have low < high, but got [{low}, {high}]{hint}")
    if plain == "loguniform" and low <= 0:
        raise SpaceError(f"{where} must have low > 0 (it draws on a logarithmic scale), but got [{low}, {high}]")
    return [low, high]


def _check_positive(where: str, name: str, number: float) -> None:
    if number <= 0:
        raise SpaceError(f"{where} must have {name} > 0, but got {number}")


def _refuse_number_as_text(key: str, value: Any) -> None:
    """Raise ``SpaceError`` if *value* is a text that was meant as a number (YAML 1.1 takes ``1e-4`` for text)."""
    try:
        meant = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return
    if math.isfinite(meant):
        number = _yaml_number(value, meant)
        raise SpaceError(f"{key}: {value!r} must be a number, but YAML reads it as text: write {number}")


def _yaml_number(text: str, meant: float) -> str:
    """Return *text* as YAML 1.1 wants it: a point before the exponent, and the exponent with its sign."""
    mantissa, e, exponent = text.lower().partition("e")
    if not e:
        return str(meant)
    sign = "" if exponent[:1] in "+-" else "+"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{sign}{exponent}"
