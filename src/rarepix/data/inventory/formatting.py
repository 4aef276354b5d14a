"""Numbers as people read them."""

import math

SUFFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def percent(share: float) -> str:
    """Return a share in per cent with two significant digits below 10 %: ``41.3 %``, ``0.29 %``, ``0.00012 %``."""
    value = 100 * share
    if value == 0 or not math.isfinite(value):
        return "0 %" if value == 0 else "–"
    if value >= 99.95:
        return "100 %"
    digits = 1 if value >= 10 else 1 - math.floor(math.log10(value))
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def number(value: float) -> str:
    """Return a number with at most three significant digits: ``37``, ``1.2k``, ``61.6k``, ``3M``."""
    if not math.isfinite(value):
        return "–"
    for size, suffix in SUFFIXES:
        if value >= size:
            return f"{value / size:.3g}{suffix}" if value < 1000 * size else f"{value / size:.0f}{suffix}"
    return f"{value:.3g}"
