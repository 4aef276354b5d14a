"""What failed, and under which level."""

import numpy as np
import pytest
from scipy import stats

from analysis.study.failures import counts, failures_by_level
from tests.analysis.study.synthetic import tables_of

PARAMETERS = ("kind", "lr")


def study(bad: int, good: int, bad_fail: int, good_fail: int):
    """*bad_fail* of *bad* trials of kind big fail, *good_fail* of *good* of kind small."""
    rows = []
    for kind, count, failing in (("big", bad, bad_fail), ("small", good, good_fail)):
        for i in range(count):
            failed = {"status": "failed", "error_type": "OutOfMemoryError"}
            rows.append({"kind": kind, "lr": 0.01, "objective": 0.5} | (failed if i < failing else {}))
    return tables_of(rows, PARAMETERS)


def test_the_level_that_fails_is_named_with_fishers_p():
    check = failures_by_level(study(20, 20, 12, 1))
    p = 2 * stats.fisher_exact([[12, 8], [1, 19]]).pvalue  # Holm over two levels
    assert check.value == pytest.approx(0.6)
    assert check.n == 20
    assert "kind=big: 12 of 20 (60 %" in check.sentence
    assert p < 0.001
    assert "p < .001 after Holm over 2 levels" in check.sentence
    wilson = stats.binomtest(12, 20).proportion_ci(method="wilson")
    assert (check.low, check.high) == (pytest.approx(wilson.low), pytest.approx(wilson.high))


def test_chance_is_called_chance():
    assert "may be chance" in failures_by_level(study(20, 20, 6, 4)).sentence


def test_too_few_trials_give_no_p():
    sentence = failures_by_level(study(2, 3, 2, 0)).sentence
    assert "too few trials to tell from chance" in sentence
    assert "Fisher" not in sentence


def test_a_number_is_looked_at_in_halves():
    rows = [{"lr": 10.0 ** (-i / 5), "status": "failed" if i < 8 else "complete"} for i in range(20)]
    check = failures_by_level(tables_of(rows, ("lr",)))
    assert "under lr > " in check.sentence
    assert check.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("study", "words"), [(study(3, 3, 0, 0), "No trial failed"), (study(3, 3, 3, 3), "Every trial")]
)
def test_none_or_all_failed(study, words):
    check = failures_by_level(study)
    assert np.isnan(check.value)
    assert check.sentence.startswith(words)


def test_counts_say_what_they_were():
    states = ["failed", "failed", "failed", "stopped", "running", "complete"]
    rows = [{"status": status, "error_type": "OSError" if i < 2 else None} for i, status in enumerate(states)]
    failed, stopped, running = counts(tables_of(rows, ()))
    assert (failed.value, stopped.value, running.value) == (3, 1, 1)
    assert {check.n for check in (failed, stopped, running)} == {6}
    assert "2 OSError, 1 no reason recorded" in failed.sentence
    assert "t0003" in stopped.sentence
    assert "t0004" in running.sentence
