"""Closed testing: against a listing of every intersection, published data, and cases worked out by hand."""

from functools import reduce
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import compare
from analysis.statistics.closed import attainable, closed_p, combined_p, count_intersections, intersected, on_lattice
from analysis.statistics.closed_family import ClosedFamily
from analysis.statistics.friedman import average_ranks, friedman
from analysis.statistics.intersections import BlockGroups, RunGroups
from analysis.statistics.rank_tests import mann_whitney, signed_rank
from tests.analysis.statistics.test_friedman import ASKED, tidy

CLOSED = ASKED | {"correction": "closed"}

LOSSES = {
    "ce": [0.411847, 0.399137, 0.417098, 0.411576, 0.405471, 0.401932],
    "ce+dice": [0.420164, 0.406671, 0.422915, 0.420387, 0.412587, 0.414103],
    "dice": [0.456151, 0.463177, 0.457512, 0.454398, 0.46244, 0.45212],
}
"""Validation mIoU of three losses under six seeds."""
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
)  # fmt: skip
"""AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on fourteen data sets (Demšar 2006, table 6)."""


def partitions(items: list) -> list[list[tuple]]:
    """Every way to divide *items* into groups."""
    if not items:
        return [[]]
    first, rest = items[0], items[1:]
    return [
        [(first, *chosen), *others]
        for size in range(len(rest) + 1)
        for chosen in combinations(rest, size)
        for others in partitions([item for item in rest if item not in chosen])
    ]


def quade_by_listing(scores: np.ndarray) -> float:
    """P of the sum of squares of Quade's weighed ranks among all permutations of the labels within blocks."""
    weighed = stats.rankdata(np.ptp(scores, axis=1))[:, None] * (
        stats.rankdata(scores, axis=1) - scores.shape[1] / 2 - 0.5
    )
    orders = list(permutations(range(scores.shape[1])))
    sums = weighed[:1]
    for row in weighed[1:]:
        sums = np.concatenate([sums + row[list(order)] for order in orders])
    statistics = (sums**2).sum(axis=1)
    return float(np.mean(statistics >= (weighed.sum(axis=0) ** 2).sum() - 1e-9))


def signed_rank_by_listing(gains: np.ndarray) -> float:
    ranks = stats.rankdata(np.abs(gains))
    seen = abs(np.sum(ranks * np.sign(gains)))
    sums = [abs(np.dot(ranks, signs)) for signs in product((-1, 1), repeat=len(gains))]
    return float(np.mean(np.array(sums) >= seen - 1e-9))


def closed_by_listing(scores: np.ndarray, pairs: list[tuple], against: int | None = None) -> dict[tuple, float]:
    """Adjusted p as the largest p of all intersections that contain a pair, each listed and tested on its own."""
    n, k = scores.shape
    p_of = {}
    for size in range(2, k + 1):
        for group in combinations(range(k), size):
            chosen = scores[:, group]
            p_of[group] = signed_rank_by_listing(chosen[:, 1] - chosen[:, 0]) if size == 2 else quade_by_listing(chosen)
    two = [signed_rank_by_listing(np.arange(1, n + 1) * signs) for signs in product((-1, 1), repeat=n)]
    worst = dict.fromkeys(pairs, 0.0)
    for partition in partitions(list(range(k))):
        groups = [group for group in partition if len(group) > 1]
        if against is not None:
            groups = groups if len(groups) == 1 and against in groups[0] else []
        p = p_of[groups[0]] if len(groups) == 1 else None
        if len(groups) == 2:
            assert all(len(group) == 2 for group in groups)
            seen = sum(1 / p_of[group] for group in groups)
            p = np.mean([1 / one + 1 / other >= seen - 1e-9 for one in two for other in two])
        for pair in pairs:
            if any(set(pair) <= set(group) for group in groups):
                worst[pair] = max(worst[pair], p)
    return worst


def of_blocks(scores: np.ndarray, pairs: list[tuple]) -> ClosedFamily:
    return ClosedFamily("signed_rank", BlockGroups(scores, tuple(map(str, range(len(scores))))), tuple(pairs))


