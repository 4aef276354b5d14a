"""The table of comparisons: pairs, corrections, floors, sentences."""

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.statistics.compare import COLUMNS


def make_table(blocks: int, gains: dict[str, float], noise: float = 0.001, seed: int = 0) -> pd.DataFrame:
    """A row per block and level; a block moves all its levels together."""
    rng = np.random.default_rng(seed)
    rows = []
    for block in range(blocks):
        base = rng.normal(0.5, 0.05)
        rows += [{"seed": block, "kind": k, "score": base + gain + rng.normal(0, noise)} for k, gain in gains.items()]
    return pd.DataFrame(rows)


def test_one_row_per_pair_and_all_columns():
    rows = compare(make_table(6, {"x": 0, "y": 0.1, "z": 0.2}), treatment="kind", block="seed", score="score")
    assert rows[["a", "b"]].to_numpy().tolist() == [["x", "y"], ["x", "z"], ["y", "z"]]
    assert list(rows) == COLUMNS
    assert (rows["test"] == "signed_rank").all()
    assert (rows["family_size"] == 3).all()


def test_differences_are_b_minus_a():
    row = compare(make_table(8, {"x": 0, "y": 0.013}), treatment="kind", block="seed", score="score").iloc[0]
    assert row["difference"] == pytest.approx(0.013, abs=0.002)
    assert row["low"] < 0.013 < row["high"]
    assert row["effect"] == 1
    assert row["p_adjusted"] == pytest.approx(2 / 256)
    assert row["verdict"].startswith("'y' is higher than 'x': +0.01")
    assert "n = 8 pairs" in row["verdict"]
    assert "n = 8 pairs, p = .008, paired superiority 1.00" in row["verdict"]  # one comparison: nothing to correct
    rows = compare(make_table(8, {"x": 0, "y": 0.013, "z": 0.026}), treatment="kind", block="seed", score="score")
    assert rows["verdict"].str.contains("Holm p = .023").all()


def test_pairing_finds_what_independent_groups_hide():
    table = make_table(8, {"x": 0, "y": 0.013})
    paired = compare(table, treatment="kind", block="seed", score="score").iloc[0]
    unpaired = compare(table, treatment="kind", score="score").iloc[0]
    assert unpaired["test"] == "mann_whitney"
    assert paired["p"] < 0.05 < unpaired["p"]


def test_five_pairs_cannot_decide_three_comparisons():
    rows = compare(make_table(5, {"x": 0, "y": 0.2, "z": 0.4}), treatment="kind", block="seed", score="score")
    assert rows["p"].tolist() == pytest.approx([0.0625] * 3)
    assert (rows["needed_n"] == 7).all()
    expected = "cannot be decided with n = 5 pairs: the smallest possible p after Holm over 3 comparisons is .19"
    assert rows["verdict"].str.contains(expected, regex=False).all()
    assert rows["verdict"].str.contains("needs n >= 7", regex=False).all()


def test_enough_pairs_can_decide_three_comparisons():
    rows = compare(make_table(7, {"x": 0, "y": 0.2, "z": 0.4}), treatment="kind", block="seed", score="score")
    assert (rows["p_adjusted"] < 0.05).all()


def test_equal_scores_show_no_difference_and_no_error():
    table = pd.DataFrame({"seed": [*range(8)] * 2, "kind": ["x"] * 8 + ["y"] * 8, "score": 0.5})
    row = compare(table, treatment="kind", block="seed", score="score").iloc[0]
    assert (row["p"], row["difference"], row["effect"]) == (1, 0, 0)
    assert row["verdict"].startswith("no difference shown")


def test_incomplete_blocks_are_named_not_filled():
    table = make_table(7, {"x": 0, "y": 0.1})
    table.loc[(table["seed"] == 3) & (table["kind"] == "y"), "score"] = np.nan
    row = compare(table, treatment="kind", block="seed", score="score").iloc[0]
    assert row["n"] == 6
    assert row["incomplete"] == "seed=3 (lacks y)"


def test_repeats_are_averaged_and_counted():
    table = pd.concat([make_table(6, {"x": 0, "y": 0.1}), pd.DataFrame([{"seed": 0, "kind": "y", "score": 9.0}])])
    row = compare(table, treatment="kind", block=["seed"], score="score").iloc[0]
    assert (row["n"], row["repeats"]) == (6, 1)


def test_nothing_shared_is_a_row_without_a_test():
    table = pd.DataFrame({"seed": [0, 1], "kind": ["x", "y"], "score": [0.1, 0.2]})
    row = compare(table, treatment="kind", block="seed", score="score").iloc[0]
    assert row["n"] == 0
    assert np.isnan([row["p"], row["p_adjusted"], row["difference"]]).all()
    assert "nothing to compare" in row["verdict"]


