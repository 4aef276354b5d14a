"""Holm and Benjamini-Hochberg, by hand and against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.statistics.corrections import bh, correct, holm


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])


def test_bh_by_hand():
    np.testing.assert_allclose(bh([0.01, 0.04, 0.03]), [0.03, 0.04, 0.04])


@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (bh, "fdr_bh")])
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_against_statsmodels(ours, theirs, size):
    p = np.random.default_rng(size).beta(0.5, 2, size)
    np.testing.assert_allclose(ours(p), multipletests(p, method=theirs)[1])


@pytest.mark.parametrize("correction", ["holm", "bh", None])
def test_what_was_not_tested_does_not_count(correction):
    with_gap, without = correct([0.01, np.nan, 0.04], correction), correct([0.01, 0.04], correction)
    np.testing.assert_allclose(with_gap, [without[0], np.nan, without[1]])
    assert np.isnan(correct([np.nan], correction)).all()
    assert len(correct([], correction)) == 0


def test_an_unknown_correction_names_the_known_ones():
    with pytest.raises(ValueError, match=r"holm.*bh.*'bonferoni'"):
        correct([0.1], "bonferoni")


def test_closed_testing_needs_more_than_p():
    with pytest.raises(ValueError, match=r"closed testing needs the scores .* got 2 p alone: .*holm"):
        correct([0.1, 0.2], "closed")
