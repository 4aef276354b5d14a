"""The types of NNI's search spaces: which values each may have, and where it ends."""

import math
from collections.abc import Callable
from typing import Any

from rarepix.choices import nearest

DEVIATIONS = 3
"""How far normal types reach, in standard deviations; NNI itself knows no end."""


class SpaceError(ValueError):
    """A search space that no study can be run with."""


def ends(key: str, kind: str, value: Any) -> list[float]:
    """Return the ends of the range of a numeric type; ``DEVIATIONS`` out where it has none.

    Raises:
        SpaceError: unknown type, or *value* is not what it needs; the message names *key*, what came and what to do.
    """
    if kind not in TYPES:
        raise SpaceError(f"{key}: unknown _type {kind!r}: {nearest(kind, ALL_TYPES)}valid: {', '.join(ALL_TYPES)}")
    names, check = TYPES[kind]
    if not isinstance(value, list) or len(value) != len(names):
        raise SpaceError(f"{key}: _value of {kind} must be [{', '.join(names)}], but got {value!r}")
    for number in value:
        _must_be_number(key, number)
    return check(f"{key}: {kind}", *value)


def refuse_number_as_text(key: str, value: Any) -> None:
    """Raise ``SpaceError`` if *value* is a text that was meant as a number (YAML 1.1 takes ``1e-4`` for text)."""
    try:
        meant = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return
    if math.isfinite(meant):
        number = _yaml_number(value, meant)
        raise SpaceError(f"{key}: {value!r} must be a number, but YAML reads it as text: write {number}")


def _must_be_number(key: str, number: Any) -> None:
    refuse_number_as_text(key, number)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise SpaceError(f"{key}: the values of a range must be finite numbers, but got {number!r}")


def _yaml_number(text: str, meant: float) -> str:
    """Return *text* as YAML 1.1 wants it: a point before the exponent, and the exponent with its sign."""
    mantissa, e, exponent = text.lower().partition("e")
    if not e:
        return str(meant)
    sign = "" if exponent[:1] in "+-" else "+"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{sign}{exponent}"


def _uniform(what: str, low: float, high: float) -> list[float]:
    _must_rise(what, low, high)
    return [low, high]


def _loguniform(what: str, low: float, high: float) -> list[float]:
    _must_rise(what, low, high)
    if low <= 0:
        raise SpaceError(f"{what} must have low > 0 (it draws on a logarithmic scale), but got [{low}, {high}]")
    return [low, high]


def _quniform(what: str, low: float, high: float, step: float) -> list[float]:
    _must_be_positive(what, "q", step)
    return _uniform(what, low, high)


def _qloguniform(what: str, low: float, high: float, step: float) -> list[float]:
    _must_be_positive(what, "q", step)
    return _loguniform(what, low, high)


def _randint(what: str, low: float, high: float) -> list[float]:
    if not (isinstance(low, int) and isinstance(high, int)):
        raise SpaceError(f"{what} must have whole numbers, but got [{low}, {high}]")
    if low >= high:
        raise SpaceError(f"{what} must have lower < upper (upper itself is never drawn), but got [{low}, {high}]")
    return [low, high - 1]


def _normal(what: str, mu: float, sigma: float) -> list[float]:
    _must_be_positive(what, "sigma", sigma)
    return [mu - DEVIATIONS * sigma, mu + DEVIATIONS * sigma]


def _qnormal(what: str, mu: float, sigma: float, step: float) -> list[float]:
    _must_be_positive(what, "q", step)
    return [round(end / step) * step for end in _normal(what, mu, sigma)]


def _lognormal(what: str, mu: float, sigma: float) -> list[float]:
    return [math.exp(end) for end in _normal(what, mu, sigma)]


def _qlognormal(what: str, mu: float, sigma: float, step: float) -> list[float]:
    _must_be_positive(what, "q", step)
    return [round(end / step) * step for end in _lognormal(what, mu, sigma)]


def _must_rise(what: str, low: float, high: float) -> None:
    if not low < high:
        hint = f": write [{high}, {low}]" if low > high else ""
        raise SpaceError(f"{what} must have low < high, but got [{low}, {high}]{hint}")


def _must_be_positive(what: str, name: str, number: float) -> None:
    if number <= 0:
        raise SpaceError(f"{what} must have {name} > 0, but got {number}")


TYPES: dict[str, tuple[tuple[str, ...], Callable[..., list[float]]]] = {
    "uniform": (("low", "high"), _uniform),
    "loguniform": (("low", "high"), _loguniform),
    "quniform": (("low", "high", "q"), _quniform),
    "qloguniform": (("low", "high", "q"), _qloguniform),
    "randint": (("lower", "upper"), _randint),
    "normal": (("mu", "sigma"), _normal),
    "qnormal": (("mu", "sigma", "q"), _qnormal),
    "lognormal": (("mu", "sigma"), _lognormal),
    "qlognormal": (("mu", "sigma", "q"), _qlognormal),
}
"""Numeric types: the names of their values, and what checks them and returns the ends."""
ALL_TYPES = ("choice", *TYPES)
