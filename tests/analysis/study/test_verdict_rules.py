"""Each of the 100 combinations of three verdicts has the rule that is written down for it."""

from itertools import product

import pytest

from analysis.study.verdict_rules import AGREE, EXACT, MODEL, PRACTICAL, Verdicts

OPPOSITE = {"higher": "lower", "lower": "higher"}


def combinations(exact, model, practical):
    return set(product(exact.split(" | "), model.split(" | "), practical.split(" | ")))


def both_ways(exact, model, practical):
    """Combinations of *higher*, and those in which every direction is turned around."""
    upward = combinations(exact, model, practical)
    return upward | {tuple(OPPOSITE.get(word, word) for word in verdicts) for verdicts in upward}


SILENT = "not shown | cannot be decided | not tested"
WRITTEN = {
    "contradiction": both_ways("higher", "lower", "higher | lower | equivalent | cannot tell | none")
    | both_ways("higher", "higher | not shown | none", "lower")
    | both_ways(SILENT, "higher", "lower"),
    "decided, too small to matter": both_ways("higher", "higher | not shown | none", "equivalent"),
    "decided, not shown by the model": both_ways("higher", "not shown", "higher | cannot tell | none"),
    "decided, size open": both_ways("higher", "higher | none", "cannot tell"),
    "decided, nothing beside it": both_ways("higher", "none", "none"),
    "decided, confirmed": both_ways("higher", "higher", "higher | none") | both_ways("higher", "none", "higher"),
    "claimed, not decided": both_ways("not shown", "higher", "higher | equivalent | cannot tell | none")
    | both_ways("not shown", "not shown | none", "higher"),
    "claimed, cannot be decided": both_ways(
        "cannot be decided | not tested", "higher", "higher | equivalent | cannot tell | none"
    )
    | both_ways("cannot be decided | not tested", "not shown | none", "higher"),
    "equivalent": combinations(SILENT, "not shown | none", "equivalent"),
    "no difference shown": combinations("not shown", "not shown | none", "cannot tell | none")
    | combinations("cannot be decided | not tested", "not shown", "cannot tell | none"),
    "open": combinations("cannot be decided | not tested", "none", "cannot tell | none"),
}


def test_the_rules_cover_every_combination_once():
    assert sum(map(len, WRITTEN.values())) == len(EXACT) * len(MODEL) * len(PRACTICAL) == 100
    assert set.union(*WRITTEN.values()) == set(product(EXACT, MODEL, PRACTICAL))


@pytest.mark.parametrize("rule", WRITTEN)
def test_each_combination_has_its_rule(rule):
    assert {Verdicts(*words).rule for words in WRITTEN[rule]} == {rule}
    assert AGREE[rule]


def test_two_opposite_claims_are_a_contradiction_whatever_the_third_says():
    for words in product(EXACT, MODEL, PRACTICAL):
        opposite = "higher" in words and "lower" in words
        assert (Verdicts(*words).rule == "contradiction") is opposite


def test_only_the_exact_test_decides():
    for words in product(EXACT, MODEL, PRACTICAL):
        if Verdicts(*words).rule.startswith("decided"):
            assert words[0] in ("higher", "lower")
