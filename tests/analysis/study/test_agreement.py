"""Three verdicts on two levels, from tables as the tests return them, and the sentence that puts them side by side."""

import pandas as pd
import pytest

from analysis.study.agreement import agreement

NAN = float("nan")
ROW = {
    "treatment": "loss", "score": "objective", "a": "ce", "b": "dice", "n": 6, "n_a": 6, "n_b": 6,
    "test": "signed_rank", "correction": "closed", "family_size": 3, "floor_adjusted": 0.03125, "needed_n": 6,
    "n_shown": 6,
    "verdict": "as compare says",
}  # fmt: skip
EXACT = {
    "higher": {"p": 0.031, "p_adjusted": 0.031, "effect": 1.0, "difference": 0.05, "direction": 1.0},
    "lower": {"p": 0.031, "p_adjusted": 0.031, "effect": -1.0, "difference": -0.05, "direction": -1.0},
    "not shown": {"p": 0.2, "p_adjusted": 0.4, "effect": 0.4, "difference": 0.01},
    "cannot be decided": {
        "p": 0.0625, "p_adjusted": 0.0625, "effect": 1.0, "difference": 0.05, "n": 5, "floor_adjusted": 0.0625,
    },
    "not tested": {"p": NAN, "p_adjusted": NAN, "effect": NAN, "difference": NAN, "n": 0, "floor_adjusted": NAN},
}  # fmt: skip
MODEL = {
    "higher": {"p_adjusted": 0.0004, "t": 5.0},
    "lower": {"p_adjusted": 0.0004, "t": -5.0},
    "not shown": {"p_adjusted": 0.3, "t": 1.2},
    "none": {"p_adjusted": NAN, "t": NAN},
}
PRACTICAL = {
    "higher": (0.97, 0.02, 0.01),
    "lower": (0.01, 0.02, 0.97),
    "equivalent": (0.01, 0.98, 0.01),
    "cannot tell": (0.7, 0.2, 0.1),
    "none": (NAN, NAN, NAN),
}


