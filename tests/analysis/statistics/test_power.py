"""Power by simulation: against the test itself, the normal approximation, and values worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.power import difference_spread, needed_blocks, power, smallest_gain


def test_six_pairs_must_all_be_higher():
    """n = 6: only all six positive reach p = .031; the chance is Phi(gain / sd)^6."""
    rows = power(sd=1, correlation=0.5, gain=[0.5, 1, 2], blocks=6)
    expected = stats.norm.cdf([0.5, 1, 2]) ** 6
    assert ((rows["low"] <= expected) & (expected <= rows["high"])).all()
    assert rows["power"].tolist() == pytest.approx(expected, abs=0.015)


def test_large_samples_approach_the_t_test():
    """Signed-rank needs pi / 3 as many normal values as the mean."""
    n, effect = 100, 0.35
    expected = stats.norm.cdf(effect * np.sqrt(n * 3 / np.pi) - stats.norm.ppf(0.975))
    assert power(sd=1, correlation=0.5, gain=effect, blocks=n)["power"].iloc[0] == pytest.approx(expected, abs=0.02)


def test_blocks_that_cannot_decide_have_no_power():
    asked = {"sd": 0.0054, "gain": 1.0, "blocks": [5, 8, 10], "configurations": 10, "against_one": True}
    rows = power(**asked, correction="holm", simulations=200)
    assert rows["decidable"].tolist() == [False, False, True]
    assert rows["power"].tolist() == [0, 0, 1]
    assert rows["floor"].tolist() == [2 / 2**5, 2 / 2**8, 2 / 2**10]
    assert rows["floor_adjusted"].tolist() == pytest.approx([18 / 2**5, 18 / 2**8, 18 / 2**10])
    closed = power(**asked | {"blocks": [5, 6]}, simulations=50)
    assert closed["decidable"].tolist() == [False, True]
    assert closed["floor_adjusted"].tolist() == [2 / 2**5, 2 / 2**6]
    assert closed["power"][0] == 0 < closed["power"][1]


def test_known_values():
    """SD .0054: a gain of .010 needs 6 blocks (sd of the difference) to 10, .005 needs about 20 to 31."""
    assert needed_blocks(sd=0.0054, gain=0.010, correlation=0.5)["blocks"].tolist() == [6]
    assert needed_blocks(sd=0.0054, gain=[0.010, 0.005])["blocks"].tolist() == [
        pytest.approx(8, abs=1),
        pytest.approx(21, abs=2),
    ]
    most = needed_blocks(sd=0.0054, gain=[0.010, 0.005], power=0.9)["blocks"].tolist()
    assert most == [pytest.approx(10, abs=1), pytest.approx(28, abs=3)]


def test_smallest_gain_and_needed_blocks_undo_each_other():
    gain = smallest_gain(sd=0.0054, blocks=12)["gain"].iloc[0]
    assert power(sd=0.0054, gain=gain, blocks=12)["power"].iloc[0] == pytest.approx(0.8, abs=0.002)
    assert needed_blocks(sd=0.0054, gain=gain * 1.001)["blocks"].iloc[0] <= 12
    assert power(sd=0.0054, gain=gain, blocks=11)["power"].iloc[0] < 0.8


def test_more_is_easier():
    rows = power(sd=0.01, gain=[0.005, 0.01], blocks=[8, 16]).pivot(index="gain", columns="blocks", values="power")
    assert (np.diff(rows, axis=0) > 0).all()
    assert (np.diff(rows, axis=1) > 0).all()


def test_what_cannot_be_done_says_so():
    row = smallest_gain(sd=0.0054, blocks=5).iloc[0]
    assert np.isnan(row["gain"])
    assert row["verdict"] == "5 blocks cannot show a gain of any size: at least 6 are needed"
    row = needed_blocks(sd=1, gain=0.01).iloc[0]
    assert np.isnan(row["blocks"])
    assert "needs more than 500 blocks" in row["verdict"]


def test_spread_of_a_difference():
    assert difference_spread(1, 0) == pytest.approx(np.sqrt(2))
    assert difference_spread(1, 0.5) == pytest.approx(1)
    rng = np.random.default_rng(0)
    block, a, b = rng.normal(0, np.sqrt(0.7), 100_000), *rng.normal(0, np.sqrt(0.3), (2, 100_000))
    assert np.std((block + b) - (block + a)) == pytest.approx(difference_spread(1, 0.7), rel=0.02)


def test_gains_unless_some_are_given_are_multiples_of_sd():
    assert power(sd=0.01, blocks=8, simulations=100)["gain"].tolist() == pytest.approx([0.005, 0.01, 0.015, 0.02, 0.03])


def test_one_seed_one_answer():
    asked = {"sd": 0.01, "gain": 0.01, "blocks": [8], "simulations": 1000}
    pd.testing.assert_frame_equal(power(**asked), power(**asked))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sd": 0}, "sd must be positive"),
        ({"sd": float("nan")}, "sd must be positive"),
        ({"gain": 0}, "gain must be positive"),
        ({"gain": -0.1}, "gain must be positive"),
        ({"blocks": 0}, "blocks must be between 1 and 500"),
        ({"blocks": 8.5}, "blocks must be whole numbers, but got .8.5."),
        ({"blocks": []}, "name one gain and one number of blocks at least, but got 1 and 0"),
        ({"correlation": 1}, "correlation must be"),
        ({"alpha": 0}, "alpha must lie"),
        ({"simulations": 0}, "simulations must be 1 or more, but got 0"),
        ({"configurations": 1}, "configurations must be a whole number from 2 on, but got 1"),
        ({"configurations": 2.5}, "configurations must be a whole number from 2 on, but got 2.5"),
        ({"correction": "bh"}, "correction must be one of .'closed', 'holm', None., but got 'bh'"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        power(**{"sd": 0.01, "gain": 0.01, "blocks": 8} | change)


def test_a_power_is_a_chance():
    with pytest.raises(ValueError, match="power must lie between 0 and 1"):
        needed_blocks(sd=1, gain=1, power=80)


def test_six_blocks_of_a_large_family_are_decidable_and_yet_too_few():
    """Nine equal configurations are in the way, however large the gain of the tenth is."""
    row = smallest_gain(sd=1, blocks=6, configurations=10, against_one=True, simulations=60).iloc[0]
    assert np.isnan(row["gain"])
    assert row["verdict"] == (
        "6 blocks cannot show a gain of any size with 80 % power after closed testing over 9 comparisons"
    )
    row = smallest_gain(sd=1, blocks=6, configurations=3, correction="holm", simulations=60).iloc[0]
    expected = "6 blocks cannot show a gain of any size after Holm over 3 comparisons: at least 7 are needed"
    assert row["verdict"] == expected


def test_a_family_needs_more_and_its_rows_undo_each_other():
    asked = {"sd": 0.0054, "configurations": 3, "simulations": 600}
    gain = smallest_gain(**asked, blocks=8)["gain"].iloc[0]
    assert gain > smallest_gain(sd=0.0054, blocks=8)["gain"].iloc[0]
    assert power(**asked, gain=gain, blocks=8)["power"].iloc[0] == pytest.approx(0.8, abs=0.02)
    row = needed_blocks(**asked, gain=gain * 1.02).iloc[0]
    assert row["blocks"] <= 8
    assert row["verdict"].endswith("% power after closed testing over 3 comparisons")


def test_without_a_correction_more_configurations_change_nothing():
    plain, many = (power(sd=1, gain=2.0, blocks=8, configurations=k, correction=None) for k in (2, 6))
    assert plain["power"].tolist() == many["power"].tolist()
    assert many["floor_adjusted"].tolist() == many["floor"].tolist()
