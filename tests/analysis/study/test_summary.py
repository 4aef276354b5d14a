"""The sentences on top of a report, of runs whose scores are made up by hand."""

import pandas as pd
import pytest

from analysis import load_table
from analysis.study.headline import comparison_sentence
from analysis.study.results import compute_results
from analysis.study.summary import answer, caveat, rarity_sentence


def runs(validation: dict[str, float], test: dict[str, float], seeds: int = 6, **classes: dict[str, float]):
    """Configurations × seeds: a seed lifts all alike, and so little noise that the order is as given."""
    rows = [
        {
            "loss": name,
            "seed": seed,
            "val": validation[name] + 0.01 * seed,
            "miou": test[name] + 0.01 * seed + 0.0001 * i,
        }
        | {name_of: scores[name] + 0.001 * seed + 0.0001 * ((i + seed) % 3) for name_of, scores in classes.items()}
        for i, name in enumerate(validation)
        for seed in range(seeds)
    ]
    return load_table(
        pd.DataFrame(rows), configuration="loss", block="seed", score="miou", validation="val", classes=list(classes)
    )


FOUR = {"ce": 0.5, "dice": 0.52, "focal": 0.54, "lovasz": 0.56}
REVERSED = {name: 1 - score for name, score in FOUR.items()}


def test_the_configuration_with_the_highest_mean_comes_before_the_luckiest_trial():
    tables = runs(FOUR, FOUR)
    (best, *_) = answer(tables, compute_results(tables))
    assert best.startswith(
        "Ahead on validation is the configuration 'loss=lovasz': mIoU 0.585 in the mean of 6 blocks."
    )
    assert best.index("Ahead on validation") < best.index("Best by validation is trial")
    assert "epoch" not in best


@pytest.mark.parametrize(("test", "warned"), [(FOUR, False), (REVERSED, True)])
def test_who_relies_on_validation_is_warned_where_test_ranks_its_pick_low(test, warned):
    tables = runs(FOUR, test)
    text = caveat(tables, compute_results(tables)) or ""
    assert ("by test, the pick of validation is the worst of 4 configurations" in text) is warned


def test_classes_are_named_only_where_they_are_shown():
    moved = {"bottle": {"a": 0.1, "b": 0.4}, "dog": {"a": 0.5, "b": 0.4}}
    sure = runs({"a": 0.5, "b": 0.6}, {"a": 0.5, "b": 0.6}, **moved)
    assert "mostly bottle (+0.300), at the cost of dog (−0.100)" in comparison_sentence(sure, compute_results(sure))
    still = {"bottle": {"a": 0.4, "b": 0.4}, "dog": {"a": 0.5, "b": 0.5}}
    unsure = runs({"a": 0.5, "b": 0.6}, {"a": 0.5, "b": 0.6}, **still)
    assert "no single class is shown to differ" in comparison_sentence(unsure, compute_results(unsure))


def test_levels_that_differ_together_are_told_where_no_two_can_be_told_apart():
    tables = runs(FOUR, FOUR, seeds=4)
    text = comparison_sentence(tables, compute_results(tables))
    assert text.startswith("loss, test mIoU: not all 4 are equal: the order by mean rank is lovasz (1.0), focal (2.0)")
    assert "By ranks alone none of the 6 comparisons can be decided with n = 4 blocks: 2 more blocks could" in text
    assert "Assuming normal errors lovasz above focal above dice above ce (Tukey, largest p < .001)" in text


def test_whether_rarity_explains_the_scores_is_answered():
    assert rarity_sentence(pd.DataFrame(columns=["x"])) == ""
    row = {"x": "train_pixels", "y": "mean IoU", "method": "spearman", "r": 0.8, "p_adjusted": 0.01, "n": 12}
    assert rarity_sentence(pd.DataFrame([row])).startswith("More of a class goes with a higher IoU: train pixels")
    assert rarity_sentence(pd.DataFrame([row | {"p_adjusted": 0.2}])).startswith("Not shown: no rank correlation")


def test_equal_means_and_equal_trials_are_told_as_equal():
    rows = [{"loss": loss, "seed": seed, "miou": 0.5} for loss in ("ce", "dice") for seed in range(6)]
    tables = load_table(pd.DataFrame(rows), configuration="loss", block="seed", score="miou")
    best = answer(tables, compute_results(tables))[0]
    assert best.startswith(
        "No configuration is ahead on validation: 2 have the same mean mIoU, 0.500. Best by validation are 12 trials"
    )
    swapped = [row | {"miou": 0.5 + 0.1 * ((row["loss"] == "ce") ^ row["seed"] % 2)} for row in rows]
    tables = load_table(pd.DataFrame(swapped), configuration="loss", block="seed", score="miou")
    assert "2 have the same mean mIoU, 0.550" in answer(tables, compute_results(tables))[0]
