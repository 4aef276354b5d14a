"""Labels that fit into a figure: shortened, wrapped, beside rows and columns, and beside dots without overlaps.

Labels of rows and columns are plain text in place of ticks. A tick of matplotlib is five artists, and a drawing
measures all ticks several times: in a figure with fifty of them that takes longer than everything else.
"""

import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from analysis.plots.style import fix_layout
from analysis.statistics.formatting import as_text, signed

PLACES = [(6, 2, "left"), (6, -9, "left"), (-6, 2, "right"), (-6, -9, "right")]
"""Where a name may stand beside its dot: right and left, above and below; in points."""
WIDE, TALL = 5.2, 8
"""A letter of a name beside a dot, in points."""
WRITE_UP_TO = 14
"""Columns of a heat map up to which each cell has its number written in it."""
BETWEEN = re.compile(r" (?=[\w.]+=)")
"""Where one ``key=value`` of a configuration ends and the next begins."""


def shorten(text: str, length: int = 18) -> str:
    """Return *text* cut in the middle to at most *length* characters."""
    text = str(text)
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[-(length - 1 - head) :]}"


def distinct_labels(names: Iterable[object], length: int = 18) -> list[str]:
    """Return *names* cut as by ``shorten``, but different names stay different.

    Of names that would be cut to the same text, what they begin and end with alike is cut instead: ``TRUE_a_x2_none``
    and ``TRUE_a_cnt_none`` become ``TRUE…x2…`` and ``TRUE…cnt…``. Where that has no room they are as much longer as it
    takes.
    """
    texts = [str(name) for name in names]
    cut = {text: shorten(text, length) for text in texts}
    for same in _alike(cut):
        cut |= zip(same, _unlike(same, length), strict=True)
    for longer in range(length + 1, max(map(len, texts), default=0) + 1):
        for same in _alike(cut):
            cut |= {text: shorten(text, longer) for text in same}
    return [cut[text] for text in texts]


def _alike(cut: dict[str, str]) -> list[list[str]]:
    """Return the groups of names that are cut to the same text."""
    groups = defaultdict(list)
    for text, short in cut.items():
        groups[short].append(text)
    return [group for group in groups.values() if len(group) > 1]


def _unlike(names: Sequence[str], length: int) -> list[str]:
    head = names[0][: _shared(names)]
    rests = [name[len(head) :] for name in names]
    tail = _shared([rest[::-1] for rest in rests])
    middles = [rest[: len(rest) - tail] for rest in rests]
    room = length - max(map(len, middles)) - 1 - bool(tail)
    if room < 0:
        return [shorten(name, length) for name in names]
    start = head if len(head) <= room + 1 else f"{head[:room]}…"
    return [f"{start}{middle}{'…' * bool(tail)}" for middle in middles]


