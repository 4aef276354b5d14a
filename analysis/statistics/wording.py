"""Numbers and findings as a person reads them: signed differences, p without a leading zero, one sentence a finding."""

import math
from typing import Any

from analysis.statistics.corrections import NAMES

MISSING = "–"


def number(value: float, digits: int = 3) -> str:
    """Return *value* with *digits* decimals, or a dash for NaN."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """Return *value* with its sign (a true minus), or a dash for NaN."""
    return MISSING if math.isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def p_text(p: float) -> str:
    """Return ``p`` as ``.023`` (two significant digits), ``< .001`` or ``1``."""
    if math.isnan(p):
        return MISSING
    if p < 0.001:
        return "< .001"
    if p > 0.995:
        return "1"
    return f"{p:.{3 if p < 0.1 else 2}f}".removeprefix("0")


def equals(p: float) -> str:
    """Return ``= .023`` or ``< .001``, to stand behind a ``p``."""
    return p_text(p) if p < 0.001 else f"= {p_text(p)}"


def correction_words(correction: str | None, family_size: int) -> str:
    """Return ``after Holm over 3 comparisons``, or an empty string where there was nothing to correct."""
    if correction is None or family_size < 2:
        return ""
    return f" after {NAMES[correction]} over {family_size} comparisons"


def as_text(value: Any, digits: int = 4) -> str:
    """Return a parameter as a person reads it: at most *digits* significant digits, whole numbers without a point."""
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}"


def level(value) -> str:
    """Return a level as it stands in a sentence: text in quotes, a number or a boolean as it is."""
    return f"'{value}'" if isinstance(value, str) else as_text(value)


def nothing_to_test(row: dict) -> str:
    """Return the sentence for two levels that cannot be tested at all."""
    where = "no block holds both" if row["paired"] else "one of them has no score"
    found = f"only {row['n']} pair holds both" if row["paired"] and row["n"] else where
    return f"nothing to compare {level(row['b'])} and {level(row['a'])} by: {found}"


def undecidable(row: dict, needed: int) -> str:
    """Return the sentence for a comparison that no data of its size could decide."""
    unit = "pairs" if row["paired"] else "trials per level"
    have = (
        f"{row['n']} pair{'s' if row['n'] != 1 else ''}" if row["paired"] else f"{row['n_a']} and {row['n_b']} trials"
    )
    return (
        f"{level(row['b'])} against {level(row['a'])} cannot be decided with n = {have}: the smallest possible p"
        f"{correction_words(row['correction'], row['family_size'])} is {p_text(row['floor_adjusted'])}; "
        f"needs n >= {needed} {unit} (seen here: {signed(row['difference'])})"
    )


def decided(row: dict, alpha: float) -> str:
    """Return the sentence for a comparison that could have gone either way."""
    n = f"{row['n']} pair{'s' if row['n'] != 1 else ''}" if row["paired"] else f"{row['n_a']} and {row['n_b']} trials"
    interval = "no interval at this n"
    if not math.isnan(row["low"]):
        interval = f"{100 * (1 - alpha):.3g} % interval {signed(row['low'])} to {signed(row['high'])}"
    name = {"holm": "Holm p", "bh": "BH p", None: "p"}[row["correction"] if row["family_size"] > 1 else None]
    share = f"{'paired ' if row['paired'] else ''}superiority {number(row['superiority'], 2)}"
    numbers = f"{signed(row['difference'])} ({interval}, n = {n}, {name} {equals(row['p_adjusted'])}, {share})"
    if row["p_adjusted"] > alpha:
        between = f"between {level(row['b'])} and {level(row['a'])}"
        return f"no difference shown {between}: {numbers}; that is no proof that they are equal"
    return f"{level(row['b'])} is {'higher' if row['difference'] > 0 else 'lower'} than {level(row['a'])}: {numbers}"


def nothing_to_rank(row: dict, levels: int, blocks: int) -> str:
    """Return the sentence for levels that cannot be ranked within blocks."""
    needs = f"needs {levels} levels or more and {blocks} complete blocks or more"
    return f"nothing to rank: {needs}, has {_count(row['k'], 'level')} and {_count(row['n'], 'complete block')}"


def differ(row: dict, alpha: float) -> str:
    """Return the sentence for three levels or more that were tested at once."""
    f = "Iman-Davenport F infinite" if math.isinf(row["f"]) else f"Iman-Davenport F = {row['f']:.2f}"
    numbers = f"{f}, p {equals(row['p'])}, Kendall's W = {row['kendall_w']:.2f}, n = {_count(row['n'], 'block')}"
    if row["p"] > alpha:
        return f"no difference shown among {row['k']} levels: {numbers}; that is no proof that they are equal"
    return f"not all of {row['k']} levels are equal: {numbers}"


def practically(row: dict, sure: float) -> str:
    """Return the sentence for two levels and the chances that their difference matters."""
    if math.isnan(row["p_better"]):
        return nothing_to_test(row | {"paired": True})
    b, a, rope = level(row["b"]), level(row["a"]), as_text(float(row["rope"]))
    chances = {"better": row["p_better"], "equivalent": row["p_equivalent"], "worse": row["p_worse"]}
    numbers = ", ".join(f"{name} {chance:.2f}" for name, chance in chances.items())
    behind = f"(probability of {numbers}; n = {_count(row['n'], 'pair')})"
    if chances["equivalent"] > sure:
        return f"{b} and {a} are practically equivalent, within ±{rope} {behind}"
    for name, word in (("better", "higher"), ("worse", "lower")):
        if chances[name] > sure:
            return f"{b} is {word} than {a} by more than {rope} {behind}"
    return f"cannot tell whether {b} and {a} differ by more than {rope} {behind}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"
