"""Families of learning curves to search in: recorded from real trials, and synthetic ones with known properties.

A family has many instances, each with another optimum. A curve depends on instance and configuration only, so that all
searches see the same curves.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rarepix.seeding import generator

RECORDED = Path(__file__).parent / "curves" / "camvid_tiny.csv"
START = 0.05
NOISE = 0.004
LOSSES = ("ce", "focal", "dice")

Parameters = Mapping[str, Any]
Curve = Callable[[Parameters], np.ndarray]
"""Parameters in NNI's nesting → array (epochs,) of the objective at epoch 1, 2, …"""


class Family(NamedTuple):
    """Learning curves of one kind, with their search space."""

    name: str
    epochs: int
    space: dict[str, Any]
    """NNI's format."""
    default: dict[str, Any]
    instance: Callable[[int], Curve]
    """Number of an instance → its curves."""


SPACE = {
    "optim.lr": {"_type": "loguniform", "_value": [1e-4, 1e-1]},
    "optim.weight_decay": {"_type": "loguniform", "_value": [1e-6, 1e-2]},
    "augment.scale": {"_type": "uniform", "_value": [0.0, 0.8]},
    "loss": {
        "_type": "choice",
        "_value": [
            {"_name": "ce"},
            {"_name": "focal", "gamma": {"_type": "uniform", "_value": [0.0, 5.0]}},
            {"_name": "dice"},
        ],
    },
}
DEFAULT = {"optim.lr": 1e-3, "optim.weight_decay": 1e-4, "augment.scale": 0.2, "loss": {"_name": "ce"}}
EPOCHS = 27


class Optimum(NamedTuple):
    """The best configuration of an instance, and how far each loss is behind the best one."""

    lr: float
    weight_decay: float
    scale: float
    gamma: float
    cost: dict[str, float]

    def top(self, parameters: Parameters) -> float:
        """Return the score that the curve of a configuration converges to."""
        loss = parameters["loss"]
        gap = 0.06 * math.log10(parameters["optim.lr"] / self.lr) ** 2
        gap += 0.005 * math.log10(parameters["optim.weight_decay"] / self.weight_decay) ** 2
        gap += 0.1 * (parameters["augment.scale"] - self.scale) ** 2
        gap += self.cost[loss["_name"]] + 0.004 * (loss.get("gamma", self.gamma) - self.gamma) ** 2
        return 0.6 - min(gap, 0.5)


def _optimum(family: str, number: int, decades: tuple[float, float]) -> Optimum:
    rng = generator(number, family, "optimum")
    costs = rng.permutation([0.0, 0.03, 0.08])
    return Optimum(
        lr=10 ** rng.uniform(*decades),
        weight_decay=10 ** rng.uniform(-5.5, -2.5),
        scale=rng.uniform(0, 0.8),
        gamma=rng.uniform(0.5, 4.5),
        cost=dict(zip(LOSSES, map(float, costs), strict=True)),
    )


def _noise(family: str, number: int, parameters: Parameters) -> np.random.Generator:
    return generator(number, family, json.dumps(parameters, sort_keys=True))


def power_laws(number: int) -> Curve:
    """Curves converge with a power of the epoch; configurations ahead early mostly stay ahead."""
    optimum = _optimum("power laws", number, (-3.5, -1.5))

    def curve(parameters: Parameters) -> np.ndarray:
        rng = _noise("power laws", number, parameters)
        top, epoch = optimum.top(parameters), np.arange(1, EPOCHS + 1)
        remaining = (top - START) * epoch ** -rng.uniform(0.7, 1.1)
        return top - remaining + NOISE * rng.standard_normal(EPOCHS)

    return curve


def crossing(number: int) -> Curve:
    """High learning rates are fast and end low, the best ones are slow: early ranks are misleading."""
    optimum = _optimum("crossing", number, (-3.5, -2.5))

    def curve(parameters: Parameters) -> np.ndarray:
        rng = _noise("crossing", number, parameters)
        top, epoch = optimum.top(parameters), np.arange(1, EPOCHS + 1)
        rate = 0.45 + 0.3 * (math.log10(parameters["optim.lr"]) + 4)
        return top - (top - START) * epoch**-rate + NOISE * rng.standard_normal(EPOCHS)

    return curve


def late_bloomers(number: int) -> Curve:
    """A plateau (only the frequent classes) of a length unrelated to the final score, then a steep rise."""
    optimum = _optimum("late bloomers", number, (-3.5, -1.5))

    def curve(parameters: Parameters) -> np.ndarray:
        rng = _noise("late bloomers", number, parameters)
        top, epoch = optimum.top(parameters), np.arange(1, EPOCHS + 1)
        since = np.maximum(epoch - rng.uniform(0, 8), 0)
        plateau = min(0.15, top)
        return plateau + (top - plateau) * (1 - np.exp(-since / 4)) + NOISE * rng.standard_normal(EPOCHS)

    return curve


def recorded(file: Path = RECORDED) -> Family:
    """Return the family of the curves in *file*, interpolated between the learning rates of its grid."""
    tables: dict[tuple[str, str], dict[float, list[float]]] = defaultdict(dict)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            lr, loss, sampling = float(row.pop("optim.lr")), row.pop("loss.name"), row.pop("sampling.kind")
            tables[loss, sampling][lr] = [float(value) for value in row.values()]
    rates = sorted(next(iter(tables.values())))
    columns = {key: np.array([table[rate] for rate in rates]).T for key, table in tables.items()}

    def curve(parameters: Parameters) -> np.ndarray:
        grid = columns[parameters["loss"]["_name"], parameters["sampling.kind"]]
        at = math.log(parameters["optim.lr"])
        return np.array([np.interp(at, np.log(rates), values) for values in grid])

    space = {
        "optim.lr": {"_type": "loguniform", "_value": [rates[0], rates[-1]]},
        "loss": {"_type": "choice", "_value": [{"_name": name} for name in sorted({loss for loss, _ in tables})]},
        "sampling.kind": {"_type": "choice", "_value": sorted({sampling for _, sampling in tables})},
    }
    default = {"optim.lr": 0.003, "loss": {"_name": "ce"}, "sampling.kind": "uniform"}
    return Family("recorded", len(columns["ce", "uniform"]), space, default, lambda number: curve)


def _synthetic(name: str, instance: Callable[[int], Curve]) -> Callable[[], Family]:
    return lambda: Family(name, EPOCHS, SPACE, DEFAULT, instance)


FAMILIES: dict[str, Callable[[], Family]] = {
    "recorded": recorded,
    "power laws": _synthetic("power laws", power_laws),
    "crossing": _synthetic("crossing", crossing),
    "late bloomers": _synthetic("late bloomers", late_bloomers),
}
"""Name → builder of the family."""