def _shared(texts: Sequence[str]) -> int:
    """Return how many letters all *texts* begin with alike."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))


def wrap(text: str, width: int = 40, lines: int = 2) -> str:
    """Return *text* on at most *lines* lines of *width* characters, cut in the middle as far as it does not fit."""
    for length in range(width * lines, 0, -1):
        wrapped_lines = textwrap.wrap(shorten(text, length), width, break_on_hyphens=False)
        if len(wrapped_lines) <= lines:
            return "\n".join(wrapped_lines)
    return ""


def signed_change(value: float, digits: int = 3) -> str:
    """Return *value* with its sign; what rounds to zero has none."""
    text = signed(value, digits)
    return text if any(digit in text for digit in "123456789") else text.lstrip("+−")


def short_keys(configuration: str) -> str:
    """Return ``focal lr=0.01`` for ``loss.name=focal optim.lr=0.01``; any other text stays as it is."""
    short = lambda key: "" if key[1] in ("name", "kind") else f"{key[1]}="  # noqa: E731
    return re.sub(r"(?<![\w.])[\w.]*?(\w+)=", short, configuration)


def pair_name(b: object, a: object, width: int) -> str:
    """Return ``b − a`` as the name of a comparison, on two lines where it is longer than *width* characters.

    Of two configurations the name is that in which they differ; below it, where there is room, what both have.
    """
    parts_b, parts_a = (BETWEEN.split(as_text(level)) for level in (b, a))
    b, a = (
        short_keys(" ".join([part for part in own if part not in other] or own))
        for own, other in ((parts_b, parts_a), (parts_a, parts_b))
    )
    whole = f"{b} − {a}"
    if len(whole) > width:
        return f"{shorten(b, width)}\n− {shorten(a, width - 2)}"
    shared = [part for part in parts_b if part in parts_a and len(parts_b) > 1]
    return f"{whole}\nboth {shorten(short_keys(' '.join(shared)), width - 5)}" if shared else whole


def label_points(figure: Figure, axes, dots: np.ndarray, names: Iterable[tuple[float, float, str]]) -> None:
    """Write names beside their dots; one that would lie on another name, a dot or the right edge is left out.

    Args:
        figure: gets its final layout by this: where the axes are decides what overlaps.
        axes: of the dots.
        dots: N 2, all of them, with names or without.
        names: x, y and text, the most important first.
    """
    fix_layout(figure)
    scale = 72 / figure.dpi
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in axes.transData.transform(dots) * scale]
    edge = axes.get_window_extent().x1 * scale
    for at_x, at_y, text in names:
        x, y = axes.transData.transform((at_x, at_y)) * scale
        for dx, dy, side in PLACES:
            left = x + dx - (WIDE * len(text) if side == "right" else 0)
            box = (left, y + dy - 1, left + WIDE * len(text), y + dy + TALL)
            free = not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in taken)
            if free and box[2] < edge:
                taken.append(box)
                beside = axes.transData + ScaledTranslation(dx / 72, dy / 72, figure.dpi_scale_trans)
                axes.text(at_x, at_y, text, transform=beside, ha=side, fontsize=8)
                break


AWAY = 4 / 72
"""Inches between the axes and a name."""


def label_rows(axes, places: Iterable[float], names: Iterable[str], fontsize: float = 9) -> None:
    """Write *names* left of the rows at *places*, in place of ticks."""
    beside = axes.get_yaxis_transform() + ScaledTranslation(-AWAY, 0, axes.figure.dpi_scale_trans)
    axes.set_yticks([])
    for place, name in zip(places, names, strict=True):
        axes.text(0, place, name, transform=beside, ha="right", va="center", fontsize=fontsize)


def label_columns(axes, places: Iterable[float], names: Iterable[str], fontsize: float = 9) -> None:
    """Write *names* slanting below the columns at *places*, in place of ticks."""
    below = axes.get_xaxis_transform() + ScaledTranslation(0, -AWAY, axes.figure.dpi_scale_trans)
    look = {"ha": "right", "va": "top", "rotation": 40, "rotation_mode": "anchor", "fontsize": fontsize}
    axes.set_xticks([])
    for place, name in zip(places, names, strict=True):
        axes.text(place, 0, name, transform=below, **look)


def write_shares(axes, values: np.ma.MaskedArray) -> None:
    """Write each value between 0 and 1 into its cell, for colours that grow lighter."""
    write_cells(axes, values, lambda value: f"{value:.2f}".removeprefix("0"), light=lambda value: value < 0.6)


def write_cells(axes, values: np.ma.MaskedArray, text: Callable[[float], str], light: Callable[[float], bool]) -> None:
    """Write ``text(value)`` into each cell that has a value, in white where ``light(value)`` says so."""
    for (row, column), value in np.ndenumerate(values.filled(np.nan)):
        if not np.isnan(value):
            colour = "white" if light(value) else "#111"
            axes.text(column, row, text(value), ha="center", va="center", color=colour, fontsize=8)
