"""The second opinion: against statsmodels' least squares, scipy's Dunnett, printed tables, and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from analysis.statistics.linear_model import EQUAL, RANKS, UNEQUAL, chosen_form, linear_model
from analysis.statistics.residual_check import ResidualCheck, residual_check
from analysis.statistics.simultaneous import largest_t, of_all_pairs, sidak_p
from tests.analysis.statistics.test_closed import LOSSES
from tests.analysis.statistics.test_friedman import ASKED, tidy


def drawn(n: int = 6, k: int = 4, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return tidy(rng.normal(np.linspace(0, 2, k), 1, (n, k)) + rng.normal(0, 3, (n, 1)))


@pytest.mark.parametrize("missing", [[], [2, 9, 15]])
@pytest.mark.parametrize("against", [None, "a"])
def test_differences_errors_and_freedom_are_those_of_least_squares(missing, against):
    table = drawn().drop(index=missing)
    fitted = ols("score ~ C(kind) + C(seed)", table).fit()
    rows = linear_model(table, **ASKED, against=against, form=EQUAL)
    for row in rows.itertuples():
        weights = [(1 if f"[T.{row.b}]" in n else -1 if f"[T.{row.a}]" in n else 0) for n in fitted.params.index]
        expected = fitted.t_test(weights)
        assert (row.difference, row.t) == (pytest.approx(expected.effect[0]), pytest.approx(expected.tvalue.item()))
        assert row.freedom == fitted.df_resid
    assert rows["p_adjusted"].between(0, 1).all()


def test_tukeys_p_and_interval_by_hand():
    """Three levels, four blocks: the studentized range of 3 means has 4.34 as its 5 % point at 6 degrees of freedom."""
    scores = np.array([[1.0, 2, 4], [2, 4, 5], [3, 4, 7], [4, 6, 8]])
    rows = linear_model(tidy(scores), **ASKED, form=EQUAL)
    residuals = scores - scores.mean(0) - scores.mean(1)[:, None] + scores.mean()
    error = np.sqrt((residuals**2).sum() / 6 / 4)
    row = rows.iloc[1]
    assert (row["difference"], row["freedom"]) == (3.5, 6)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(4.339 * error, rel=0.01)
    assert row["p_adjusted"] == pytest.approx(stats.studentized_range.sf(3.5 / error, 3, 6), abs=2e-3)


@pytest.mark.parametrize(("levels", "freedom", "q"), [(3, 10, 3.877), (4, 12, 4.199), (5, 20, 4.232), (10, 30, 4.824)])
def test_tukeys_critical_values_are_those_of_printed_tables(levels, freedom, q):
    family = of_all_pairs(levels, freedom)
    assert family.critical(0.05) * np.sqrt(2) == pytest.approx(q, abs=0.03)
    for t in (1, 2, 3):
        assert family.p(t) == pytest.approx(stats.studentized_range.sf(t * np.sqrt(2), levels, freedom), abs=0.005)


@pytest.mark.parametrize(("treatments", "critical"), [(1, 2.23), (2, 2.57), (3, 2.76), (5, 2.99), (9, 3.24)])
def test_dunnetts_critical_values_are_those_of_his_table(treatments, critical):
    """Dunnett (1964), two-sided 5 % at 10 degrees of freedom: correlation one half."""
    covariance = np.eye(treatments) + 1
    assert largest_t(covariance, 10).critical(0.05) == pytest.approx(critical, abs=0.02)


def test_dunnetts_p_is_scipys():
    rng = np.random.default_rng(2)
    control, *others = (rng.normal(gain, 1, n) for gain, n in ((0, 8), (1, 6), (0.5, 7), (1.5, 5)))
    expected = stats.dunnett(*others, control=control, random_state=0)
    covariance = np.diag([1 / len(each) for each in others]) + 1 / len(control)
    family = largest_t(covariance, 8 + 6 + 7 + 5 - 4)
    assert [family.p(t) for t in expected.statistic] == pytest.approx(expected.pvalue, abs=0.006)


def test_against_one_level_needs_less_than_all_pairs():
    table = drawn()
    every = linear_model(table, **ASKED, form=EQUAL).query("a == 'a'")["p_adjusted"].to_numpy()
    one = linear_model(table, **ASKED, form=EQUAL, against="a")
    assert (one["p_adjusted"].to_numpy() < every)[:2].all()  # the third is the smallest that the draws can give
    assert (one["method"] == "Dunnett").all()
    assert (one["high"] > one["low"]).all()


def test_unequal_spread_uses_the_differences_of_each_pair():
    table = drawn(8, 3)
    wide = table.pivot(index="seed", columns="kind", values="score")
    rows = linear_model(table, **ASKED, form=UNEQUAL)
    expected = stats.ttest_rel(wide["c"], wide["b"])
    row = rows.iloc[2]
    assert (row["t"], row["freedom"]) == (pytest.approx(expected.statistic), 7)
    assert row["p_adjusted"] == pytest.approx(of_all_pairs(3, 7).p(expected.statistic))
    one = linear_model(table, **ASKED, form=UNEQUAL, against="b").iloc[1]
    assert one["p_adjusted"] == pytest.approx(1 - (1 - expected.pvalue) ** 2)
    assert sidak_p(0.01, 3) == pytest.approx(1 - 0.99**3)


def test_ranks_have_no_interval_and_no_outliers():
    table = drawn(8, 3)
    wild = table.assign(score=table["score"].where(table.index != 4, 1e6))
    rows = linear_model(wild, **ASKED, form=RANKS)
    assert rows["low"].isna().all()
    assert rows["t"].abs().max() < 10
    assert rows["verdict"].str.startswith("by the ranks of a linear model").all()


@pytest.mark.parametrize(
    ("normal", "spread", "form"),
    [
        (0.5, 0.5, EQUAL),
        (0.5, 0.01, UNEQUAL),
        (0.01, 0.5, RANKS),
        (0.01, 0.01, UNEQUAL),
        (0.02, 0.02, EQUAL),
        (np.nan, np.nan, EQUAL),
    ],
)
def test_the_form_follows_from_the_residuals(normal, spread, form):
    assert chosen_form(ResidualCheck(6, 3, normal, spread, 0.5, 0.5)) == form


def test_the_loss_study_is_clear_and_spread_unequally():
    rows = linear_model(tidy(np.column_stack(list(LOSSES.values())), list(LOSSES)), **ASKED)
    assert (rows["p_adjusted"] < 0.001).all()
    assert (rows["form"] == UNEQUAL).all()
    assert rows["verdict"][1].startswith(
        "assuming normal differences, 'dice' is higher than 'ce': +0.050 (simultaneous"
    )
    assert rows["check"][0].startswith("normal errors cannot be checked with n = 6 blocks (exponential errors would be")
    assert "the residuals speak against equal spread" in rows["check"][0]


def test_enough_blocks_notice_what_few_cannot():
    rng = np.random.default_rng(0)
    few, many = (residual_check(rng.exponential(size=(n, 4))) for n in (5, 40))
    assert few.notices_skew < 0.5 < 0.95 < many.notices_skew
    assert many.p_normal < 0.01
    assert "cannot be checked with n = 5 blocks" in few.sentence
    assert "speak against normal errors" in many.sentence


def test_the_check_keeps_its_level_on_normal_errors():
    """Residuals are correlated: their statistics are held against residuals, not against independent errors."""
    rng = np.random.default_rng(1)
    checks = [residual_check(rng.normal(size=(6, 3))) for _ in range(600)]
    for name in ("p_normal", "p_spread"):
        rate = np.mean([getattr(check, name) <= 0.05 for check in checks])
        assert rate == pytest.approx(0.05, abs=0.03)  # three standard errors


def test_what_nothing_connects_is_not_compared():
    table = pd.concat(
        [drawn(3, 2), drawn(3, 2).replace({"kind": {"a": "c", "b": "d"}}).assign(seed=lambda t: t["seed"] + 3)]
    )
    rows = linear_model(table, **ASKED, form=EQUAL).set_index(["a", "b"])
    assert np.isnan(rows.loc[("a", "c"), "p_adjusted"])
    assert rows.loc[("a", "c"), "verdict"] == (
        "assuming normal errors, nothing can be said of 'c' and 'a': too few blocks connect them"
    )
    assert rows.loc[("a", "b"), "p_adjusted"] < 1


def test_equal_scores_do_not_differ_and_equal_gains_have_no_p():
    rows = linear_model(tidy(np.full((6, 3), 0.4)), **ASKED)
    assert (rows["p_adjusted"] == 1).all()
    assert rows["check"][0] == "normal errors cannot be checked with 6 complete blocks of 3 levels"
    rows = linear_model(tidy(np.array([[0.1, 0.2, 0.4]] * 5)), **ASKED)
    assert (rows["p_adjusted"] == 1e-5).all()  # the smallest that the draws can give
    assert np.isinf(rows["t"]).all()


def test_one_block_leaves_nothing_to_measure_the_spread_by():
    rows = linear_model(tidy(np.array([[0.1, 0.2, 0.4]])), **ASKED)
    assert rows["p_adjusted"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block": None}, "no block was given"),
        ({"form": "robust"}, "form must be one of"),
        ({"alpha": 2}, "alpha must lie"),
        ({"against": "z"}, "against must be one of the levels"),
    ],
)
def test_wrong_arguments_say_what_must_hold(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_model(drawn(), **ASKED | arguments)
