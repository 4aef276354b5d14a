"""The Bayesian signed-rank test against baycomp, and by hand."""

import baycomp
import numpy as np
import pandas as pd
import pytest

from analysis.statistics.equivalence import chances_of, practical

ASKED = {"treatment": "kind", "block": "seed", "score": "score"}


def tidy(gains) -> pd.DataFrame:
    """Two levels whose paired differences are *gains*."""
    n = len(gains)
    return pd.DataFrame({"seed": [*range(n)] * 2, "kind": ["x"] * n + ["y"] * n, "score": [*[0.5] * n, *(0.5 + gains)]})


@pytest.mark.parametrize("rope", [0.0, 0.005, 0.02])
@pytest.mark.parametrize(("n", "gain"), [(3, 0.01), (8, 0.006), (20, 0.0), (12, -0.01)])
def test_chances_are_baycomps(n, gain, rope):
    gains = np.random.default_rng(n).normal(gain, 0.006, n)
    row = practical(tidy(gains), **ASKED, rope=rope).iloc[0]
    expected = baycomp.SignedRankTest.probs(np.zeros(n), gains, rope, nsamples=10_000, random_state=1)
    ours = (row["p_worse"], row["p_equivalent"], row["p_better"])
    assert sum(ours) == pytest.approx(1)
    np.testing.assert_allclose(ours if rope else (ours[0], ours[2]), expected, atol=0.02)


def test_masses_by_hand():
    """Differences 0 (the pseudo one), .01 and -.002, region ±.004.

    Above it: d1 with itself, and d1 with 0 (.005); d1 with d2 (.004) lies on the border and counts half. With weights
    .2, .5, .3: .25 + 2 x .1 + .15 = .6 above. With .4, .3, .3: .09 + 2 x .12 + .09 = .42. None lies below.
    """
    assert chances_of(np.array([0.01, -0.002]), 0.004, [np.array([[0.2], [0.5], [0.3]])]) == (0, 0, 1)
    assert chances_of(np.array([0.01, -0.002]), 0.004, [np.array([[0.4], [0.3], [0.3]])]) == (0, 1, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_ties_of_the_three_chances_are_split(sign):
    """No difference, no region: above and below weigh 0 each in every draw, and neither wins."""
    row = practical(tidy(np.zeros(6)), **ASKED, rope=0).iloc[0]
    assert (row["p_better"], row["p_equivalent"], row["p_worse"]) == (0.5, 0, 0.5)
    gains = sign * np.array([0.1, 0, 0, 0, 0, 0])
    up, down = (practical(tidy(way * gains), **ASKED, rope=0).iloc[0] for way in (1, -1))
    assert up["p_better"] == pytest.approx(down["p_worse"], abs=1e-9)


def test_many_pairs_are_drawn_in_pieces():
    gains = np.random.default_rng(0).normal(0.005, 0.05, 400)
    row = practical(tidy(gains), **ASKED).iloc[0]
    expected = baycomp.SignedRankTest.probs(np.zeros(400), gains, 0.005, nsamples=300, random_state=1)
    np.testing.assert_allclose([row["p_worse"], row["p_equivalent"], row["p_better"]], expected, atol=0.1)


def test_sentences():
    same = practical(tidy(np.linspace(-0.001, 0.001, 12)), **ASKED).iloc[0]
    assert same["verdict"].startswith("'y' and 'x' are practically equivalent, within ±0.005")
    lower = practical(tidy(np.linspace(-0.03, -0.02, 12)), **ASKED).iloc[0]
    assert lower["verdict"].startswith("'y' is lower than 'x' by more than 0.005 (probability of better 0.00")
    unsure = practical(tidy(np.array([-0.02, 0.02, -0.01, 0.012])), **ASKED).iloc[0]
    assert unsure["verdict"].startswith("cannot tell whether 'y' and 'x' differ by more than 0.005")
    assert "n = 4 pairs" in unsure["verdict"]


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_pairs_say_nothing(n):
    alone = pd.DataFrame({"seed": [8, 9], "kind": ["x", "y"], "score": [0.1, 0.2]})
    table = pd.concat([tidy(np.full(n, 0.1)).astype({"seed": int}), alone])
    row = practical(table, **ASKED).iloc[0]
    assert np.isnan([row["p_better"], row["p_equivalent"], row["p_worse"]]).all()
    assert row["verdict"].startswith("nothing to compare 'y' and 'x' by")
    assert "seed=8 (lacks y)" in row["incomplete"]


def test_one_seed_one_answer():
    table = tidy(np.random.default_rng(0).normal(0.004, 0.006, 8))
    pd.testing.assert_frame_equal(practical(table, **ASKED), practical(table, **ASKED))
    assert practical(table, **ASKED, seed=1)["p_better"].iloc[0] != practical(table, **ASKED)["p_better"].iloc[0]


def test_against_one_level():
    table = pd.concat([tidy(np.full(5, 0.1)), tidy(np.full(5, 0.2)).replace({"x": "w", "y": "z"})])
    assert practical(table, **ASKED, against="y")[["a", "b"]].to_numpy().tolist() == [
        ["y", "w"],
        ["y", "x"],
        ["y", "z"],
    ]


@pytest.mark.parametrize(("change", "message"), [({"rope": -1}, "rope must be 0 or more"), ({"block": []}, "no block")])
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        practical(tidy(np.ones(3)), **ASKED | change)


def test_where_less_is_better_a_gain_is_a_fall():
    gains = np.array([-0.02, -0.03, -0.025, -0.01, -0.02])
    more, less = (practical(tidy(sign * gains), **ASKED, minimize=sign > 0).iloc[0] for sign in (-1, 1))
    names = ["p_better", "p_equivalent", "p_worse"]
    assert less[names].tolist() == pytest.approx(more[names].tolist())
    assert less["p_better"] > 0.95
    assert less["verdict"].startswith("'y' is lower than 'x' by more than 0.005 (probability of better ")
