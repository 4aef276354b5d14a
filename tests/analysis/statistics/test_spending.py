"""Spending a level over looks: published values, and an exact listing of two nested signed-rank tests."""

from itertools import combinations, product

import numpy as np
import pytest

from analysis.statistics.permutation_null import quade_p
from analysis.statistics.rank_tests import signed_rank
from analysis.statistics.spending import Group, boundaries, level_of, spent

DRAWN = {"alpha": 0.05, "test": "signed_rank", "drawn": True}


def looks(levels: int, *blocks: int) -> dict:
    """The arguments of the test of one group of *levels* at looks with so many blocks."""
    return {"groups": (Group(levels, tuple((n,) for n in blocks)),), "lattices": tuple(("pairs", n, n) for n in blocks)}


def nested_signed_ranks(first: int, blocks: int) -> np.ndarray:
    """P of the first blocks and of all, of every equally likely case: ranks of the first ones × signs."""
    cases = []
    for ranks in combinations(range(blocks), first):
        for signs in product((-1.0, 1.0), repeat=blocks):
            gains = np.arange(1.0, blocks + 1) * signs
            ordered = np.concatenate([gains[list(ranks)], np.delete(gains, list(ranks))])
            cases.append([signed_rank(np.zeros(n), ordered[:n])[1] for n in (first, blocks)])
    return np.array(cases).T


def test_the_spending_function_has_its_published_values():
    """2 - 2 Φ(1.96 / √t): .00001 at a fifth, .0056 at a half, all at the end."""
    assert [round(spent(0.05, time), 5) for time in (0.2, 0.5, 0.75, 1)] == [0.00001, 0.00557, 0.02363, 0.05]


@pytest.mark.parametrize("time", [0.3, 0.5, 0.9, 1.0])
def test_the_level_of_a_p_is_the_inverse(time):
    for alpha in (0.001, 0.05, 0.2):
        assert level_of(np.array(spent(alpha, time)), time) == pytest.approx(alpha)


def test_a_look_that_could_decide_nothing_costs_nothing():
    """Five pairs have p = .0625 at best: the test of six is the plain one, whatever the five were."""
    bounds = boundaries(**looks(2, 5, 6), times=(1.0, 1.0), **DRAWN)
    assert bounds.looks == (1,)
    assert bounds.p(np.array([0.0625, 0.03125])) == 0.03125


def test_two_looks_are_the_exact_listing():
    """Six pairs use 2 / 64 of .05. By 7,168 cases, 6 / 256 is the largest p of eight pairs that is left."""
    p = nested_signed_ranks(6, 8)
    union = lambda second: np.mean((p[0] <= 0.05) | (p[1] <= second + 1e-12))  # noqa: E731
    assert union(6 / 256) <= 0.05 < union(10 / 256)
    bounds = boundaries(**looks(2, 6, 8), times=(1.0, 1.0), **DRAWN)
    assert bounds.levels == (0.05, pytest.approx(6 / 256))
    ratio = np.min(p / np.array(bounds.levels)[:, None], axis=0)
    for seen in ((4 / 64, 6 / 256), (4 / 64, 2 / 256), (2 / 64, 10 / 256), (1.0, 0.5)):
        smallest = min(np.array(seen) / bounds.levels)
        exact = np.mean(ratio <= smallest + 1e-9)
        assert bounds.p(np.array(seen)) == pytest.approx(exact, abs=0.005)


def test_what_was_rejected_stays_rejected():
    bounds = boundaries(**looks(2, 6, 8), times=(1.0, 1.0), **DRAWN)
    assert bounds.p(np.array([2 / 64, 0.9])) <= 0.05
    assert bounds.p(np.array([4 / 64, 10 / 256])) > 0.05


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("times", [(0.5, 8 / 12, 1.0), (1.0, 1.0, 1.0)])
def test_the_p_over_looks_grows_with_each_p(levels, times):
    bounds = boundaries(**looks(levels, 6, 8, 12), times=times, **DRAWN)
    grid = np.linspace(0.001, 1, 60)
    for look in range(3):
        p = np.full((3, len(grid)), 0.3)
        p[look] = grid
        assert (np.diff(bounds.p(p)) >= 0).all()


@pytest.mark.parametrize("drawn", [True, False])
def test_crossings_keep_to_what_may_be_spent(drawn):
    """Other draws of three levels on nested blocks: looks at 8, 10 and 12 of 12."""
    times = (8 / 12, 10 / 12, 1.0)
    bounds = boundaries(**looks(3, 8, 10, 12), times=times, **DRAWN | {"drawn": drawn})
    scores = np.random.default_rng(5).standard_normal((20_000, 12, 3))
    p = np.array([with_its_pairs(scores[:, :n]) for n in (8, 10, 12)])
    crossed = np.maximum.accumulate(p <= np.array(bounds.levels)[:, None] + 1e-12).mean(axis=1)
    for share, time in zip(crossed, times, strict=True):
        assert share <= spent(0.05, time) + 3 * np.sqrt(spent(0.05, time) / 20_000)
    assert np.mean(bounds.p(p) <= 0.05) == pytest.approx(crossed[-1], abs=1e-12)
    assert crossed[-1] > (0.04 if drawn else 0.02)


def with_its_pairs(scores: np.ndarray) -> np.ndarray:
    """The p that three levels are equal, no smaller than the smallest of their pairs."""
    pairs = [quade_p(scores[:, :, pair]) for pair in ([0, 1], [0, 2], [1, 2])]
    return np.maximum(quade_p(scores), np.min(pairs, axis=0))


def test_a_look_at_which_no_pair_could_be_claimed_costs_groups_nothing():
    """Five blocks can show that three levels are not all equal, but no pair: nothing could be claimed."""
    bounds = boundaries(**looks(3, 5, 8), times=(1.0, 1.0), **DRAWN)
    assert bounds.looks == (1,)
    assert bounds.p(np.array([0.001, 0.2])) == 0.2


def test_a_look_without_new_blocks_is_the_same_look():
    assert boundaries(**looks(3, 6, 6), times=(1.0, 1.0), **DRAWN).looks == (1,)


def test_a_group_that_came_later_has_one_look():
    group = Group(2, ((0,), (8,)))
    bounds = boundaries((group,), (("pairs", 6, 6), ("pairs", 8, 8)), (1.0, 1.0), **DRAWN)
    assert bounds.p(np.array([np.inf, 0.02])) == 0.02


def test_without_a_joint_distribution_the_looks_share_the_level():
    """At a half .0056 may be spent, the rest at the end: p = .04 is reached by .04 / .0444 of the level."""
    asked = {"groups": (Group(2, ((4, 4), (8, 8))),), "lattices": (("runs", 4, 4), ("runs", 8, 8)), "times": (0.5, 1.0)}
    bounds = boundaries(**asked, alpha=0.05, test="rank_sum", drawn=False)
    assert bounds.looks == (1,)  # four runs each have p = .02 at best
    bounds = boundaries(**asked, alpha=0.05, test="paired_t", drawn=False)
    assert bounds.levels == pytest.approx((0.00557, 0.04443), abs=1e-5)
    assert bounds.p(np.array([0.5, 0.04])) == pytest.approx(0.05 * 0.04 / 0.04443, abs=1e-5)
    assert bounds.p(np.array([0.0, 0.9])) <= 0.05
