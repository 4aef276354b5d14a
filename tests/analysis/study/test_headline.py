"""The headline of a report: the most that the comparisons show, and no claim where there is none."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_table
from analysis.reading.extensions import StudyLook
from analysis.study.agreement import agreement
from analysis.study.headline import comparison_sentence
from analysis.study.question import question
from analysis.study.question_sentences import question_sentences
from analysis.study.results import compute_results

LOSS_STUDY = {
    "ce": [0.411847, 0.399137, 0.417098, 0.411576, 0.405471, 0.401932],
    "ce+dice": [0.420164, 0.406671, 0.422915, 0.420387, 0.412587, 0.414103],
    "dice": [0.456151, 0.463177, 0.457512, 0.454398, 0.46244, 0.45212],
}
"""Validation mIoU of three losses on six seeds: a study of camvid_tiny, EfficientNet-lite0 with ImageNet weights."""


def headline(
    scores: dict[str, list[float]], blocks: int | None = None, default: str | None = None, looked_at: int | None = None
) -> str:
    """The headline of a table of runs, of the first *blocks* of each level; *default*: the level of the default.

    *looked_at*: after so many blocks the study was looked at, and then extended.
    """
    rows = [
        {"loss": name, "seed": seed, "val_miou": score}
        for name, values in scores.items()
        for seed, score in enumerate(values[:blocks])
    ]
    tables = load_table(pd.DataFrame(rows), configuration="loss", block="seed", score="val_miou")
    tables = tables._replace(default=None if default is None else {"loss": default})
    if looked_at is not None:
        seen = frozenset(tables.trials.loc[tables.trials["seed"].astype(int) < looked_at, "trial"])
        tables = tables._replace(looks=(StudyLook(looked_at, None, seen), StudyLook(len(rows), None, None)))
    return comparison_sentence(tables, compute_results(tables))


def test_a_level_that_looks_have_used_is_told_and_gives_no_number_of_blocks():
    runs = [
        {"loss": name, "seed": seed, "miou": score}
        for name, all_ in LOSS_STUDY.items()
        for seed, score in enumerate(all_)
    ]
    tables = load_table(pd.DataFrame(runs), configuration="loss", block="seed", score="miou")
    comparison = compute_results(tables).comparisons[0]
    rows = comparison.rows.assign(p_adjusted=0.2, floor_adjusted=0.1, needed_n=float("nan"))
    used_up = comparison._replace(rows=rows, agreement=agreement(rows, comparison.opinion, comparison.practical))
    text = " ".join(question_sentences(tables, question(tables, used_up)))
    assert "none of the 3 comparisons can be decided with n = 6 blocks: looks before the extension have used" in text
    assert "nan" not in text


def test_a_look_that_could_decide_nothing_costs_nothing():
    assert headline(LOSS_STUDY, looked_at=5) == headline(LOSS_STUDY)


def test_a_claim_of_an_earlier_look_is_told_with_its_direction():
    """Six gains of .002 to .007, then four losses of .05: the headline does not turn the claim around."""
    gains = [0.002, 0.003, 0.004, 0.005, 0.006, 0.007, -0.05, -0.051, -0.052, -0.053]
    scores = {"ce": [0.4] * 10, "dice": [0.4 + gain for gain in gains]}
    text = headline(scores, looked_at=6)
    assert text.startswith(
        "loss: dice above ce (−0.023, 95 % interval −0.050 to +0.005, validation mIoU, n = 10 blocks, p = "
    )
    assert text.endswith(
        "by an earlier look). By the ranks of a linear model no difference is shown. "
        "Whether they differ by more than 0.005 cannot be told."
    )


def test_six_blocks_decide_the_order_of_three_losses():
    text = headline(LOSS_STUDY)
    order = "loss: dice above ce+dice above ce"
    assert text.startswith(f"{order} (validation mIoU, n = 6 blocks, closed testing, largest adjusted p = .031).")
    assert "Assuming normal differences the same is shown." in text
    assert text.endswith("All differ by more than 0.005 (Bayesian probability 0.97 or more).")


def test_five_blocks_give_the_order_found_what_is_missing_and_the_second_opinion():
    text = headline(LOSS_STUDY, 5)
    assert text.startswith(
        "loss, validation mIoU: not all 3 are equal: the order by mean rank is dice (1.0), ce+dice (2.0), ce (3.0); "
        "Kendall's W 1.00, Friedman p < .001, n = 5 blocks."
    )
    assert "By ranks alone none of the 3 comparisons can be decided with n = 5 blocks: 1 more block could" in text
    assert "Assuming normal differences dice above ce+dice above ce (Tukey, largest p = .002)" in text
    assert "extend" not in text  # a table of runs cannot be


def test_three_blocks_do_not_show_the_small_difference():
    text = headline(LOSS_STUDY, 3)
    assert "3 more blocks could, if all agree" in text
    assert "Assuming normal errors dice above ce+dice and ce" in text


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_no_number_is_written_that_does_not_exist(blocks):
    text = headline(LOSS_STUDY, blocks)
    assert "nan" not in text
    assert "–" not in text
    assert "cannot be decided" in text or "can be decided" in text


def test_against_the_default_the_others_are_placed_above_or_below_it():
    text = headline(LOSS_STUDY, default="ce+dice")
    order = "loss: dice above and ce below the default ce+dice (validation mIoU, n = 6 blocks, closed testing"
    assert text.startswith(order)
    assert "Assuming normal differences dice above and ce below the default ce+dice" in headline(
        LOSS_STUDY, 5, default="ce+dice"
    )


def test_comparisons_of_a_level_that_a_race_has_dropped_are_not_counted_on():
    dropped = {"ce": LOSS_STUDY["ce"][:5], "ce+dice": LOSS_STUDY["ce+dice"][:2], "dice": LOSS_STUDY["dice"][:5]}
    text = headline(dropped)
    assert "1 more block could decide 1 of them, if all agree" in text


def test_a_default_that_is_called_so_is_named_once():
    named = {"default": LOSS_STUDY["ce"], "dice": LOSS_STUDY["dice"]}
    assert headline(named, default="default").startswith("loss: dice above the default (+0.050")


def test_two_levels_have_one_comparison():
    two = {name: LOSS_STUDY[name] for name in ("ce", "dice")}
    assert headline(two).startswith(
        "loss: dice above ce (+0.050, 95 % interval +0.040 to +0.064, validation mIoU, n = 6 blocks, p = .031)."
    )
    assert headline(two, 5).startswith(
        "loss, validation mIoU: by ranks alone dice against ce cannot be decided with n = 5 blocks: 1 more block could"
    )


def made(levels: int, blocks: int, gains: dict[int, float], seed: int = 0) -> dict[str, list[float]]:
    noise = np.random.default_rng(seed).normal(0, 0.0054, (levels, blocks))
    return {f"loss{i}": list(0.4 + gains.get(i, 0.0) + noise[i]) for i in range(levels)}


@pytest.mark.parametrize("repeats", [1, 2, 3])
@pytest.mark.parametrize("levels", [2, 3, 4, 6])
def test_equal_levels_are_claimed_to_differ_nowhere(levels, repeats):
    """Every level has each score as often as every other one: a Latin square, block after block."""
    noise = np.random.default_rng(levels).normal(0, 0.0054, levels)
    square = {f"loss{i}": [0.4 + noise[(i + b) % levels] for b in range(levels * repeats)] for i in range(levels)}
    text = headline(square)
    assert " above " not in text.replace("probability above", "")
    assert "not all" not in text
    assert "no difference is shown" in text


def test_many_levels_stay_a_few_sentences():
    text = headline(made(10, 8, {0: 0.05}))
    assert text.startswith("loss: 9 of 45 comparisons decided: loss0 above all 9 others (validation mIoU, n = 8 blocks")
    assert "36 of 45 comparisons could have shown a difference and did not (n = 8 blocks)." in text
    assert len(text) < 500
    undecided = headline(made(10, 5, {0: 0.08, 1: 0.04}))
    assert "not all 10 are equal: the best by mean rank are loss0 (1.0), loss1 (2.0), " in undecided
    assert "By ranks alone none of the 45 comparisons can be decided with n = 5 blocks: 1 more block could" in undecided
    assert "Assuming normal errors loss0 above all 9 others, loss1 above 8 of 9 others" in undecided


def test_what_is_decided_and_small_is_not_said_to_be_large():
    """Gains of .001 in eight blocks, larger only in the last level."""
    block = np.random.default_rng(0).normal(0, 0.01, 8)
    noise = np.linspace(-0.0002, 0.0002, 8)
    small = {"ce": list(0.4 + block), "dice": list(0.401 + block + noise)}
    assert "They differ by less than 0.005 (Bayesian probability above 0.99)." in headline(small)
    three = headline(small | {"focal": list(0.45 + block - noise)})
    assert "2 of 3 differ by more than 0.005 (Bayesian probability above 0.99), 1 of 3 differs by less than" in three
    all_small = headline(small | {"focal": list(0.402 + block - noise)})
    assert "All differ by less than 0.005 (Bayesian probability above 0.99)." in all_small


def test_levels_that_are_too_many_to_compare_have_their_ranks():
    text = headline(made(12, 7, {0: 0.05, 1: 0.02}))
    assert text.startswith("loss, validation mIoU: not all 12 are equal: the best by mean rank are loss0 (1.0), loss1")
    square = {f"loss{i:02d}": [0.4 + 0.001 * ((i + b) % 12) for b in range(12)] for i in range(12)}
    assert headline(square).startswith("loss, validation mIoU: no difference shown among 12 levels: ")


def test_levels_that_share_no_block_cannot_be_tested():
    apart = {"ce": LOSS_STUDY["ce"], "dice": LOSS_STUDY["dice"], "other": [float("nan")] * 6 + [0.4, 0.41]}
    assert "1 of 2 comparisons cannot be tested: too few blocks hold both." in headline(apart, default="ce")
