"""Comparisons over several looks, as ``compare`` makes them."""

from itertools import combinations

import numpy as np
import pytest

from analysis import compare
from analysis.statistics.closed import count_intersections, intersected
from analysis.statistics.corrections import holm
from analysis.statistics.family_over_looks import holm_over_looks, intersections
from analysis.statistics.looks import Look
from analysis.statistics.spending import level_of, spent
from tests.analysis.statistics.test_friedman import ASKED, tidy


def seen(table, *blocks: int, times=None) -> list[Look]:
    """Looks at the first blocks of *table*."""
    times = times or [1.0] * len(blocks)
    return [Look(time, frozenset(table.index[table["seed"] < n])) for n, time in zip(blocks, times, strict=True)]


def study(blocks: int, gains, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(gains, spread, (blocks, len(gains)))


@pytest.mark.parametrize("correction", ["closed", "holm", "bh", None])
def test_one_look_at_a_plan_is_the_plain_comparison(correction):
    table = tidy(study(8, [0, 1, 2]))
    rows = compare(table, **ASKED, correction=correction)
    assert rows.equals(compare(table, **ASKED, correction=correction, looks=[Look()]))
    same = compare(table, **ASKED, correction=correction, looks=[*seen(table, 8), Look()])
    assert same["p_adjusted"].to_numpy() == pytest.approx(rows["p_adjusted"].to_numpy())
    assert same["floor_adjusted"].to_numpy() == pytest.approx(rows["floor_adjusted"].to_numpy())
    assert same["needed_n"].tolist() == rows["needed_n"].tolist()


def test_a_look_at_five_blocks_costs_nothing():
    """Two configurations, all pairs of one sign: p = 2 / 64 after six blocks, as if nobody had looked at five."""
    table = tidy(study(6, [0, 3], spread=0.1))
    row = compare(table, **ASKED, looks=[*seen(table, 5), Look()]).iloc[0]
    assert row["p"] == row["p_adjusted"] == row["floor_adjusted"] == 2 / 64
    assert row["procedure"] == "nothing to correct; level spent over 2 looks (n = 5, 6 pairs), O'Brien-Fleming-like"
    assert "p of 2 looks = .031" in row["verdict"]


def test_an_extension_after_six_blocks_can_decide_by_less():
    """p = 10 / 256 (the third smallest of eight gains is a loss) is enough only where nobody looked at six."""
    table = tidy(np.column_stack([np.zeros(8), [1.0, 2, -3, 4, 5, 6, 7, 8]]))
    plain, looked = (compare(table, **ASKED, looks=looks).iloc[0] for looks in ((), [*seen(table, 6), Look()]))
    assert plain["p_adjusted"] == plain["p"] == looked["p"] == 10 / 256
    assert looked["p_adjusted"] > 0.05
    assert looked["floor_adjusted"] <= 0.05


def test_a_claim_before_the_extension_remains():
    scores = np.column_stack([np.zeros(8), [1.0, 2, 3, 4, 5, 6, -7, -8]])
    table = tidy(scores)
    assert compare(table, **ASKED).iloc[0]["p_adjusted"] > 0.05
    row = compare(table, **ASKED, looks=[*seen(table, 6), Look()]).iloc[0]
    assert row["p_adjusted"] == pytest.approx(2 / 64)
    assert row["n_shown"] == 6
    assert row["verdict"].startswith(
        "'b' is higher than 'a' by the look at n = 6 (p of 2 looks = .031), which remains decided; "
        "the present look alone: +2.000 ("
    )


@pytest.mark.parametrize("others", [0, 1])
def test_a_claim_keeps_the_direction_of_the_look_that_made_it(others):
    """Six small gains, then four large losses: nobody has shown that b is lower."""
    gains = np.array([1.0, 2, 3, 4, 5, 6, -50, -60, -40, -45])
    scores = np.column_stack([np.zeros(10), gains, *[500 + np.arange(10.0)] * others])
    table = tidy(scores)
    row = compare(table, **ASKED, looks=[*seen(table, 6), Look()]).iloc[0]
    assert row["p_adjusted"] <= 0.05
    assert row["difference"] < 0
    assert row["effect"] < 0
    assert row["direction"] == 1
    assert row["verdict"].startswith("'b' is higher than 'a' by the look at n = 6 (")


def test_what_the_present_look_shows_is_of_the_present():
    table = tidy(study(8, [0, 3], spread=0.1))
    row = compare(table, **ASKED, looks=[*seen(table, 6), Look()]).iloc[0]
    assert (row["direction"], row["n_shown"]) == (1, 8)
    assert "by the look" not in row["verdict"]


@pytest.mark.parametrize("times", [[0.0, 1.0], [0.5, 2.0], [0.9, 0.5], [float("nan"), 1.0]])
def test_times_of_looks_grow_up_to_one(times):
    table = tidy(study(8, [0, 3]))
    with pytest.raises(ValueError, match="must be above 0, at most 1 and never fall"):
        compare(table, **ASKED, looks=[*seen(table, 6, times=times[:1]), Look(times[1])])


def test_a_study_that_declared_more_blocks_spends_little_at_first():
    """Six of twelve blocks: p = .031 is .128 of a level that is spent by half, and eight could decide."""
    table = tidy(study(6, [0, 3], spread=0.1))
    row = compare(table, **ASKED, looks=[Look(0.5)]).iloc[0]
    assert row["p_adjusted"] == row["floor_adjusted"] == pytest.approx(level_of(np.array(2 / 64), 0.5))
    assert row["p_adjusted"] == pytest.approx(0.128, abs=5e-4)
    assert row["needed_n"] == 8
    assert "cannot be decided with n = 6 pairs" in row["verdict"]
    assert row["procedure"].endswith("level spent up to 50 % of the blocks declared at most, O'Brien-Fleming-like")


def test_a_used_level_is_told():
    """Independent runs have no joint distribution that is known: a first look that declared nothing used all of .05."""
    table = tidy(study(8, [0, 0]))
    row = compare(table, treatment="kind", score="score", looks=[*seen(table, 6), Look()]).iloc[0]
    assert row["p_adjusted"] > 0.05
    assert np.isnan(row["needed_n"])
    assert "looks before the extension have used the level, a few more blocks do not help" in row["verdict"]


def test_a_rejected_intersection_leaves_pairs_to_the_extension():
    """Six blocks reject that all are equal, but not that a and b are; eight do."""
    scores = study(8, [0, 1, 9], spread=0.1)
    scores[0, :2] = 0.05, 0.04
    table = tidy(scores)
    before = compare(table[table["seed"] < 6], **ASKED)
    after = compare(table, **ASKED, looks=[*seen(table, 6), Look()])
    assert before["p_adjusted"].tolist()[0] > 0.05
    assert (after["p_adjusted"] <= 0.05).all()


def test_a_configuration_that_came_later_has_one_look():
    """Blocks 0 to 5 had a and b; c ran on them afterwards: its comparisons are those of one look."""
    table = tidy(study(6, [0, 3, 6], spread=0.1))
    plain = compare(table, **ASKED)
    look = Look(1.0, frozenset(table.index[table["kind"] != "c"]))
    rows = compare(table, **ASKED, looks=[look, Look()])
    assert rows["p_adjusted"].to_numpy() == pytest.approx(plain["p_adjusted"].to_numpy())


def test_a_look_before_anything_could_be_tested_is_not_told():
    """One block of one configuration is nothing to look at, and nothing was declared."""
    table = tidy(study(6, [0, 3]))
    looked = compare(table, **ASKED, looks=[Look(1.0, frozenset(table.index[:1])), Look()])
    assert looked.equals(compare(table, **ASKED))


def test_ties_share_the_level_between_looks():
    """With ties the joint distribution is another one: at the end there is .05 less what was spent before."""
    scores = np.round(study(12, [0, 1, 1.5], seed=2), 0)
    scores[0, 2] = np.nan
    table = tidy(scores).dropna()
    rows = compare(table, **ASKED, looks=[*seen(table, 6, 8, times=[0.5, 8 / 12]), Look()])
    plain = compare(table, **ASKED)
    left = 0.05 - spent(0.05, 8 / 12)
    undecided_before = rows["p_adjusted"] > 0.001
    assert undecided_before.any()
    expected = plain["p_adjusted"] * 0.05 / left
    assert rows.loc[undecided_before, "p_adjusted"].to_numpy() == pytest.approx(expected[undecided_before].to_numpy())


def test_missing_blocks_have_a_joint_distribution_of_their_own():
    scores = study(12, [0, 2, 4])
    scores[0, 2] = np.nan
    table = tidy(scores).dropna()
    rows = compare(table, **ASKED, looks=[*seen(table, 6, 8, times=[0.5, 8 / 12]), Look()])
    plain = compare(table, **ASKED)
    assert (rows["p_adjusted"] >= plain["p_adjusted"]).all()
    assert (rows["p_adjusted"] <= 0.05).all()


def test_blocks_that_no_three_share_are_held_by_bonferroni():
    """x and y share six blocks, y and z six others: no block holds all three."""
    scores = study(12, [0, 3, 6], spread=0.1)
    scores[:6, 2] = scores[6:, 0] = np.nan
    table = tidy(scores, "xyz").dropna()
    plain = compare(table, **ASKED)
    rows = compare(table, **ASKED, looks=[*seen(table, 5, 11), Look()])
    tested = plain["p"].notna()
    assert (rows.loc[tested, "p_adjusted"] >= plain.loc[tested, "p_adjusted"] - 1e-12).all()
    assert rows["p_adjusted"].isna().tolist() == plain["p_adjusted"].isna().tolist()


def test_independent_runs_have_looks_as_well():
    table = tidy(study(12, [0, 2, 4], spread=0.5))
    asked = {name: value for name, value in ASKED.items() if name != "block"}
    rows = compare(table, **asked, looks=[*seen(table, 6, times=[0.5]), Look()])
    assert (rows["test"] == "mann_whitney").all()
    assert (rows["p_adjusted"] <= 0.05).all()
    assert rows["procedure"].str.contains("n = 6, 12 trials per level").all()


def test_holm_over_looks_is_holm_where_looks_do_not_matter():
    p = np.random.default_rng(0).random(7) ** 3
    assert holm_over_looks(lambda pair, level: p[pair], 7, 0.05) == pytest.approx(holm(p))


@pytest.mark.parametrize("levels", [2, 3, 4, 6])
def test_every_intersection_is_listed_once(levels):
    pairs = tuple(combinations(range(levels), 2))
    listed = intersections(levels, pairs)
    assert len(set(listed)) == len(listed) == count_intersections(levels, pairs)
    against_one = pairs[: levels - 1]
    assert sorted(intersections(levels, against_one)) == [(group,) for group in intersected(levels, against_one)]


def test_one_look_is_closed_by_the_listing_as_without_one():
    """``closed_p`` finds the worst intersection among sums, the listing among all."""
    table = tidy(study(8, [0, 0.5, 1, 1.5, 2], seed=3))
    plain = compare(table, **ASKED)["p_adjusted"].to_numpy()
    half = compare(table, **ASKED, looks=[Look(0.5)])["p_adjusted"].to_numpy()
    assert half == pytest.approx(level_of(plain, 0.5))
