"""One sentence on two levels: what the exact test, the linear model and the practical verdict say of them."""

from analysis.statistics.formatting import as_text, assumption, both_levels, equals, number, p_name, plural
from analysis.statistics.rank_tests import TESTS
from analysis.study.verdict_rules import (
    CANNOT_TELL,
    CLAIMED,
    CLAIMED_UNDECIDABLE,
    CLAIMS,
    CONFIRMED,
    CONTRADICTION,
    EQUIVALENT,
    NO_DIFFERENCE,
    NONE,
    NOT_BY_MODEL,
    NOT_SHOWN,
    SIZE_OPEN,
    TOO_SMALL,
    UNDECIDABLE,
    UNTESTED,
    Verdicts,
)

CONCLUSIONS = {
    TOO_SMALL: "it is decided that they differ, by too little to matter",
    NOT_BY_MODEL: "decided by the exact test alone",
    SIZE_OPEN: "decided, but how much is open",
    CLAIMED: "not decided, since the exact test does not show it",
    CLAIMED_UNDECIDABLE: "not decided",
    NO_DIFFERENCE: "no proof that they are equal",
}
"""Rule → how the sentence ends; ``_conclusion`` has the others."""


def verdicts_sentence(verdicts: Verdicts, row: dict, model: dict | None, likely: dict | None) -> str:
    """Return what each says of b against a and whether they agree.

    Args:
        row: of ``compare``.
        model: of ``linear_model``; None where nothing is paired.
        likely: of ``practical``, likewise.
    """
    parts = [_exact(verdicts, row)]
    if verdicts.model != NONE:
        parts.append(_model(verdicts, model))
    if verdicts.practical != NONE:
        parts.append(_practical(verdicts, likely))
    conclusion = _conclusion(verdicts, len(parts))
    return "; ".join(parts) + (f": {conclusion}" if conclusion else "")


def _exact(verdicts: Verdicts, row: dict) -> str:
    b, a = both_levels(row)
    if verdicts.exact == UNTESTED:
        return row["verdict"]
    if verdicts.exact == UNDECIDABLE:
        paired = TESTS[row["test"]].paired
        size = plural(row["n"], "pair") if paired else f"{row['n_a']} and {row['n_b']} trials"
        needs = f" (needs {row['needed_n']:.0f})" if row["needed_n"] > row["n"] else ""
        return f"{b} against {a} cannot be decided with n = {size}{needs}"
    behind = f"({p_name(row['correction'], row['family_size'])} {equals(row['p_adjusted'])})"
    if verdicts.exact == NOT_SHOWN:
        return f"no difference is shown between {b} and {a} {behind}"
    earlier = "" if row["n_shown"] == row["n"] else f"by the look at n = {row['n_shown']:.0f} "
    return f"{b} is {verdicts.exact} than {a} {earlier}{behind}"


def _model(verdicts: Verdicts, model: dict) -> str:
    begun, p = assumption(model["form"]), f"({model['method']} p {equals(model['p_adjusted'])})"
    if verdicts.model == NOT_SHOWN:
        return f"{begun} no difference is shown {p}"
    if verdicts.model == verdicts.exact:
        return f"{begun} it is {verdicts.model} too {p}"
    return f"{begun} {both_levels(model)[0]} is {verdicts.model} {p}"


def _practical(verdicts: Verdicts, likely: dict) -> str:
    b, rope = both_levels(likely)[0], as_text(float(likely["rope"]))
    if verdicts.practical == CANNOT_TELL:
        return f"whether they differ by more than {rope} cannot be told"
    # What is claimed is by far the most probable of the three.
    chance = max(likely[name] for name in ("p_better", "p_equivalent", "p_worse"))
    probability = f"(Bayesian probability {number(chance, 2)})"
    if verdicts.practical == EQUIVALENT:
        return f"practically equivalent, within ±{rope} {probability}"
    if verdicts.rule == CONTRADICTION or verdicts.practical not in (verdicts.exact, verdicts.model):
        return f"{b} is {verdicts.practical} by more than {rope} {probability}"
    return f"by more than {rope} {probability}"


def _conclusion(verdicts: Verdicts, said: int) -> str:
    if verdicts.rule == CONTRADICTION:
        claims = "the exact test decides" if verdicts.exact in CLAIMS else "nothing is claimed"
        return f"these contradict each other, and {claims}"
    if verdicts.rule == CONFIRMED:
        return "all agree" if said > 2 else ""
    return CONCLUSIONS.get(verdicts.rule, "")
