"""The table of comparisons: pairs, corrections, floors, sentences."""

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.statistics.compare import COLUMNS

ASKED = {"treatment": "kind", "block": "seed", "score": "score"}


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
    assert rows["verdict"].str.contains("closed-testing p = .008").all()
    holm = compare(make_table(8, {"x": 0, "y": 0.013, "z": 0.026}), **ASKED, correction="holm")
    assert holm["verdict"].str.contains("Holm p = .023").all()


def test_pairing_finds_what_independent_groups_hide():
    table = make_table(8, {"x": 0, "y": 0.013})
    paired = compare(table, treatment="kind", block="seed", score="score").iloc[0]
    unpaired = compare(table, treatment="kind", score="score").iloc[0]
    assert unpaired["test"] == "mann_whitney"
    assert paired["p"] < 0.05 < unpaired["p"]


@pytest.mark.parametrize(
    ("correction", "smallest", "needed"),
    [("closed", "closed testing over 3 comparisons is .0625", 6), ("holm", "Holm over 3 comparisons is .1875", 7)],
)
def test_five_pairs_cannot_decide_three_comparisons(correction, smallest, needed):
    rows = compare(make_table(5, {"x": 0, "y": 0.2, "z": 0.4}), **ASKED, correction=correction)
    assert rows["p"].tolist() == pytest.approx([0.0625] * 3)
    assert (rows["needed_n"] == needed).all()
    expected = f"cannot be decided with n = 5 pairs: the smallest possible p after {smallest}"
    assert rows["verdict"].str.contains(expected, regex=False).all()
    assert rows["verdict"].str.contains(f"needs n >= {needed}", regex=False).all()


@pytest.mark.parametrize(("correction", "blocks"), [("closed", 6), ("holm", 7)])
def test_enough_pairs_can_decide_three_comparisons(correction, blocks):
    rows = compare(make_table(blocks, {"x": 0, "y": 0.2, "z": 0.4}), **ASKED, correction=correction)
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
        ({"alpha": 0}, "alpha must lie between 0 and 1, but got 0"),
        ({"alpha": 5}, "alpha must lie between 0 and 1"),
    ],
)
def test_wrong_arguments_say_what_must_hold(arguments, message):
    given = {"treatment": "kind", "block": "seed", "score": "score"} | arguments
    with pytest.raises(ValueError, match=message):
        compare(make_table(3, {"x": 0, "y": 1}), **given)


def test_identical_configurations_are_rarely_told_apart():
    """A planted null: four identical levels, eight blocks, 100 studies; at most 5 % (+ 3 standard errors) find one."""
    result = 0
    for seed in range(100):
        rows = compare(
            make_table(8, dict.fromkeys("wxyz", 0.0), 0.0054, seed), treatment="kind", block="seed", score="score"
        )
        result += bool((rows["p_adjusted"] <= 0.05).any())
    assert result <= 11


def test_against_one_level_is_a_smaller_family():
    table = make_table(7, {"w": 0.3, "x": 0, "y": 0.1, "z": 0.2})
    rows = compare(table, treatment="kind", block="seed", score="score", against="x")
    assert rows[["a", "b"]].to_numpy().tolist() == [["x", "w"], ["x", "y"], ["x", "z"]]
    assert (rows["family_size"] == 3).all()
    assert (rows["p_adjusted"] < 0.05).all()
    every = compare(table, **ASKED, correction="holm")
    assert (every["p_adjusted"] > 0.05).all()  # after Holm six comparisons cannot be decided by seven pairs
    assert (compare(table, **ASKED, correction="holm", against="x")["p_adjusted"] < 0.05).all()
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


def paired(gains) -> pd.DataFrame:
    n = len(gains)
    return pd.DataFrame({"seed": [*range(n)] * 2, "kind": ["x"] * n + ["y"] * n, "score": [0.0] * n + list(gains)})


@pytest.mark.parametrize(("sign", "way"), [(1, "higher"), (-1, "lower")])
def test_the_direction_is_that_of_the_ranks_not_of_a_difference_of_zero(sign, way):
    """Fifteen ties and six gains: p = 2 / 2^6, and most averages of two differences are 0."""
    table = paired([0.0] * 15 + list(sign * np.linspace(0.1, 0.4, 6)))
    row = compare(table, **ASKED).iloc[0]
    assert (row["p"], row["difference"]) == (2 / 2**6, 0)
    assert row["verdict"].startswith(f"'y' is {way} than 'x' by ranks (matched-pairs rank-biserial ")
    assert "but the Hodges-Lehmann difference is +0.000 (95 % interval" in row["verdict"]


def test_the_direction_of_students_t_is_that_of_its_mean():
    table = paired([0.001, 0.002, 0.001, *-np.linspace(0.9, 1.0, 9)])
    row = compare(table, **ASKED, test="paired_t").iloc[0]
    assert row["verdict"].startswith("'y' is lower than 'x': −0.7")


