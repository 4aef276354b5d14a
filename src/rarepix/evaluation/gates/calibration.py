"""Hold the bound of false alarms against its promise: simulated calibrations whose true rate of alarms is known.

    python -m rarepix.evaluation.gates.calibration            2,000 calibrations a setting, about fifteen minutes
    python -m rarepix.evaluation.gates.calibration --quick    a tenth

Each calibration draws a validation part, tunes a gate on it as ``rarepix tune`` does, choices included, and compares
the rate of false alarms of that gate, on many fresh empty images, with its bound. Exit code 1 if a setting fails.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from rarepix.evaluation.gates.bounds import CONFIDENCE, allowed_alarms, false_alarm_bound
from rarepix.evaluation.gates.features import GateFeatures
from rarepix.evaluation.gates.tuning import Goal, tune
from rarepix.labels import LabelSpace
from rarepix.seeding import generator

FULL, QUICK = 2000, 200
"""Calibrations of a setting."""
POSITIVE, FRESH, POOLS = 20, 20_000, 20
"""Images with a class in each validation part; empty images by which the true rate is known, and how many such pools
take turns, so that the luck of one does not count in every calibration."""
WIDEST = 1.3
"""The bound is at most this times that of a gate that was fixed before."""
UNLIKELY = 1e-4
"""A setting fails if a bound that just holds its promise did so badly with this probability."""
EMPTY, TARGETS = (5, 30, 200), (0.01, 0.1, 0.3)
KINDS = {"presence": 1, "presence+area": 2}
"""Kind of gate → classes. The first has nothing to choose, the second has."""


class Setting(NamedTuple):
    """What is simulated."""

    kind: str
    empty: int
    """Empty images of the validation part."""
    target: float
    """The rate of false alarms that is asked for."""
    ties: bool
    """Whether scores have few values, and many images none at all."""


class Outcome(NamedTuple):
    """What was seen."""

    setting: Setting
    calibrations: int
    below: int
    """Calibrations in which the true rate was at most the bound."""
    width: float
    """The bound, in relation to that of a fixed gate with as many alarms in all empty images."""

    @property
    def passed(self) -> bool:
        """Whether the bound holds with its confidence, as far as so many calibrations can tell, and is narrow."""
        return binom.cdf(self.below, self.calibrations, CONFIDENCE) > UNLIKELY and self.width <= WIDEST


def draw(setting: Setting, empty: int, positive: int, random: np.random.Generator) -> GateFeatures:
    """Return the features of images of a network whose presence, probabilities and areas go together."""
    classes, images = KINDS[setting.kind], empty + positive
    present = np.repeat(np.arange(images) >= empty, classes).reshape(images, classes)
    common = random.normal(size=(images, classes))
    presence = common + random.normal(size=(images, classes)) + 2 * present - 1
    greatest = common + random.normal(size=(images, classes)) + 2 * present
    areas = np.ceil(np.exp(1.5 * common + random.normal(size=(images, classes)) + present))
    if setting.ties:
        presence, greatest, areas = np.round(presence), np.round(greatest), np.ceil(areas / 4)
        areas[random.random((images, classes)) < 0.4 * ~present] = 0
    names = ("background", *(f"class {number}" for number in range(classes)))
    found = areas > 0
    truth = np.stack([found & present, found & ~present, ~found & present, ~found & ~present], axis=-1).astype(int)
    unused = np.zeros((images, 1, classes + 1, 4), int)
    areas = areas.astype(int)[:, None]
    labels = LabelSpace(names=names, background=0)
    return GateFeatures(labels, (None,), truth, presence, greatest, areas, unused, unused[..., 0])


def simulate(setting: Setting, calibrations: int, seed: int = 0) -> Outcome:
    """Return how often the true rate of a tuned gate was below its bound."""
    pools = [draw(setting, FRESH, 0, generator(seed, "fresh", str(setting), number)) for number in range(POOLS)]
    fixed = false_alarm_bound(allowed_alarms(setting.empty, setting.target), setting.empty)
    below, bound = 0, 0.0
    for number in range(calibrations):
        random = generator(seed, "calibration", str(setting), number)
        validation = draw(setting, setting.empty, POSITIVE, random)
        gate, certificate = tune(validation, setting.kind, Goal(setting.target), generator=random)
        below += pools[number % POOLS].found(gate).any(axis=1).mean() <= certificate.bound
        bound = certificate.bound
    return Outcome(setting, calibrations, below, bound / fixed)


def settings() -> Iterator[Setting]:
    """Yield every setting."""
    for kind, empty, target, ties in product(KINDS, EMPTY, TARGETS, (False, True)):
        yield Setting(kind, empty, target, ties)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the calibrations")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print("gate             empty  target  ties  true rate below the bound  bound / that of a fixed gate")
    failed = 0
    for setting in settings():
        seen = simulate(setting, QUICK if given.quick else FULL, given.seed)
        failed += not seen.passed
        line = f"{setting.kind:16} {setting.empty:5}  {setting.target:6}  {'yes' if setting.ties else 'no':4}"
        share = f"{100 * seen.below / seen.calibrations:.2f} %"
        print(f"{line}  {share:>25}  {seen.width:28.3f}{'' if seen.passed else '  FAILED'}", flush=True)
    print(f"{failed} settings failed" if failed else "the bound holds in every setting")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
