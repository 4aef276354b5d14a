"""What the second opinion and the practical verdict say of the pairs of a question, in a sentence or two.

They are told beside what the exact procedure decides, and instead of nothing where it decides nothing.
"""

import pandas as pd

from analysis.statistics.formatting import as_text, assumption, equals, number
from analysis.study.order import NAMED, names_text, plain
from analysis.study.question import Question
from analysis.study.verdict_rules import CLAIMS, CONTRADICTION, EQUIVALENT, NOT_SHOWN


def beside_decided(asked: Question) -> str:
    """Return whether the other two verdicts agree with what is decided; empty where nothing is paired."""
    rows, opinion = asked.decided, asked.comparison.opinion
    if opinion.empty:
        return ""
    count, same = len(rows), int((rows["model"] == rows["exact"]).sum())
    shown = f"{same} of {count} are shown" if same else "none of them is shown"
    if count == 1:
        shown = "no difference is shown" if rows["model"].iloc[0] == NOT_SHOWN else "the opposite is shown"
    if same == count:
        shown = "the same is shown"
    return f"{_assumed(asked)} {shown}. {_by_enough(asked, rows)}."


def _by_enough(asked: Question, rows: pd.DataFrame) -> str:
    """Return how many of the decided *rows* differ by enough to matter, how many by less, and of which it is open."""
    count, rope = len(rows), _rope(asked)
    larger, small = rows[rows["practical"] == rows["exact"]], rows[rows["practical"] == EQUIVALENT]
    parts = []
    for found, way in ((larger, "more"), (small, "less")):
        if len(found):
            all_ = "they" if count == 1 else "all"
            who = (
                f"{all_} differ" if len(found) == count else f"{len(found)} of {count} differ{'s' * (len(found) == 1)}"
            )
            parts.append(f"{who} by {way} than {rope} {_probability(_chances(asked, found))}")
    if not parts:
        them = "they" if count == 1 else "any of them"
        return f"Whether {them} differ{'' if count == 1 else 's'} by more than {rope} cannot be told"
    text = ", ".join(parts)
    return text[0].upper() + text[1:]


def by_model(asked: Question) -> str:
    """Return what the second opinion says of the pairs that are not decided, and how far these differ by enough."""
    if asked.comparison.opinion.empty:
        return ""
    rest = asked.rest[asked.rest["rule"] != CONTRADICTION]
    model, practical = rest[rest["model"].isin(CLAIMS)], rest[rest["practical"].isin(CLAIMS)]
    sentences = []
    if len(model):
        sentences.append(f"{_assumed(asked)} {asked.order(model, 'model')} ({_model_p(asked, model)})")
    elif rest["model"].eq(NOT_SHOWN).any() and asked.decided.empty:
        sentences.append(f"{_assumed(asked)} no difference is shown")
    if len(practical):
        probability = _probability(_chances(asked, practical))
        what = asked.order(practical, "practical")
        same = len(model) and what == asked.order(model, "model")
        what = ("all " if len(practical) > 1 else "") if same else f"{what} "
        sentences.append(f"{what}by more than {_rope(asked)} {probability}")
    return f"{'; '.join(sentences)}." if sentences else ""


def equivalent(asked: Question) -> str:
    """Return which pairs that are not decided are as good as equal."""
    rows = asked.rest[asked.rest["practical"] == EQUIVALENT]
    rows = rows[rows["rule"] != CONTRADICTION]
    if rows.empty:
        return ""
    chances = _chances(asked, rows)
    names = [f"{plain(b)} and {plain(a)}" for b, a in rows[["b", "a"]].itertuples(index=False)]
    shown = "; ".join(names[:NAMED]) + (f"; and {len(names) - NAMED} more pairs" if len(names) > NAMED else "")
    return f"Practically equivalent, within ±{_rope(asked)} {_probability(chances)}: {shown}."


def contradictions(asked: Question) -> str:
    """Return the pairs of which two verdicts claim opposite directions; empty if there are none."""
    rows = asked.pairs[asked.pairs["rule"] == CONTRADICTION]
    if rows.empty:
        return ""
    names = names_text([f"{b} and {a}" for b, a in rows[["b", "a"]].itertuples(index=False)])
    return f"The verdicts on {names} contradict each other: what the exact test says counts."


def _assumed(asked: Question) -> str:
    begun = assumption(asked.comparison.opinion["form"].iloc[0])
    return begun[0].upper() + begun[1:]


def _rope(asked: Question) -> str:
    return as_text(float(asked.comparison.practical["rope"].iloc[0]))


def _model_p(asked: Question, pairs: pd.DataFrame) -> str:
    opinion = asked.comparison.opinion.merge(pairs[["a", "b"]], on=["a", "b"])
    return f"{opinion['method'].iloc[0]}, {'largest ' * (len(opinion) > 1)}p {equals(opinion['p_adjusted'].max())}"


def _chances(asked: Question, pairs: pd.DataFrame) -> pd.Series:
    """Return the largest of the three chances of each of *pairs*."""
    likely = asked.comparison.practical.merge(pairs[["a", "b"]], on=["a", "b"])
    return likely[["p_better", "p_equivalent", "p_worse"]].max(axis=1)


def _probability(chances: pd.Series) -> str:
    lowest, many = float(chances.min()), len(chances) > 1
    if lowest > 0.995:
        return "(Bayesian probability above 0.99)"
    return f"(Bayesian probability {number(lowest, 2)}{' or more' if many else ''})"
