"""The most that can be said of one treatment under one score.

What the exact procedure decides comes first, as an order where it forms one. Where it decides nothing: the order that
was found, if the test of all levels together rejects that they are equal. Then, of the pairs that are not decided, how
many more blocks could decide them, and what the second opinion and the practical verdict say, each labelled.
"""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.corrections import NAMES
from analysis.statistics.formatting import difference, equals, number, plural
from analysis.study.comparisons import TreatmentComparison
from analysis.study.missing_blocks import cost_sentence, extensible, missing_pairs
from analysis.study.order import NAMED, TIERS, plain
from analysis.study.other_verdicts import beside_decided, by_model, contradictions, equivalent
from analysis.study.question import Question
from analysis.study.verdict_rules import NOT_SHOWN, UNDECIDABLE, UNTESTED


def question_sentences(tables: Tables, asked: Question) -> list[str]:
    """Return the sentences on one question, without the name of its treatment; none where nothing was compared."""
    sentences = []
    if len(asked.decided):
        sentences += [_decided(asked), beside_decided(asked)]
    elif asked.rejected:
        sentences.append(order_found(asked.comparison))
    elif asked.pairs.empty:
        sentences += [f"{verdict}." for verdict in asked.comparison.overall.get("verdict", [])]
    if len(asked.rest):
        sentences += [_silent(asked), *_undecidable(tables, asked), _untested(asked), by_model(asked)]
        # With so much else to say, what is equivalent is left to the table.
        sentences.append("" if asked.claimed else equivalent(asked))
    if len(asked.pairs):
        sentences.append(contradictions(asked))
    return [sentence for sentence in sentences if sentence]


def _decided(asked: Question) -> str:
    rows = asked.decided
    first = rows.iloc[0]
    procedure = [NAMES[first["correction"]]] if first["family_size"] > 1 else []
    name = "largest adjusted p" if len(rows) > 1 else "adjusted p" if procedure else "p"
    p = f"{name} {equals(rows['p_adjusted'].max())}"
    sign = asked.sign(first)
    size = [f"{difference(sign * first['difference'])}{_interval(first, sign)}"] if len(rows) == 1 else []
    earlier = int((rows["n_shown"] != rows["n"]).sum())
    by_looks = [f"{'' if len(rows) == 1 else f'{earlier} of {len(rows)} '}by an earlier look"] if earlier else []
    behind = ", ".join([*size, asked.label, asked.sizes(rows), *procedure, p, *by_looks])
    count = "" if len(rows) == len(asked.pairs) else f"{len(rows)} of {len(asked.pairs)} comparisons decided: "
    return f"{count}{asked.order(rows, 'exact')} ({behind})."


def _interval(row: pd.Series, sign: int) -> str:
    """Return the interval of the level that is named first less the other one."""
    if pd.isna(row["low"]):
        return ""
    low, high = (row["low"], row["high"]) if sign > 0 else (-row["high"], -row["low"])
    return f", 95 % interval {difference(low)} to {difference(high)}"


def order_found(comparison: TreatmentComparison) -> str:
    """Return the order of the mean ranks, and that Friedman's test rejects that all levels are equal."""
    overall, ranks = comparison.overall.iloc[0], comparison.ranks
    shown = ranks if len(ranks) <= TIERS else ranks.head(NAMED)
    names = ", ".join(f"{plain(row.level)} ({row.mean_rank:.1f})" for row in shown.itertuples())
    best = "the order by mean rank is" if len(shown) == len(ranks) else "the best by mean rank are"
    return (
        f"Not all {len(ranks)} are equal: {best} {names}; Kendall's W {number(overall['kendall_w'], 2)}, Friedman p "
        f"{equals(overall['p'])}, n = {plural(int(overall['n']), 'block')}."
    )


def _silent(asked: Question) -> str:
    """Return how many pairs could have shown a difference and did not."""
    rows, many = asked.rest[asked.rest["exact"] == NOT_SHOWN], len(asked.pairs)
    if rows.empty:
        return ""
    which = f"{len(rows)} of {many} comparisons"
    if len(rows) == many:
        which = f"{_none(many)} comparisons".capitalize() if many > 1 else f"The one comparison, {_named(asked)},"
        return f"{which} shows {'a' if many > 1 else 'no'} difference ({asked.sizes(rows)})."
    return f"{which} could have shown a difference and did not ({asked.sizes(rows)})."


def _undecidable(tables: Tables, asked: Question) -> list[str]:
    """Return how many pairs no data of this size could decide, how many more blocks could, and what these cost."""
    rows, many = asked.rest[asked.rest["exact"] == UNDECIDABLE], len(asked.pairs)
    if rows.empty:
        return []
    which = f"{len(rows)} of {many} comparisons cannot"
    if len(rows) == many:
        which = f"{_none(many)} comparisons can" if many > 1 else f"{_named(asked)} cannot"
    helped = extensible(rows, int(asked.pairs["n"].max()))
    paired, missing = asked.comparison.design.block is not None, missing_pairs(helped)
    unit = {"blocks": "more block", "pairs": "more pair"}.get(asked.unit, "more trial")
    what = "could" if len(helped) == len(rows) else f"could decide {len(helped)} of them"
    enough = f"{plural(missing, unit)}{'' if paired else ' per level'} {what}, if all agree"
    could = f": {enough}" if missing else ""
    if rows["needed_n"].isna().any():
        could = ": looks before the extension have used the level, a few more blocks do not help"
    cost = cost_sentence(tables, missing, int(helped["n"].min())) if paired and missing else ""
    sentence = f"By ranks alone {which} be decided with {asked.sizes(rows)}{could}."
    return [sentence, f"{cost[0].upper()}{cost[1:]}." if cost else ""]


def _none(many: int) -> str:
    return f"{'neither' if many == 2 else 'none'} of the {many}"


def _untested(asked: Question) -> str:
    """Return how many pairs share too few blocks to be tested at all."""
    count = int((asked.rest["exact"] == UNTESTED).sum())
    return f"{count} of {len(asked.pairs)} comparisons cannot be tested: too few blocks hold both." if count else ""


def _named(asked: Question) -> str:
    first = asked.pairs.iloc[0]
    return f"{plain(first['b'])} against {plain(first['a'])}"
