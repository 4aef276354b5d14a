"""Where less of a score is better, everything says the same as of its opposite, of which more is."""

import pytest

from analysis.study.comparisons import compare_treatments
from analysis.study.headline import classes_sentence, question_text
from analysis.study.leaderboard import is_minimized, score_name
from analysis.study.question import question
from analysis.study.results import compute_results
from tests.analysis.study.synthetic import tables_of
from tests.analysis.study.test_headline import LOSS_STUDY

MORE, LESS = "val_sensitivity", "val_empty_false_alarm_rate"


def study(scores: dict[str, list[float]], **changes):
    """Return a study in which the one score is 1 less the other."""
    rows = [
        {"loss.name": loss, "seed": seed, "objective": value, MORE: value, LESS: 1 - value}
        for loss, values in scores.items()
        for seed, value in enumerate(values)
    ]
    return tables_of(rows, ("loss.name",), **changes)


def both(scores: dict[str, list[float]], **changes):
    """Return the texts of both scores, and the comparisons."""
    tables = study(scores, **changes)
    compared = compare_treatments(tables, scores=[MORE, LESS])
    return [question_text(tables, question(tables, each)) for each in compared], compared


def turned(text: str) -> str:
    """Return what is said of the score of which more is better, in words of the other one."""
    swap = {"above": "below", "below": "above", "+": "−", "−": "+"}
    words = [swap.get(word, word) for word in text.replace("+", "+ ").replace("−", "− ").split(" ")]
    label = {MORE: "validation sensitivity", LESS: "validation false alarms on empty images, lower is better"}
    return " ".join(words).replace("+ ", "+").replace("− ", "−").replace(label[MORE], label[LESS])


@pytest.mark.parametrize("blocks", [3, 5, 6])
@pytest.mark.parametrize("default", [None, "ce+dice"])
def test_three_levels_are_in_the_same_order(blocks, default):
    scores = {name: values[:blocks] for name, values in LOSS_STUDY.items()}
    (more, less), _ = both(scores, default={"loss.name": default} if default else None)
    assert less.replace("probability below", "probability above") == turned(more).replace(
        "probability below", "probability above"
    )


def test_of_two_levels_the_sign_is_that_of_the_better_less_the_worse():
    (more, less), _ = both({name: LOSS_STUDY[name] for name in ("ce", "dice")})
    assert more.startswith("loss.name: dice above ce (+0.050, 95 % interval +0.040 to +0.064, validation sensitivity")
    assert less.startswith(
        "loss.name: dice below ce (−0.050, 95 % interval −0.064 to −0.040, "
        "validation false alarms on empty images, lower is better, n = 6 blocks"
    )


def test_against_the_default_the_sign_is_that_of_the_other_less_the_default():
    two = {name: LOSS_STUDY[name] for name in ("ce", "dice")}
    (more, less), _ = both(two, default={"loss.name": "dice"})
    assert more.startswith("loss.name: ce below the default dice (−0.050, 95 % interval −0.064 to −0.040")
    assert less.startswith("loss.name: ce above the default dice (+0.050, 95 % interval +0.040 to +0.064")


def test_ranks_and_chances_are_of_what_is_better():
    _, (more, less) = both(LOSS_STUDY)
    assert less.minimize
    assert not more.minimize
    assert less.ranks["level"].tolist() == more.ranks["level"].tolist() == ["dice", "ce+dice", "ce"]
    for name in ("p_better", "p_equivalent", "p_worse"):
        assert less.practical[name].tolist() == pytest.approx(more.practical[name].tolist())
    opposite = {"higher": "lower", "lower": "higher"}
    for name in ("exact", "model", "practical"):
        assert less.agreement[name].tolist() == [opposite.get(word, word) for word in more.agreement[name]]
    assert less.agreement["rule"].tolist() == more.agreement["rule"].tolist()
    assert (
        "'dice' is lower than 'ce' by more than 0.005 (probability of better 1.00" in less.practical["verdict"].iloc[1]
    )


def test_which_scores_are_minimised():
    for column in (LESS, "test_gated_empty_false_alarm_rate", "val_false_alarms_at_sensitivity_90"):
        assert is_minimized(column)
    for column in ("objective", MORE, "val_gated_sensitivity", "test_miou", "val_false", "loss"):
        assert not is_minimized(column)
    assert score_name("gated_sensitivity") == "sensitivity with gate"
    assert score_name("sensitivity_at_false_alarms_05") == "sensitivity at 5 % false alarms"


def test_classes_have_the_sign_of_the_difference_that_is_told():
    """The level that comes second by name, b, is the worse one."""
    rows, classes = [], []
    for loss, gain in (("a", 0.05), ("z", 0.0)):
        for seed in range(6):
            score = LOSS_STUDY["ce"][seed] + gain + 0.001 * seed * (loss == "z")
            rows.append({"loss.name": loss, "seed": seed, "objective": score})
            classes.append({"trial": f"t{len(rows) - 1:04d}", "class": "cat", "iou": score, "split": "val"})
    tables = tables_of(rows, ("loss.name",), classes)
    results = compute_results(tables)
    asked = question(tables, results.comparisons[0])
    assert question_text(tables, asked).startswith("loss.name: a above z (+0.048")
    assert classes_sentence(asked, results.differences, 0.05) == "By class: mostly cat (+0.048)."