def test_small_differences_keep_their_digits():
    row = compare(paired(np.linspace(-5e-5, -4e-5, 8)), **ASKED).iloc[0]
    assert row["verdict"].startswith("'y' is lower than 'x': −0.000045 (95 % interval −0.000049 to −0.000041")


def test_levels_that_print_alike_get_more_digits():
    table = paired(np.linspace(0.1, 0.2, 6)).replace({"x": 0.00010001, "y": 0.00010002})
    assert compare(table, **ASKED)["verdict"][0].startswith("0.00010002 is higher than 0.00010001: +0.150")


def test_each_comparison_needs_what_it_lacks():
    """Three levels of 20, 20 and 5 blocks: raised to 6 pairs, the smallest floor after Holm (1 ×) is .031."""
    table = make_table(20, {"x": 0, "y": 0.2, "z": 0.4})
    table = table[(table["kind"] != "z") | (table["seed"] < 5)]
    rows = compare(table, **ASKED, against="x", correction="holm").set_index("b")
    assert rows["needed_n"].tolist() == [7, 6]
    assert compare(table, **ASKED, against="x")["needed_n"].tolist() == [6, 6]  # closed: the floor of one comparison
    assert "needs n >= 6 pairs (seen" in rows.loc["z", "verdict"]
    unpaired = pd.DataFrame({"kind": ["x"] * 30 + ["y"], "score": np.arange(31.0)})
    row = compare(unpaired, treatment="kind", score="score").iloc[0]
    assert "needs n >= 2 trials per level" in row["verdict"]  # 2 / (32 choose 2) = .004


def test_what_is_in_the_way_may_be_the_rest_of_the_family():
    """Six pairs reach .031; beside three floors of .0625 Benjamini-Hochberg leaves .0625."""
    table = make_table(6, {"w": 0, "x": 0.1, "y": 0.2, "z": 0.3})
    table = table[table["kind"].isin(["w", "x"]) | (table["seed"] < 5)]
    row = compare(table, **ASKED, correction="bh", against="w").iloc[0]
    assert row["n"] == row["needed_n"] == 6
    assert "needs n >= 6 pairs in each of the 3 comparisons" in row["verdict"]


@pytest.mark.parametrize("test", ["mann_whitney", "rank_sum"])
def test_independent_groups_ignore_blocks_and_say_so(test):
    table = make_table(8, {"x": 0, "y": 0.1}).iloc[:-1].assign(fold=0)
    row = compare(table, **ASKED | {"block": ["seed", "fold"]}, test=test).iloc[0]
    alone = compare(table, treatment="kind", score="score", test=test).iloc[0]
    assert (row["n_a"], row["n_b"], row["p"]) == (8, 7, alone["p"])
    assert row["verdict"] == alone["verdict"] + "; blocks ignored: seed, fold"


def test_rows_without_a_seed_are_in_no_block():
    table = make_table(8, {"x": 0, "y": 0.1, "z": 0.2}).astype({"seed": float})
    table.loc[(table["seed"] > 5) & (table["kind"] != "z"), "seed"] = np.nan
    row = compare(table, **ASKED).iloc[0]
    assert (row["n"], row["incomplete"]) == (6, "4 rows without seed")
    nowhere = compare(table.assign(seed=np.nan), **ASKED).iloc[0]
    assert (nowhere["n"], nowhere["incomplete"]) == (0, "16 rows without seed")


@pytest.mark.parametrize(
    ("kept", "against", "sentence"),
    [
        ("x", None, "nothing to compare: of 'kind', only 'x' has scores"),
        ("", None, "nothing to compare: of 'kind', no level has a score"),
        ("xy", "z", "nothing to compare: 'z', which the others of 'kind' are compared with, has no score"),
    ],
)
def test_no_row_is_explained(kept, against, sentence):
    table = make_table(3, {"x": 0, "y": 1, "z": 2})
    table["score"] = table["score"].where(table["kind"].isin(list(kept)))
    rows = compare(table, **ASKED, against=against)
    assert len(rows) == 0
    assert rows.attrs["verdict"] == sentence


def test_differences_without_spread_have_an_infinite_t_and_no_warning(recwarn):
    row = compare(paired([0.1, 0.2, 0.3]).assign(score=[0.1, 0.2, 0.3, 0.2, 0.3, 0.4]), **ASKED, test="paired_t").iloc[
        0
    ]
    assert (row["statistic"], row["p"]) == (np.inf, 0)
    assert row["low"] == row["high"] == pytest.approx(0.1)
    assert not recwarn.list


def test_students_t_names_what_it_needs():
    row = compare(paired([0.1]), **ASKED, test="paired_t").iloc[0]
    assert row["verdict"] == "nothing to compare 'y' and 'x' by: only 1 pair of them, and the test needs 2"
