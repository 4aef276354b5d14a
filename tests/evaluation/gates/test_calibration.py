"""The bound of a tuned gate in small: simulated calibrations whose true rate of false alarms is known."""

import pytest

from rarepix.evaluation.gates.calibration import Outcome, Setting, draw, settings, simulate
from rarepix.seeding import generator


@pytest.mark.parametrize(
    "setting",
    [
        Setting("presence", 5, 0.1, False),
        Setting("presence", 200, 0.3, False),
        Setting("presence+area", 60, 0.1, True),
        Setting("presence+area", 60, 0.01, False),
    ],
)
def test_the_true_rate_of_a_tuned_gate_lies_below_its_bound(setting):
    seen = simulate(setting, 120)
    assert seen.passed
    assert seen.below >= 0.9 * seen.calibrations
    assert seen.width <= 1.3


def test_a_bound_that_does_not_hold_is_found():
    setting = Setting("presence", 60, 0.1, False)
    assert Outcome(setting, 2000, 1900, 1.0).passed
    assert not Outcome(setting, 2000, 1850, 1.0).passed  # 92.5 %
    assert not Outcome(setting, 2000, 1950, 1.31).passed


def test_settings_reach_from_few_images_to_many_with_and_without_ties():
    seen = list(settings())
    assert {each.empty for each in seen} >= {5, 200}
    assert min(each.target for each in seen) == 0.01
    assert max(each.target for each in seen) == 0.3
    drawn = draw(seen[1], 200, 20, generator(0, "test"))
    assert seen[1].ties
    assert len(set(drawn.presence.ravel())) < 20
    assert (drawn.areas[drawn.empty] == 0).any()
    assert drawn.empty.sum() == 200
