"""Curves over thresholds by configuration: what is found of the foreground against what is found on empty images."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.labels import short_keys, wrap
from analysis.plots.learning_curves import BEST, numbered_legend
from analysis.plots.style import COLOURS, GRID, PALE, SOFT, cut_note, headline, new_figure
from analysis.statistics.formatting import plural
from analysis.study.threshold_curves import IMAGES, PIXELS, RATES

BANDS = 3
"""Configurations with a band: more lie on top of each other."""
NOTE = "Mean over trials, each at its own threshold", "bands: 95 % intervals over the images of one trial"
"""Parts of the headline."""
SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
"""Ticks of the rate of false alarms."""
ASKED = RATES[0]
"""Rate of false alarms at which the legend says how much is found."""
ZERO = 0.7
"""Decades left of the smallest area where 0 stands."""


class Scale(NamedTuple):
    """Where values stand on an axis, and its ticks."""

    positions: np.ndarray
    ticks: dict[float, str]
    """Position → text."""


class Words(NamedTuple):
    """The texts of a panel."""

    title: str
    x: str
    y: str


class Panel(NamedTuple):
    """A panel as both kinds of figures draw it."""

    curve: str
    rows: pd.DataFrame
    """Of this curve, with ``position``, where ``x`` stands."""
    ticks: dict[float, str]


PANELS = {
    IMAGES: Words(
        "Is anything found in the image?",
        "empty images with a false alarm",
        "images with foreground in which\nanything is found",
    ),
    PIXELS: Words(
        "How much of the foreground is found?",
        "share of an empty image that is\npredicted as foreground, mean",
        "share of an image’s foreground\nthat is found, mean",
    ),
}


def percent(share: float) -> str:
    """Return a share in per cent with two significant digits: ``84 %``, ``0.001 %``."""
    text = f"{100 * share:.2g}"
    return f"{float(text):.6f}".rstrip("0").rstrip(".") + " %" if "e" in text else f"{text} %"


def square_root(values: np.ndarray) -> Scale:
    """Return rates from 0 to 1 by their square root: it spreads the small ones, and has a place for 0."""
    return Scale(np.sqrt(values), {float(np.sqrt(share)): percent(share) for share in SHARES})


def logarithm(values: np.ndarray) -> Scale:
    """Return areas by their decadic logarithm; 0 stands a little left of the smallest decade."""
    decade = int(np.floor(np.log10(values[values > 0].min(initial=1.0))))
    positions = np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), decade - ZERO)
    every = 1 + abs(decade) // 6
    last = decade if every > 1 else decade - 1  # of many decades the text of the lowest would touch that of 0
    return Scale(positions, {decade - ZERO: "0 %"} | {float(n): percent(10.0**n) for n in range(0, last, -every)})


SCALES = {IMAGES: square_root, PIXELS: logarithm}


def panels(curves: pd.DataFrame) -> list[Panel]:
    """Return the panels of ``study.threshold_curves.configuration_curves``; a curve without rows has none."""
    made = []
    for curve, scale in SCALES.items():
        rows = curves[curves["curve"] == curve]
        if len(rows):
            positions, ticks = scale(rows["x"].to_numpy(float))
            made.append(Panel(curve, rows.assign(position=positions), ticks))
    return made


def found_at(rows: pd.DataFrame, rate: float = ASKED) -> str:
    """Return how much a configuration finds at *rate* false alarms, with its interval: ``84 % (73 to 92 %)``."""
    row = rows.loc[(rows["x"] - rate).abs().idxmin()]
    ends = "" if np.isnan(row["low"]) else f" ({percent(row['low']).removesuffix(' %')} to {percent(row['high'])})"
    return f"{percent(row['value'])}{ends}"


def labels(curves: pd.DataFrame, width: int = 70) -> Iterator[tuple[str, str]]:
    """Yield configuration and its entry in the legend, the best first: name, trials, what it finds of the images."""
    rows = curves[curves["curve"] == curves["curve"].iloc[0]]
    for number, (name, own) in enumerate(rows.groupby("configuration", sort=False), start=1):
        at = f"{found_at(own)} found at {percent(ASKED)} false alarms" if own["curve"].iloc[0] == IMAGES else ""
        trials = plural(int(own["trials"].iloc[0]), "trial")
        yield name, f"{number}. {wrap(short_keys(name), width)} ({', '.join(filter(None, [trials, at]))})"


def draw_threshold_curves(curves: pd.DataFrame) -> Figure | None:
    """Draw both curves of the best few configurations in colour with their bands, the others grey. None: no curves.

    Args:
        curves: see ``study.threshold_curves.configuration_curves``, the best configuration first.
    """
    drawn = panels(curves)
    if not drawn:
        return None
    named = list(labels(curves))
    width = 5.6 * len(drawn)
    figure, grid = new_figure(width, 5.1 + 0.24 * min(len(named), BEST + 1), ncols=len(drawn), squeeze=False)
    for axes, panel in zip(grid[0], drawn, strict=True):
        _draw_panel(axes, panel, dict(named))
    between = "; " if len(drawn) > 1 else ";\n"
    cut = cut_note(len(named), min(len(named), BEST), "configurations in colour")
    headline(figure, f"{between.join(NOTE)}{cut}", fontsize=10)
    numbered_legend(figure, grid[0][0])
    return figure


def _draw_panel(axes, panel: Panel, named: dict[str, str]) -> None:
    words, ends = PANELS[panel.curve], [min(panel.ticks), max(panel.ticks)]
    if panel.curve == IMAGES:
        axes.axvline(np.sqrt(ASKED), color=SOFT, lw=0.8, ls=":")
        chance = np.linspace(0, 1, 50)
        axes.plot(chance, chance**2, color=SOFT, lw=0.9, ls="--", label="chance")
    for place, name in reversed(list(enumerate(named))):
        rows = panel.rows[panel.rows["configuration"] == name]
        if place >= BEST:
            label = "other configurations" if place == BEST else None
            axes.plot(rows["position"], rows["value"], color=PALE, lw=1, label=label, zorder=1.5)
            continue
        if place < BANDS:
            axes.fill_between(rows["position"], rows["low"], rows["high"], color=COLOURS[place], alpha=0.15, lw=0)
        axes.plot(rows["position"], rows["value"], color=COLOURS[place], lw=2, label=named[name])
    axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
    axes.set_yticks(np.linspace(0, 1, 6), [percent(share) for share in np.linspace(0, 1, 6)])
    axes.set(xlim=ends, ylim=(0, 1.005), title=words.title, xlabel=words.x, ylabel=words.y)
    axes.grid(color=GRID)
