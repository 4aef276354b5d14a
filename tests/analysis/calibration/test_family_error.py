"""The calibration of families in small: divisions, the level of each, and the blocks that a study needs."""

import numpy as np
import pytest

from analysis.calibration import blocks_needed
from analysis.calibration.checks import table
from analysis.calibration.family_error import (
    CONFIGURATIONS,
    divisions,
    opinion_errors,
    true_rejected,
    whole_procedure,
    worst,
)


def test_every_division_is_listed():
    assert [len(divisions(k)) for k in CONFIGURATIONS] == [2, 4, 10, 41]
    assert divisions(4) == [(4,), (3, 1), (2, 2), (2, 1, 1)]


@pytest.mark.parametrize("errors", ["normal", "heavy-tailed", "skewed"])
@pytest.mark.parametrize(("sizes", "blocks"), [((3,), 6), ((2, 2), 7), ((4, 2), 8), ((2, 1), 6)])
def test_the_intersection_of_what_is_true_is_rarely_rejected(sizes, blocks, errors):
    hits = true_rejected(sizes, blocks, errors, 4000, 0)
    assert hits.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.parametrize(("sizes", "blocks"), [((3,), 6), ((2, 2), 7)])
def test_ties_are_rarely_rejected(sizes, blocks):
    assert true_rejected(sizes, blocks, "tied", 400, 0).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_one_group_of_two_has_the_level_of_its_test():
    """Six blocks: 2 of 64 sign patterns."""
    assert true_rejected((2, 1), 6, "normal", 20_000, 1).mean() == pytest.approx(2 / 64, abs=0.004)


def test_the_worst_of_many_rates_has_a_wider_interval():
    hits = np.arange(1000) < 68
    assert not worst("alone", hits, 1, "")["passed"]
    assert worst("of many", hits, 100, "")["passed"]


def test_the_whole_procedure_and_the_second_opinion_keep_quiet():
    rows = table(row for row, _ in zip(whole_procedure(200), range(4), strict=False))
    assert rows["passed"].all(), rows
    rows = table(row for row, _ in zip(opinion_errors(200), range(4), strict=False))
    assert rows["passed"].all(), rows


def test_the_table_of_blocks_is_printed(capsys):
    assert blocks_needed.main(["--simulations", "200", "--configurations", "3"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    holm, closed = (int(cell.split()[0]) for cell in printed[2].split("|")[3:5])
    assert closed < holm