def test_what_could_not_be_tested_does_not_enlarge_the_family():
    table = pd.concat([make_table(6, {"x": 0, "y": 0.1}), pd.DataFrame([{"seed": 99, "kind": "z", "score": 0.5}])])
    rows = compare(table, treatment="kind", block="seed", score="score")
    assert rows["family_size"].tolist() == [1, 1, 1]
    assert rows["p"].notna().tolist() == [True, False, False]


def test_one_level_is_no_comparison():
    assert len(compare(make_table(3, {"x": 0}), treatment="kind", block="seed", score="score")) == 0


@pytest.mark.parametrize("test", ["paired_t", "signed_rank"])
def test_one_pair_is_never_a_finding(test):
    row = compare(make_table(1, {"x": 0, "y": 1}), treatment="kind", block="seed", score="score", test=test).iloc[0]
    assert not row["p"] < 0.05
    assert "nothing to compare" in row["verdict"] or "cannot be decided" in row["verdict"]


def test_numbers_and_booleans_as_levels():
    table = make_table(6, {"x": 0, "y": 0.1}).assign(
        flag=lambda t: t["kind"] == "y", size=lambda t: (t["kind"] == "y") + 1.5
    )
    for treatment, text in (("flag", "True is higher than False"), ("size", "2.5 is higher than 1.5")):
        assert compare(table, treatment=treatment, block="seed", score="score")["verdict"].iloc[0].startswith(text)


def test_published_name_of_the_normal_approximation_stays():
    row = compare(make_table(5, {"x": 0, "y": 1}), treatment="kind", score="score", test="rank_sum").iloc[0]
    assert row["p"] == pytest.approx(0.00902, abs=1e-5)  # scipy.stats.ranksums of five clearly higher values
    assert row["floor"] == pytest.approx(row["p"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test": "wilcoxon"}, "test must be one of .*signed_rank"),
        ({"correction": "bonferroni"}, "correction must be one of"),
        ({"score": "miou"}, "lacks .'miou'"),
        ({"test": "signed_rank", "block": None}, "no block was given"),
        ({"test": "mann_whitney"}, "ignores blocks"),
    ],
)
def test_wrong_arguments_say_what_must_hold(arguments, message):
    given = {"treatment": "kind", "block": "seed", "score": "score"} | arguments
    with pytest.raises(ValueError, match=message):
        compare(make_table(3, {"x": 0, "y": 1}), **given)


def test_identical_configurations_are_rarely_told_apart():
    """A planted null: four identical levels, eight blocks, 100 studies; at most 5 % (+ 3 standard errors) find one."""
    found = 0
    for seed in range(100):
        rows = compare(
            make_table(8, dict.fromkeys("wxyz", 0.0), 0.0054, seed), treatment="kind", block="seed", score="score"
        )
        found += bool((rows["p_adjusted"] <= 0.05).any())
    assert found <= 11


def test_against_one_level_is_a_smaller_family():
    table = make_table(7, {"w": 0.3, "x": 0, "y": 0.1, "z": 0.2})
    rows = compare(table, treatment="kind", block="seed", score="score", against="x")
    assert rows[["a", "b"]].to_numpy().tolist() == [["x", "w"], ["x", "y"], ["x", "z"]]
    assert (rows["family_size"] == 3).all()
    assert (rows["p_adjusted"] < 0.05).all()
    every = compare(table, treatment="kind", block="seed", score="score")
    assert (every["p_adjusted"] > 0.05).all()  # six comparisons cannot be decided by seven pairs
    swapped = every[(every["a"] == "w") & (every["b"] == "x")].iloc[0]
    assert rows["difference"].iloc[0] == -swapped["difference"]
    assert rows["superiority"].tolist() == [1, 1, 1]


def test_an_unknown_level_names_the_known_ones():
    with pytest.raises(ValueError, match=r"against must be one of the levels \['x', 'y'\], but got 'default'"):
        compare(make_table(3, {"x": 0, "y": 1}), treatment="kind", block="seed", score="score", against="default")


def test_a_copied_row_is_no_further_block():
    table = make_table(6, {"x": 0, "y": 0.1})
    once, twice = (
        compare(rows, treatment="kind", block="seed", score="score").iloc[0] for rows in (table, pd.concat([table] * 2))
    )
    assert (twice["n"], twice["p"], twice["repeats"]) == (once["n"], once["p"], 12)


@pytest.mark.parametrize("scores", [[np.nan] * 4, []])
def test_no_score_at_all_is_no_comparison(scores):
    table = pd.DataFrame({"seed": range(len(scores)), "kind": ["x", "y"] * (len(scores) // 2), "score": scores})
    rows = compare(table, treatment="kind", block="seed", score="score")
    assert len(rows) == 0
    assert list(rows) == COLUMNS
