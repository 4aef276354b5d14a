"""A search space in NNI's format as Optuna sees it: flat axes, conditional ones under the choice that they belong to.

The point on an axis is not always the value itself: normal types are sampled by their quantile, so that the prior of
every sampler is the stated distribution; quantised types are sampled, then rounded, as NNI defines them.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from rarepix.search.optimizer.settings import DEVIATIONS

Space = Mapping[str, Mapping[str, Any]]
QUANTILES = (NormalDist().cdf(-DEVIATIONS), NormalDist().cdf(DEVIATIONS))


class OutsideSpace(ValueError):
    """Parameters that are no point of the search space."""


@dataclass(frozen=True)
class Axis:
    """One dimension of the search space: Optuna's distribution of its points, and what value a point stands for."""

    distribution: BaseDistribution
    decode: Callable[[Any], Any] = lambda point: point
    """Point on the axis → value."""
    encode: Callable[[Any], Any] = lambda value: value
    """Value → point on the axis."""


def suggest(trial: Trial, space: Space, prefix: str = "") -> dict[str, Any]:
    """Return the parameters, nested as NNI nests them, at the point of *space* that Optuna samples for *trial*."""
    parameters: dict[str, Any] = {}
    for key, spec in space.items():
        name = f"{prefix}{key}"
        if spec["_type"] != "choice":
            axis = _numeric(spec)
            parameters[key] = axis.decode(_sample(trial, name, axis.distribution))
            continue
        options = labelled(spec)
        label = trial.suggest_categorical(name, tuple(options))
        parameters[key] = option = options[label]
        if isinstance(option, Mapping):
            parameters[key] = {"_name": label} | suggest(trial, _inner(option), f"{name}.{label}.")
    return parameters


def encode(space: Space, parameters: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, BaseDistribution]]:
    """Return axis → (point, distribution) of *parameters*.

    Raises ``OutsideSpace`` for keys other than those of the space, or a value outside it.
    """
    if set(parameters) != set(space):
        raise OutsideSpace(f"{prefix or 'the space'} has the keys {sorted(space)}, but got {sorted(parameters)}")
    points: dict[str, tuple[Any, BaseDistribution]] = {}
    for key, spec in space.items():
        name, value = f"{prefix}{key}", parameters[key]
        if spec["_type"] != "choice":
            axis = _numeric(spec)
            points[name] = (_point(name, axis, value), axis.distribution)
            continue
        options = labelled(spec)
        label = value["_name"] if isinstance(value, Mapping) and "_name" in value else _label(value)
        if label not in options:
            raise OutsideSpace(f"{name} has the choices {', '.join(options)}, but got {label}")
        points[name] = (label, CategoricalDistribution(tuple(options)))
        if isinstance(options[label], Mapping):
            points |= encode(_inner(options[label]), _inner(value), f"{name}.{label}.")
    return points


def grid(space: Space, points: int) -> Iterator[dict[str, Any]]:
    """Yield every combination of *space*; a continuous range gives *points* values, evenly spaced on its own scale."""
    if not space:
        yield {}
        return
    (key, spec), *rest = space.items()
    for value in _grid_values(spec, points):
        for others in grid(dict(rest), points):
            yield {key: value} | others


def labelled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return label → choice: a nested choice by its name, any other by its JSON text."""
    return {_label(choice): choice for choice in spec["_value"]}


def _label(choice: Any) -> str:
    return choice["_name"] if isinstance(choice, Mapping) and "_name" in choice else json.dumps(choice)


def _inner(option: Mapping[str, Any]) -> dict[str, Any]:
    return {key: spec for key, spec in option.items() if key != "_name"}


def _sample(trial: Trial, name: str, distribution: FloatDistribution | IntDistribution) -> float:
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high)
    return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def _point(name: str, axis: Axis, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OutsideSpace(f"{name} is a number, but got {value!r}")
    low, high = axis.distribution.low, axis.distribution.high
    try:
        point = min(max(axis.encode(value), low), high)
    except ValueError:  # a logarithm of zero or less
        raise OutsideSpace(f"{name} cannot be {value!r}") from None
    if not math.isclose(axis.decode(point), value, rel_tol=1e-9, abs_tol=1e-12):
        raise OutsideSpace(f"{name} lies between {axis.decode(low)} and {axis.decode(high)}, but got {value!r}")
    return point


def _grid_values(spec: Mapping[str, Any], points: int) -> Iterator[Any]:
    if spec["_type"] == "choice":
        for label, option in labelled(spec).items():
            if isinstance(option, Mapping):
                yield from ({"_name": label} | inside for inside in grid(_inner(option), points))
            else:
                yield option
        return
    axis = _numeric(spec)
    distribution = axis.distribution
    if isinstance(distribution, IntDistribution):
        yield from range(distribution.low, distribution.high + 1)
        return
    low, high = (math.log(end) if distribution.log else end for end in (distribution.low, distribution.high))
    steps = [low + (high - low) * step / (points - 1) for step in range(points)]
    yield from dict.fromkeys(axis.decode(math.exp(step) if distribution.log else step) for step in steps)


def _numeric(spec: Mapping[str, Any]) -> Axis:
    kind, value = spec["_type"], spec["_value"]
    if kind == "randint":
        return Axis(IntDistribution(value[0], value[1] - 1))
    plain = kind.removeprefix("q")
    if plain in ("uniform", "loguniform"):
        axis = _range(*value[:2], log=plain == "loguniform")
    else:
        axis = _normal(*value[:2], log=plain == "lognormal")
    return _quantised(axis, value, clip=plain.endswith("uniform")) if kind.startswith("q") else axis


def _range(low: float, high: float, *, log: bool) -> Axis:
    # a rounding error of exp(log(x)) must not lead out of the range
    return Axis(FloatDistribution(low, high, log=log), lambda point: min(max(point, low), high))


def _normal(mu: float, sigma: float, *, log: bool) -> Axis:
    bell = NormalDist(mu, sigma)
    return Axis(
        FloatDistribution(*QUANTILES),
        lambda point: math.exp(bell.inv_cdf(point)) if log else bell.inv_cdf(point),
        lambda value: bell.cdf(math.log(value) if log else value),
    )


def _quantised(axis: Axis, numbers: list[float], *, clip: bool) -> Axis:
    *ends, step = numbers
    whole = all(isinstance(number, int) for number in numbers)

    def decode(point: Any) -> float:
        value = round(axis.decode(point) / step) * step
        value = min(max(value, ends[0]), ends[1]) if clip else value
        return round(value) if whole else round(value, 12)

    return Axis(axis.distribution, decode, axis.encode)
