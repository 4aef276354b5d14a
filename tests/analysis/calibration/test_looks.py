"""The calibration of looks in small: what was claimed stays claimed, and the level holds over all reports."""

import numpy as np
import pytest

from analysis.calibration import looks
from analysis.calibration.looks import PLANS, adjusted_by_report, false_claim, pairs_of, power
from analysis.statistics.family_power import adjusted_p


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("against_one", [True, False])
def test_what_one_report_claims_every_later_one_claims(plan, against_one):
    blocks, at_most = PLANS[plan]
    scores = np.random.default_rng(1).normal([0, 1, 1.5, 1.5], 1, (300, blocks[-1], 4))
    claims = adjusted_by_report(scores, pairs_of(4, against_one=against_one), blocks, at_most) <= 0.05
    assert claims[-1].any()
    assert not claims[-1].all()
    assert (np.diff(claims.astype(int), axis=0) >= 0).all()


def test_the_first_report_is_the_plain_closed_test():
    scores, pairs = np.random.default_rng(2).normal([0, 0, 1], 1, (50, 6, 3)), pairs_of(3, against_one=False)
    assert adjusted_by_report(scores, pairs, (6,), None)[0] == pytest.approx(adjusted_p(scores, pairs, "closed"))


@pytest.mark.parametrize("plan", PLANS)
def test_no_plan_claims_too_much(plan):
    blocks, at_most = PLANS[plan]
    scores = np.random.default_rng(3).standard_t(3, (2000, blocks[-1], 3))
    for pairs in (pairs_of(3, against_one=True), pairs_of(3, against_one=False)):
        hits = false_claim(scores, pairs, np.zeros(3), blocks, at_most)
        assert hits.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_reports_at_the_full_level_would_claim_too_much():
    """Without spending, four looks at two equal configurations claim far more than 5 %: the checks can fail."""
    scores = np.random.default_rng(4).standard_normal((2000, 12, 2))
    pairs = pairs_of(2, against_one=False)
    plain = np.array([adjusted_by_report(scores, pairs, (n,), None)[0, 0] for n in (6, 8, 10, 12)])
    assert (plain <= 0.05).any(axis=0).mean() > 0.07


def test_a_declared_plan_loses_little_power():
    blocks, at_most = PLANS["at most 12 declared, looks at 6, 8, 10, 12"]
    scores = np.random.default_rng(5).normal([0, 1.2], 1, (1000, 12, 2))
    pairs = pairs_of(2, against_one=False)
    over_looks, alone = power(scores, pairs, blocks, at_most)[-1], power(scores, pairs, (12,), None)[0]
    assert alone - 0.1 < over_looks < alone


def test_the_table_of_power_is_printed(capsys):
    assert looks.main(["--simulations", "50"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 3 * len(PLANS)