def said(exact: str, model: str, practical: str, form: str = "equal spread", **changes) -> pd.Series:
    """The row of ``agreement`` for dice against ce."""
    rows = pd.DataFrame([ROW | EXACT[exact] | changes])
    pair = {"a": "ce", "b": "dice"}
    opinion = pd.DataFrame([pair | MODEL[model] | {"form": form, "method": "Tukey"}])
    chances = dict(zip(["p_better", "p_equivalent", "p_worse"], PRACTICAL[practical], strict=True))
    table = agreement(rows, opinion, pd.DataFrame([pair | chances | {"rope": 0.005}]))
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize(
    ("verdicts", "rule", "sentence"),
    [
        (
            ("higher", "higher", "higher"),
            "decided, confirmed",
            "'dice' is higher than 'ce' (closed-testing p = .031); assuming normal errors it is higher too "
            "(Tukey p < .001); by more than 0.005 (Bayesian probability 0.97): all agree",
        ),
        (
            ("lower", "lower", "cannot tell"),
            "decided, size open",
            "'dice' is lower than 'ce' (closed-testing p = .031); assuming normal errors it is lower too "
            "(Tukey p < .001); whether they differ by more than 0.005 cannot be told: decided, but how much is open",
        ),
        (
            ("higher", "not shown", "higher"),
            "decided, not shown by the model",
            "'dice' is higher than 'ce' (closed-testing p = .031); assuming normal errors no difference is shown "
            "(Tukey p = .30); by more than 0.005 (Bayesian probability 0.97): decided by the exact test alone",
        ),
        (
            ("higher", "higher", "equivalent"),
            "decided, too small to matter",
            "'dice' is higher than 'ce' (closed-testing p = .031); assuming normal errors it is higher too "
            "(Tukey p < .001); practically equivalent, within ±0.005 (Bayesian probability 0.98): "
            "it is decided that they differ, by too little to matter",
        ),
        (
            ("higher", "none", "none"),
            "decided, nothing beside it",
            "'dice' is higher than 'ce' (closed-testing p = .031)",
        ),
        (
            ("not shown", "higher", "cannot tell"),
            "claimed, not decided",
            "no difference is shown between 'dice' and 'ce' (closed-testing p = .40); assuming normal errors 'dice' is "
            "higher (Tukey p < .001); whether they differ by more than 0.005 cannot be told: "
            "not decided, since the exact test does not show it",
        ),
        (
            ("cannot be decided", "higher", "higher"),
            "claimed, cannot be decided",
            "'dice' against 'ce' cannot be decided with n = 5 pairs (needs 6); assuming normal errors 'dice' is higher "
            "(Tukey p < .001); by more than 0.005 (Bayesian probability 0.97): not decided",
        ),
        (
            ("higher", "lower", "higher"),
            "contradiction",
            "'dice' is higher than 'ce' (closed-testing p = .031); assuming normal errors 'dice' is lower "
            "(Tukey p < .001); 'dice' is higher by more than 0.005 (Bayesian probability 0.97): "
            "these contradict each other, and the exact test decides",
        ),
        (
            ("not shown", "higher", "lower"),
            "contradiction",
            "no difference is shown between 'dice' and 'ce' (closed-testing p = .40); assuming normal errors 'dice' is "
            "higher (Tukey p < .001); 'dice' is lower by more than 0.005 (Bayesian probability 0.97): "
            "these contradict each other, and nothing is claimed",
        ),
        (
            ("not shown", "not shown", "equivalent"),
            "equivalent",
            "no difference is shown between 'dice' and 'ce' (closed-testing p = .40); assuming normal errors no "
            "difference is shown (Tukey p = .30); practically equivalent, within ±0.005 (Bayesian probability 0.98)",
        ),
        (
            ("not shown", "not shown", "cannot tell"),
            "no difference shown",
            "no difference is shown between 'dice' and 'ce' (closed-testing p = .40); assuming normal errors no "
            "difference is shown (Tukey p = .30); whether they differ by more than 0.005 cannot be told: "
            "no proof that they are equal",
        ),
        (("not tested", "none", "none"), "open", "as compare says"),
    ],
)  # fmt: skip
def test_each_rule_has_its_sentence(verdicts, rule, sentence):
    row = said(*verdicts)
    assert (row["exact"], row["model"], row["practical"]) == verdicts
    assert row["rule"] == rule
    assert row["sentence"] == sentence


def test_the_sentence_names_the_procedure_and_the_assumption_in_use():
    by_holm = said("higher", "higher", "higher", form="unequal spread", correction="holm")["sentence"]
    assert "(Holm p = .031); assuming normal differences it is higher too" in by_holm
    alone = said("higher", "higher", "higher", form="ranks", family_size=1)["sentence"]
    assert "(p = .031); by the ranks of a linear model it is higher too" in alone


def test_independent_groups_have_the_exact_verdict_alone():
    rows = pd.DataFrame([ROW | EXACT["cannot be decided"] | {"test": "mann_whitney", "n_a": 2, "n_b": 3, "n": 2}])
    row = agreement(rows, pd.DataFrame(), pd.DataFrame()).iloc[0]
    assert (row["model"], row["practical"], row["rule"], row["agree"]) == ("none", "none", "open", "–")
    assert row["sentence"] == "'dice' against 'ce' cannot be decided with n = 2 and 3 trials (needs 6)"


def test_without_comparisons_there_is_no_row():
    assert agreement(pd.DataFrame(), pd.DataFrame(), pd.DataFrame()).empty


def test_a_claim_of_an_earlier_look_is_told_with_its_direction():
    row = said("higher", "lower", "cannot tell", n=10, n_shown=6, effect=-0.2, difference=-0.015)
    assert (row["exact"], row["rule"]) == ("higher", "contradiction")
    assert row["sentence"].startswith("'dice' is higher than 'ce' by the look at n = 6 (closed-testing p = .031); ")
