"""Friedman, Iman-Davenport, Nemenyi and the bars of the diagram: against scipy, scikit-posthocs and by hand."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from analysis.statistics.friedman import average_ranks, cliques, friedman, nemenyi

ASKED = {"treatment": "kind", "block": "seed", "score": "score"}


def tidy(scores: np.ndarray, levels: str = "abcdefghij") -> pd.DataFrame:
    """Scores (blocks × levels) as a row per trial."""
    return pd.DataFrame(
        [{"seed": i, "kind": levels[j], "score": value} for i, row in enumerate(scores) for j, value in enumerate(row)]
    )


def drawn(n: int, k: int, seed: int, ties: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (n, k)).astype(float) if ties else rng.normal(np.linspace(0, 1, k), 1, (n, k))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "k"), [(4, 3), (8, 5), (20, 10)])
def test_statistic_is_scipys_with_ties(n, k, ties):
    scores = drawn(n, k, n + k, ties)
    row, expected = friedman(tidy(scores), **ASKED).iloc[0], stats.friedmanchisquare(*scores.T)
    assert (row["statistic"], row["p_chi2"]) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert (row["n"], row["k"]) == (n, k)
    assert row["kendall_w"] == pytest.approx(expected.statistic / (n * (k - 1)))


@pytest.mark.parametrize("ties", [False, True])
def test_iman_davenport_is_the_analysis_of_variance_of_the_ranks(ties):
    """F of the levels in a two-way layout of ranks, blocks taken out (Iman & Davenport 1980)."""
    scores = drawn(7, 4, 2, ties)
    ranked = tidy(stats.rankdata(-scores, axis=1))
    fitted = ols("score ~ C(kind) + C(seed)", ranked).fit()
    expected = anova_lm(fitted, typ=2).loc["C(kind)"]
    row = friedman(tidy(scores), **ASKED).iloc[0]
    assert (row["f"], row["p"]) == (pytest.approx(expected["F"]), pytest.approx(expected["PR(>F)"]))


def test_iman_davenport_by_demsars_numbers():
    """Demšar (JMLR 2006), section 3.2.3: chi² = 9.28 from 14 data sets and 4 classifiers gives F = 3.69."""
    row = friedman(tidy(drawn(14, 4, 6)), **ASKED).iloc[0]
    f = lambda chi2: 13 * chi2 / (14 * 3 - chi2)  # noqa: E731
    assert f(9.28) == pytest.approx(3.69, abs=0.005)
    assert row["f"] == pytest.approx(f(row["statistic"]))


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (4, 2.569), (10, 3.164)])
def test_critical_difference_by_demsars_table(k, q):
    """Demšar, table 5(a): critical values of the two-tailed Nemenyi test at .05."""
    ranks = average_ranks(tidy(drawn(14, k, 0)), **ASKED)
    assert ranks["critical_difference"].iloc[0] == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 14)), abs=1e-3)
    assert ranks["mean_rank"].sum() == pytest.approx(k * (k + 1) / 2)
    assert ranks["mean_rank"].is_monotonic_increasing


def test_where_less_is_better_the_lowest_has_rank_1():
    table = tidy(drawn(9, 4, 0))
    highest, lowest = average_ranks(table, **ASKED), average_ranks(table, **ASKED, minimize=True)
    assert lowest.set_index("level")["mean_rank"].to_dict() == pytest.approx(
        (5 - highest.set_index("level")["mean_rank"]).to_dict()
    )
    assert lowest["mean_rank"].is_monotonic_increasing


def test_nemenyi_is_scikit_posthocs():
    scores = drawn(9, 5, 3)
    expected = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    rows = nemenyi(tidy(scores), **ASKED)
    assert len(rows) == 10
    for row in rows.itertuples():
        assert row.p == pytest.approx(expected["abcde".index(row.a), "abcde".index(row.b)], abs=1e-6)


def test_a_positive_difference_of_ranks_is_for_b():
    row = nemenyi(tidy(np.array([[0.1, 0.2, 0.3]] * 4)), **ASKED).iloc[0]
    assert (row["a"], row["b"], row["difference"]) == ("a", "b", 1.0)


def test_p_is_below_alpha_exactly_beyond_the_critical_difference():
    table = tidy(drawn(12, 6, 8))
    critical = average_ranks(table, **ASKED)["critical_difference"].iloc[0]
    rows = nemenyi(table, **ASKED)
    assert 0 < (rows["p"] < 0.05).sum() < len(rows)
    assert ((rows["p"] < 0.05) == (rows["difference"].abs() > critical)).all()


def exact_p(n: int, k: int) -> float:
    """The chance that n blocks of k levels all rank alike, by counting every arrangement."""
    orders = list(permutations(range(k)))
    return np.mean([len(set(arrangement)) == 1 for arrangement in product(orders, repeat=n)])


@pytest.mark.parametrize(("n", "k"), [(2, 3), (3, 3), (2, 4)])
def test_blocks_that_all_agree_have_the_exact_p_not_zero(n, k):
    row = friedman(tidy(np.tile(np.arange(float(k)), (n, 1))), **ASKED).iloc[0]
    assert row["kendall_w"] == pytest.approx(1)
    assert row["p"] == pytest.approx(exact_p(n, k))


def test_two_blocks_of_three_levels_cannot_decide():
    row = friedman(tidy(np.array([[1.0, 2, 3]] * 2)), **ASKED).iloc[0]
    assert row["verdict"].startswith(
        "cannot be decided with n = 2 blocks of 3 levels: the smallest possible p is .1667"
    )


def test_incomplete_blocks_are_named_and_left_out():
    table = tidy(drawn(6, 3, 1))
    lacking = table[~((table["seed"] == 2) & (table["kind"] == "b"))]
    row = friedman(lacking, **ASKED).iloc[0]
    assert (row["n"], row["incomplete"]) == (5, "seed=2 (lacks b)")
    assert row["statistic"] == friedman(table[table["seed"] != 2], **ASKED)["statistic"].iloc[0]


def test_a_score_of_nan_is_an_incomplete_block():
    table = tidy(drawn(6, 3, 1))
    table.loc[4, "score"] = np.nan
    assert friedman(table, **ASKED)["incomplete"].iloc[0] == "seed=1 (lacks b)"


@pytest.mark.parametrize(
    ("scores", "levels", "result"),
    [
        (np.empty((0, 3)), 0, "has 0 levels and 0 complete blocks"),
        (np.array([[1.0, 2, 3]]), 3, "has 3 levels and 1 complete block"),
        (drawn(8, 2, 0), 2, "has 2 levels and 8 complete blocks"),
    ],
)
def test_never_a_test_on_nothing(scores, levels, result):
    table = tidy(scores) if len(scores) else pd.DataFrame({"seed": [], "kind": [], "score": []})
    row = friedman(table, **ASKED).iloc[0]
    assert np.isnan([row["statistic"], row["p"], row["kendall_w"]]).all()
    assert result in row["verdict"]
    assert average_ranks(table, **ASKED)["critical_difference"].isna().all()
    assert len(average_ranks(table, **ASKED)) == levels
    assert nemenyi(table, **ASKED)["p"].isna().all()


def test_equal_scores_do_not_differ():
    row = friedman(tidy(np.full((6, 4), 0.5)), **ASKED).iloc[0]
    assert (row["statistic"], row["p"], row["kendall_w"]) == (0, 1, 0)
    assert row["verdict"].startswith("no difference shown among 4 levels")


def test_clear_differences_are_said():
    row = friedman(tidy(np.tile([0.1, 0.2, 0.3], (8, 1)) + drawn(8, 3, 1) * 0.01), **ASKED).iloc[0]
    assert row["verdict"].startswith("not all of 3 levels are equal: Iman-Davenport F")


def test_bars_join_what_cannot_be_told_apart():
    ranks = pd.DataFrame({"level": list("abcde"), "mean_rank": [1.0, 1.5, 2.2, 4.0, 4.5], "critical_difference": 1.0})
    assert cliques(ranks) == [("a", "b"), ("b", "c"), ("d", "e")]
    assert cliques(ranks.assign(critical_difference=10.0)) == [tuple("abcde")]
    assert cliques(ranks.assign(critical_difference=np.nan)) == []
    assert cliques(ranks.iloc[:0]) == []


def test_ranks_need_blocks():
    with pytest.raises(ValueError, match="no block was given"):
        friedman(tidy(drawn(3, 3, 0)), treatment="kind", block=(), score="score")
