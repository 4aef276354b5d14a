"""Formatting for readers: signed differences, p without a leading zero, one sentence per comparison."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.statistics.corrections import NAMES

MISSING = "–"
NOTHING = 1e-12
"""Smaller differences are rounding errors."""


def number(value: float, digits: int = 3) -> str:
    """Return *value* with *digits* decimals, or a dash for NaN."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """Return *value* with its sign (a true minus), or a dash for NaN; what rounds to zero is ``+0.000``."""
    # Adding 0.0 turns a negative zero into a positive one.
    return MISSING if math.isnan(value) else f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def difference(value: float) -> str:
    """Return *value* with its sign and three decimals, or two significant digits where those would all be zero."""
    if math.isnan(value) or abs(value) < NOTHING or round(value, 3):
        return signed(0.0 if abs(value) < NOTHING else value)
    return signed(value, 1 - math.floor(math.log10(abs(value))))


def p_text(p: float, alpha: float = 0.05) -> str:
    """Return ``p`` as ``.023`` (two significant digits), ``< .001`` or ``1``.

    A p that would round to *alpha* gets more digits, so that one sees on which side it lies: ``.0496``.
    """
    if math.isnan(p):
        return MISSING
    if p < 0.001:
        return "< .001"
    if p > 0.995:
        return "1"
    digits = 3 if p < 0.1 else 2
    while not math.isclose(p, alpha, abs_tol=NOTHING) and math.isclose(round(p, digits), alpha, abs_tol=NOTHING):
        digits += 1
    return f"{p:.{digits}f}".removeprefix("0")


def floor_text(p: float) -> str:
    """Return a smallest possible p, a fraction and no estimate, with up to four digits: ``.0625``, ``.125``."""
    return p_text(p) if math.isnan(p) or p < 0.001 or p > 0.995 else f"{p:.4g}".removeprefix("0")


def equals(p: float, alpha: float = 0.05) -> str:
    """Return ``= .023`` or ``< .001``, to stand behind a ``p``."""
    return p_text(p) if p < 0.001 else f"= {p_text(p, alpha)}"


def correction_words(correction: str | None, family_size: int) -> str:
    """Return ``after Holm over 3 comparisons``, or an empty string where there was nothing to correct."""
    if correction is None or family_size < 2:
        return ""
    return f" after {NAMES[correction]} over {family_size} comparisons"


def p_name(correction: str | None, family_size: int) -> str:
    """Return what an adjusted p is called: ``Holm p``; just ``p`` where there was nothing to correct."""
    names = {"closed": "closed-testing p", "holm": "Holm p", "bh": "BH p", None: "p"}
    return names[correction if family_size > 1 else None]


def and_more(texts: Iterable, most: int) -> str:
    """Return *texts* in one line, at most *most* of them: ``a, b and 2 more``."""
    texts = list(map(str, texts))
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def plural(count: int, what: str) -> str:
    """Return ``1 trial`` or ``3 trials``."""
    return f"{count} {what}{'s' if count != 1 else ''}"


def as_text(value: Any, digits: int = 4) -> str:
    """Return a parameter as a person reads it: at most *digits* significant digits, whole numbers without a point."""
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}"


def level(value) -> str:
    """Return a level as it is written in a sentence: text in quotes, numbers and booleans without."""
    return f"'{value}'" if isinstance(value, str) else as_text(value)


def both_levels(row: dict) -> tuple[str, str]:
    """Return b and a of *row* as ``level`` does, with enough digits to distinguish two numbers."""
    b, a, digits = level(row["b"]), level(row["a"]), 4
    while b == a and digits < 17:
        digits += 1
        b, a = as_text(row["b"], digits), as_text(row["a"], digits)
    return b, a


def verdict_sentence(row: dict, least: int, alpha: float) -> str:
    """Return the verdict on two levels: not tested, not decidable with so few scores, or what the test shows."""
    if math.isnan(row["p"]):
        return untested_sentence(row, least)
    return _undecidable(row) if row["floor_adjusted"] > alpha else _tested_sentence(row, alpha)


def untested_sentence(row: dict, least: int = 1) -> str:
    """Return the sentence for two levels that cannot be tested at all; *least*: pairs that the test needs."""
    reason = "no block holds both" if row["paired"] else "one of them has no score"
    if row["paired"] and row["n"]:
        reason = f"only {plural(row['n'], 'pair')} of them, and the test needs {least}"
    return "nothing to compare {} and {} by: ".format(*both_levels(row)) + reason


def _undecidable(row: dict) -> str:
    unit = "pairs" if row["paired"] else "trials per level"
    corrected = correction_words(row["correction"], row["family_size"]) + _of_looks(row)
    smallest = (
        "{} against {} ".format(*both_levels(row)) + f"cannot be decided with n = {_size(row)}: the smallest possible p"
        f"{corrected} is {floor_text(row['floor_adjusted'])}"
    )
    seen = f"(seen here: {difference(row['difference'])})"
    if math.isnan(row["needed_n"]):
        return f"{smallest}; looks before the extension have used the level, a few more blocks do not help {seen}"
    needed = int(row["needed_n"])
    if needed <= row["n"]:  # its own n is enough: smaller comparisons of the family prevent the decision
        unit += f" in each of the {row['family_size']} comparisons"
    return f"{smallest}; needs n >= {needed} {unit} {seen}"


def _of_looks(row: dict) -> str:
    return f" of {row['looks']} looks" if row.get("looks", 1) > 1 else ""


def _tested_sentence(row: dict, alpha: float) -> str:
    # The direction is that of the test. Where most pairs tie, the Hodges-Lehmann difference can be 0, or point the
    # other way, although the ranks differ; the sentence then says so.
    b, a = both_levels(row)
    interval = "no interval at this n"
    if not math.isnan(row["low"]):
        interval = f"{100 * (1 - alpha):.3g} % interval {difference(row['low'])} to {difference(row['high'])}"
    name = p_name(row["correction"], row["family_size"])
    share = f"{'paired ' if row['paired'] else ''}superiority {number(row['superiority'], 2)}"
    shown = difference(row["difference"])
    p = f"{name}{_of_looks(row)} {equals(row['p_adjusted'], alpha)}"
    behind = f"({interval}, n = {_size(row)}, {p}, {share})"
    if row["p_adjusted"] > alpha:
        return f"no difference shown between {b} and {a}: {shown} {behind}; that is no proof that they are equal"
    way = row["direction"]
    claim = f"{b} is {'higher' if way > 0 else 'lower'} than {a}"
    if row["n_shown"] != row["n"]:
        earlier = f"by the look at n = {row['n_shown']} ({p}), which remains decided"
        return f"{claim} {earlier}; the present look alone: {shown} ({interval}, n = {_size(row)}, {share})"
    if (way > 0) == (row["difference"] > NOTHING) and (way < 0) == (row["difference"] < -NOTHING):
        return f"{claim}: {shown} {behind}"
    effect = f"{row['effect_name']} {signed(row['effect'], 2)}"
    return f"{claim} by ranks ({effect}), but the Hodges-Lehmann difference is {shown} {behind}"


def model_sentence(row: dict, alpha: float) -> str:
    """Return the second opinion on two levels: what a linear model says, and what it assumes."""
    b, a = both_levels(row)
    begun = f"{assumption(row['form'])}, "
    if math.isnan(row["p_adjusted"]):
        return f"{begun}nothing can be said of {b} and {a}: too few blocks connect them"
    interval = "no interval in units of the score"
    if not math.isnan(row["low"]):
        interval = (
            f"simultaneous {100 * (1 - alpha):.3g} % interval {difference(row['low'])} to {difference(row['high'])}"
        )
    behind = f"{difference(row['difference'])} ({interval}, {row['method']} p {equals(row['p_adjusted'], alpha)})"
    if row["p_adjusted"] > alpha:
        return f"{begun}no difference is shown between {b} and {a}: {behind}"
    return f"{begun}{b} is {'higher' if row['t'] > 0 else 'lower'} than {a}: {behind}"


def assumption(form: str) -> str:
    """Return what that *form* of the linear model assumes, as the beginning of a sentence."""
    return {
        "equal spread": "assuming normal errors",
        "unequal spread": "assuming normal differences",
        "ranks": "by the ranks of a linear model",
    }[form]


def table_of_pairs(rows: list[dict], columns: list[str], treatment: str, levels: list, against: Any) -> pd.DataFrame:
    """Return *rows* as a table; without rows, ``attrs["verdict"]`` says why there are none."""
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:
        table.attrs["verdict"] = no_pairs_sentence(treatment, levels, against)
    return table


def no_pairs_sentence(treatment: str, levels: list, against: Any = None) -> str:
    """Return the sentence for a table without a pair of levels: one level has scores, none has, or not *against*."""
    if against is not None and against not in levels:
        others = f"the others of {treatment!r} are compared with"
        return f"nothing to compare: {level(against)}, which {others}, has no score"
    which = f"only {level(levels[0])} has scores" if levels else "no level has a score"
    return f"nothing to compare: of {treatment!r}, {which}"


def _size(row: dict) -> str:
    return plural(row["n"], "pair") if row["paired"] else f"{row['n_a']} and {row['n_b']} trials"


def unranked_sentence(row: dict, levels: int, blocks: int) -> str:
    """Return the sentence for levels that cannot be ranked within blocks."""
    needs = f"needs {levels} levels or more and {blocks} complete blocks or more"
    return f"nothing to rank: {needs}, has {plural(row['k'], 'level')} and {plural(row['n'], 'complete block')}"


def friedman_sentence(row: dict, alpha: float) -> str:
    """Return the sentence for three or more levels that were tested together."""
    if row["floor"] > alpha:
        return (
            f"cannot be decided with n = {row['n']} blocks of {row['k']} levels: the smallest possible p is "
            f"{floor_text(row['floor'])} (Kendall's W seen here: {number(row['kendall_w'], 2)})"
        )
    f = "Iman-Davenport F infinite" if math.isinf(row["f"]) else f"Iman-Davenport F = {row['f']:.2f}"
    numbers = f"{f}, p {equals(row['p'], alpha)}, Kendall's W = {row['kendall_w']:.2f}, n = {plural(row['n'], 'block')}"
    if row["p"] > alpha:
        return f"no difference shown among {row['k']} levels: {numbers}; that is no proof that they are equal"
    return f"not all of {row['k']} levels are equal: {numbers}"


def equivalence_sentence(row: dict, sure: float, least: int, *, minimize: bool = False) -> str:
    """Return the sentence for two levels and the chances that their difference matters; *minimize*: less is better."""
    if math.isnan(row["p_better"]):
        return untested_sentence(row | {"paired": True}, least)
    (b, a), rope = both_levels(row), as_text(float(row["rope"]))
    chances = {"better": row["p_better"], "equivalent": row["p_equivalent"], "worse": row["p_worse"]}
    numbers = ", ".join(f"{name} {chance:.2f}" for name, chance in chances.items())
    behind = f"(probability of {numbers}; n = {plural(row['n'], 'pair')})"
    if chances["equivalent"] > sure:
        return f"{b} and {a} are practically equivalent, within ±{rope} {behind}"
    words = ("lower", "higher") if minimize else ("higher", "lower")
    for name, word in zip(("better", "worse"), words, strict=True):
        if chances[name] > sure:
            return f"{b} is {word} than {a} by more than {rope} {behind}"
    return f"cannot tell whether {b} and {a} differ by more than {rope} {behind}"