def own_p(scores: np.ndarray, pairs: list[tuple]) -> list[float]:
    return [signed_rank(scores[:, a], scores[:, b])[1] for a, b in pairs]


@pytest.mark.parametrize("seed", range(5))
def test_three_levels_and_six_blocks_are_the_listing_exactly(seed):
    scores, pairs = np.random.default_rng(seed).normal([0, 0.5, 1.5], 1, (6, 3)), [(0, 1), (0, 2), (1, 2)]
    found = of_blocks(scores, pairs).adjusted_p(own_p(scores, pairs))
    assert found == pytest.approx(list(closed_by_listing(scores, pairs).values()), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_four_levels_are_the_listing_up_to_the_draws(seed):
    """The listing counts 331,776 permutations of four labels and 1,024 pairs of signs; 9,999 are drawn."""
    scores, pairs = np.random.default_rng(seed).normal([0, 0, 1, 2], 1, (5, 4)), list(combinations(range(4), 2))
    found = of_blocks(scores, pairs).adjusted_p(own_p(scores, pairs))
    assert found == pytest.approx(list(closed_by_listing(scores, pairs).values()), abs=0.015)


def test_against_one_level_every_group_holds_it():
    scores, pairs = np.random.default_rng(1).normal([0, 1, 2], 1, (6, 3)), [(1, 0), (1, 2)]
    found = of_blocks(scores, pairs).adjusted_p(own_p(scores, pairs))
    assert found == pytest.approx(list(closed_by_listing(scores, [(0, 1), (1, 2)], against=1).values()), abs=1e-12)
    assert intersected(3, ((1, 0), (1, 2))) == (0b011, 0b110, 0b111)


def test_the_loss_study_is_decided_by_six_blocks():
    """All six blocks rank alike: 2 of 64 sign patterns per pair, 6 of 6^6 permutations for the three."""
    rows = compare(tidy(np.column_stack(list(LOSSES.values())), list(LOSSES)), **CLOSED).set_index(["a", "b"])
    assert rows["p_adjusted"].tolist() == [2 / 64] * 3
    assert rows["floor_adjusted"].tolist() == [2 / 64] * 3
    assert (rows["needed_n"] == 6).all()
    for lower, higher in (("ce", "ce+dice"), ("ce", "dice"), ("ce+dice", "dice")):
        assert rows.loc[(lower, higher), "verdict"].startswith(f"'{higher}' is higher than '{lower}'")
    listing = closed_by_listing(np.column_stack(list(LOSSES.values())), [(0, 1), (0, 2), (1, 2)])
    assert list(listing.values()) == [2 / 64] * 3
    assert quade_by_listing(np.column_stack(list(LOSSES.values()))) == pytest.approx(6 / 6**6)


def test_demsars_table_agrees_with_what_he_published():
    """Friedman rejects; at .10 C4.5 is worse than C4.5+m and C4.5+m+cf (Nemenyi), and at .05 no pair was told apart.

    He ranks .975 above .975 for voting, from digits that he does not print: mean ranks differ by half a rank of 14.
    """
    table = tidy(DEMSAR, ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"])
    ranks, published = (
        average_ranks(table, **ASKED).set_index("level")["mean_rank"],
        [3.143, 2.0, 2.893, 1.964],
    )
    assert ranks[["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]].to_numpy() == pytest.approx(published, abs=0.0365)
    assert friedman(table, **ASKED)["p"].iloc[0] < 0.05
    rows = compare(table, **CLOSED).set_index(["a", "b"])
    decided = {("C4.5", "C4.5+m"), ("C4.5", "C4.5+m+cf"), ("C4.5+cf", "C4.5+m+cf")}
    assert set(rows.index[rows["p_adjusted"] <= 0.05]) == decided
    assert (rows.loc[list(decided), "effect"] > 0.6).all()
    holm = compare(table, **ASKED, correction="holm").set_index(["a", "b"])
    assert set(holm.index[holm["p_adjusted"] <= 0.05]) == {("C4.5", "C4.5+m")}


def test_intersections_are_counted_as_bell_and_subsets_are():
    every = lambda k: tuple(combinations(range(k), 2))  # noqa: E731
    assert [count_intersections(k, every(k)) for k in (2, 3, 4, 10)] == [1, 4, 14, 115_974]
    assert count_intersections(5, tuple((0, i) for i in range(1, 5))) == 15
    assert count_intersections(4, ((0, 1), (2, 3))) == 3


def test_the_worst_partition_is_found_without_listing_them():
    """Random p of every group of five levels: the largest p of all 51 partitions, listed."""
    k, lattice, rng = 5, ("pairs", 8, 8), np.random.default_rng(3)
    p, pairs = rng.random((1 << k, 4)) ** 3, list(combinations(range(k), 2))
    found = closed_p(p, k, pairs, lattice)
    number = lambda group: reduce(int.__or__, (1 << i for i in group))  # noqa: E731
    for column in range(4):
        worst = dict.fromkeys(pairs, 0.0)
        for partition in partitions(list(range(k))):
            groups = [group for group in partition if len(group) > 1]
            of = [p[number(group), column] for group in groups]
            if len(groups) == 1:
                value = of[0]
            elif groups:
                two = [len(group) == 2 for group in groups]
                each = [on_lattice(np.array(x), lattice) if pair else x for x, pair in zip(of, two, strict=True)]
                value = combined_p(sum(1 / np.array(each)), sum(two), len(two) - sum(two), lattice)
            for pair in pairs:
                if any(set(pair) <= set(group) for group in groups):
                    worst[pair] = max(worst[pair], value)
        assert found[:, column] == pytest.approx(list(worst.values()))


@pytest.mark.parametrize("lattice", [("pairs", 6, 6), ("runs", 4, 5)])
def test_attainable_p_are_those_of_the_tests(lattice):
    kind, n_a, n_b = lattice
    if kind == "pairs":
        drawn = [signed_rank(np.zeros(n_a), np.arange(1.0, n_a + 1) * s)[1] for s in product((-1, 1), repeat=n_a)]
    else:
        drawn = [
            mann_whitney(np.array([i for i in range(n_a + n_b) if i not in b]), np.array(b))[1]
            for b in combinations(range(n_a + n_b), n_b)
        ]
    values, chances = attainable(lattice)
    seen, counts = np.unique(np.round(drawn, 12), return_counts=True)
    assert values == pytest.approx(seen)
    assert chances == pytest.approx(counts / counts.sum())


def test_a_p_off_the_lattice_is_rounded_up():
    assert on_lattice(np.array([0.001, 2 / 64, 0.04, 1.0]), ("pairs", 6, 6)) == pytest.approx(
        [2 / 64, 2 / 64, 4 / 64, 1]
    )


def test_combined_p_by_hand():
    """Two pairs of six blocks have the smallest p both in 1 of 1,024; of two uniform p one is below .02 in 4 %."""
    both = combined_p(np.array([64.0]), 2, 0, ("pairs", 6, 6))[0]
    assert both == pytest.approx(1 / 1024, abs=4e-4)
    larger = combined_p(np.array([1 / 0.02 + 1]), 0, 2, ("pairs", 6, 6))[0]
    assert larger == pytest.approx(2 * 0.02, abs=0.006)


def test_missing_blocks_are_left_out_of_the_groups_that_they_lack():
    scores = np.random.default_rng(4).normal([0, 1, 3], 0.5, (8, 3))
    scores[0, 2] = np.nan
    rows = compare(tidy(scores).dropna(), **CLOSED)
    assert rows["n"].tolist() == [8, 7, 7]
    assert rows["procedure"][0].endswith("each on the blocks that hold its levels (7 of 8 hold all; not seed=0)")
    family = of_blocks(scores, [(0, 1), (0, 2), (1, 2)])
    assert family.groups.p([0b111]) == pytest.approx(of_blocks(scores[1:], [(0, 1)]).groups.p([0b111]))


def test_too_few_complete_blocks_are_held_by_bonferroni():
    """Levels x and y share eight blocks, z two of them: the three together have 2 of at least 4 complete blocks."""
    scores = np.random.default_rng(4).normal([0, 3, 0], 0.5, (8, 3))
    scores[2:, 2] = np.nan
    rows = compare(tidy(scores).dropna(), **CLOSED)
    assert rows["p_adjusted"][0] == pytest.approx(3 * 2 / 2**8)
    assert rows["n"].tolist() == [8, 2, 2]


def test_untested_pairs_are_no_part_of_an_intersection():
    """x and y share six blocks, v and w six others: two comparisons, no group of three."""
    gains = np.linspace(0.1, 0.2, 6)
    blocks = [np.column_stack([np.zeros(6), gains]), np.column_stack([np.zeros(6), gains])]
    table = pd.concat([tidy(blocks[0], "xy"), tidy(blocks[1], "vw").assign(seed=lambda t: t["seed"] + 6)])
    rows = compare(table, **CLOSED)
    tested = rows.dropna(subset=["p"])
    assert tested[["a", "b"]].to_numpy().tolist() == [["v", "w"], ["x", "y"]]
    assert tested["p_adjusted"].tolist() == [2 / 64] * 2
    assert tested["procedure"].str.startswith("closed testing of 3 intersections").all()


def test_independent_runs_are_closed_by_kruskal_and_wallis():
    rng = np.random.default_rng(0)
    runs = [rng.normal(gain, 1, n) for gain, n in ((0, 6), (1, 7), (4, 5))]
    family = ClosedFamily("mann_whitney", RunGroups(tuple(runs)), ((0, 1), (0, 2), (1, 2)))
    own = [mann_whitney(runs[a], runs[b])[1] for a, b in family.pairs]
    three = family.groups.p([0b111])[0]
    assert three == pytest.approx(stats.kruskal(*runs).pvalue, abs=0.01)
    assert family.adjusted_p(own) == pytest.approx(np.maximum(own, three))


@pytest.mark.parametrize("k", [3, 4, 6, 10])
def test_six_blocks_that_agree_decide_every_family(k):
    scores = np.arange(k) + np.linspace(0, 0.5, 6)[:, None] * np.arange(k)
    for against in (None, "a"):
        rows = compare(tidy(scores), **CLOSED, against=against)
        assert rows["p_adjusted"].to_numpy() == pytest.approx(2 / 64)
        assert rows["floor_adjusted"].to_numpy() == pytest.approx(2 / 64)
        assert (rows["needed_n"] == 6).all()


def test_equal_scores_are_never_decided():
    rows = compare(tidy(np.full((8, 5), 0.4)), **CLOSED)
    assert (rows["p_adjusted"] == 1).all()


def test_more_levels_than_can_be_closed_are_held_by_holm_and_said_so():
    scores = np.random.default_rng(0).normal(size=(12, 11))
    rows = compare(tidy(scores, "abcdefghijk"), **CLOSED, against="a")
    holm = compare(tidy(scores, "abcdefghijk"), **ASKED, against="a", correction="holm")
    assert rows["p_adjusted"].tolist() == holm["p_adjusted"].tolist()
    assert (rows["correction"] == "holm").all()
    assert (rows["procedure"] == "Holm: closed testing is done for at most 10 levels").all()


def test_two_levels_are_the_plain_test():
    row = compare(tidy(DEMSAR[:, :2]), **CLOSED).iloc[0]
    assert row["p_adjusted"] == row["p"]
    assert row["procedure"] == "nothing to correct"
    assert compare(tidy(DEMSAR[:, :2]), **CLOSED, test="paired_t").iloc[0]["p_adjusted"] < 1


def test_closed_testing_needs_a_test_of_more_levels():
    with pytest.raises(ValueError, match=r"closed testing of 6 comparisons needs .*signed_rank.*'paired_t'.*holm"):
        compare(tidy(DEMSAR), **CLOSED, test="paired_t")


def test_an_alpha_that_no_draws_reach_is_refused():
    scores = np.arange(4) + np.linspace(0, 0.5, 20)[:, None] * np.arange(4)
    with pytest.raises(ValueError, match=r"needs an alpha of 5e-05 or more, but got 1e-05: give correction='holm'"):
        compare(tidy(scores), **CLOSED, alpha=1e-5)
    assert (compare(tidy(scores), **CLOSED, alpha=5e-5)["p_adjusted"] <= 5e-5).all()
