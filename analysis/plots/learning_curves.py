"""Learning curves: the validation objective over epochs, of single trials and of configurations."""

import re

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.plots.labels import short_keys, shorten, wrap
from analysis.plots.style import COLOURS, MANY_LINES, PALE, SOFT, cut_note, new_figure, objective_axes
from analysis.reading.histories import STAGE
from analysis.reading.tables import Tables
from analysis.study.leaderboard import configuration_names, leaderboard

BEST = 5
"""Trials, or configurations, that are drawn in colour."""
FEW_EPOCHS = 12
"""Validations below which each one gets its own dot."""


CurveLine = tuple[str, int, int | None, pd.DataFrame]
"""Trial, attempt, rank (None beyond the best few), rows with ``epoch`` and ``objective``."""


def curve_lines(tables: Tables) -> list[CurveLine]:
    """Return the lines of all trials, those of the best few last, so that they are drawn on top."""
    ranks = {trial: rank for rank, trial in enumerate(leaderboard(tables)["trial"].head(BEST))}
    measured = tables.curves.dropna(subset=["objective", "epoch"]).sort_values(["trial", "attempt", "epoch"])
    grouped = measured[["epoch", "objective"]].groupby([measured["trial"], measured["attempt"]], sort=False)
    lines = [(trial, int(attempt), ranks.get(trial), rows) for (trial, attempt), rows in grouped]
    return sorted(lines, key=lambda line: -BEST if line[2] is None else -line[2])


def line_names(tables: Tables, lines: list[CurveLine]) -> list[str]:
    """Return the trial of each line, with its attempt where it was started more than once."""
    attempts = tables.curves.groupby("trial")["attempt"].nunique()
    return [
        f"{shorten(trial)}, attempt {attempt}" if attempts[trial] > 1 else shorten(trial)
        for trial, attempt, *_ in lines
    ]


def draw_curves(tables: Tables) -> Figure | None:
    """Draw all curves; a later attempt of a trial is dashed. None when no trial has a history."""
    lines = curve_lines(tables)
    if not lines:
        return None
    figure, axes = new_figure(8, 4.6)
    others = [rows.to_numpy(float) for _, _, rank, rows in lines if rank is None]
    draw_background_lines(axes, others, "other trials (stopped, failed and running ones too)")
    for (_, attempt, rank, rows), name in zip(lines, line_names(tables, lines), strict=True):
        if rank is not None:
            look = {"color": COLOURS[rank], "lw": 2, "ls": "-" if attempt == 1 else "--"} | _dots(rows)
            axes.plot(rows["epoch"], rows["objective"], label=f"{rank + 1}. {name}", **look)
    mark_stages(axes, tables)
    objective_axes(axes, tables, "epoch")
    numbered_legend(figure, axes, ncols=2)
    return figure


def stage_starts(tables: Tables) -> dict[str, float]:
    """Return stage → where its first validation begins, for the stages after the first; empty: trials have one stage.

    Of the best trials alone, and the earliest place where they differ. It lies between two epochs.
    """
    if STAGE not in tables.curves:
        return {}
    rows = tables.curves[tables.curves["trial"].isin(leaderboard(tables)["trial"].head(BEST))].dropna(subset=[STAGE])
    rows = rows.sort_values("attempt", kind="stable").drop_duplicates(["trial", "epoch"], keep="last")
    rows = rows.sort_values(["trial", "epoch"])
    stage, trial = rows[STAGE], rows["trial"]
    begins = rows[(stage != stage.shift()) & (trial == trial.shift())]
    return dict(begins.groupby(STAGE)["epoch"].min().sort_values() - 0.5)


def mark_stages(axes, tables: Tables) -> None:
    """Draw a thin line with its name where a stage begins."""
    for stage, place in stage_starts(tables).items():
        axes.axvline(place, color=SOFT, lw=0.8, ls=":")
        look = {"ha": "left", "va": "top", "fontsize": 8, "color": SOFT}
        axes.text(place, 1, f" {shorten(stage)}", transform=axes.get_xaxis_transform(), **look)


def _dots(rows: pd.DataFrame) -> dict:
    return {"marker": "o", "markersize": 4} if len(rows) < FEW_EPOCHS else {}


def draw_background_lines(axes, lines: list[np.ndarray], label: str) -> None:
    """Draw *lines*, arrays of (x, y), behind everything else: at most some hundreds, and the legend says so."""
    if not lines:
        return
    if len(lines) > MANY_LINES:
        label = f"{MANY_LINES} of {len(lines)} {label}"
        lines = [lines[i] for i in np.linspace(0, len(lines) - 1, MANY_LINES).astype(int)]
    look = {"colors": PALE, "linewidths": 0.9, "rasterized": len(lines) >= MANY_LINES}
    axes.add_collection(LineCollection(lines, label=label, zorder=1.5, **look))
    points = np.array([line[0] for line in lines if len(line) == 1]).reshape(-1, 2)
    axes.plot(*points.T, "o", color=PALE, markersize=4, zorder=1.5)  # validated once: no line to draw
    axes.autoscale_view()


def numbered_legend(figure: Figure, axes, ncols: int = 1, **look) -> None:
    """Write the legend below: numbered entries by their number, whatever else there is after them."""
    handles, labels = axes.get_legend_handles_labels()
    numbers = [re.match(r"\d+", label) for label in labels]
    order = sorted(range(len(labels)), key=lambda i: int(numbers[i][0]) if numbers[i] else len(labels) + i)
    entries = [handles[i] for i in order], [labels[i] for i in order]
    figure.legend(*entries, loc="outside lower left", ncols=ncols, **look)


def curve_bands(tables: Tables) -> pd.DataFrame:
    """Return a row per configuration and epoch: ``rank`` (0 = highest mean objective), ``configuration``, ``epoch``,
    ``mean``, ``low``, ``high`` (the range over trials) and ``trials``.

    Complete trials only: a stopped one would leave the mean to the others when it ends. For the same reason a curve
    ends where its first trial ends. Of an epoch that a trial ran twice, in two attempts, the later one counts.
    """
    ranked = leaderboard(tables)
    ranked = ranked.assign(configuration=configuration_names(tables, ranked))
    means = ranked.groupby("configuration")["objective"].mean().sort_values(ascending=False, kind="stable")
    curves = tables.curves.dropna(subset=["objective", "epoch"]).sort_values("attempt", kind="stable")
    curves = curves.drop_duplicates(["trial", "epoch"], keep="last")
    curves = curves.merge(ranked[["trial", "configuration"]], on="trial")
    grouped = curves.groupby(["configuration", "epoch"])["objective"]
    bands = grouped.agg(mean="mean", low="min", high="max", trials="size").reset_index()
    whole = bands["configuration"].map(curves.groupby("configuration")["trial"].nunique())
    bands = bands[bands["trials"] == whole]
    ranks = bands["configuration"].map({name: rank for rank, name in enumerate(means.index)}).astype(int)
    return bands.assign(rank=ranks).sort_values(["rank", "epoch"]).reset_index(drop=True)


def draw_configuration_curves(tables: Tables) -> Figure | None:
    """Draw the best few in colour with their bands. None: no configuration has curves of two trials."""
    bands = curve_bands(tables)
    if bands.empty or bands["trials"].max() < 2:
        return None
    figure, axes = new_figure(8.4, 5.4)
    present = bands["rank"].unique()
    coloured = present[:BEST]
    others = bands[~bands["rank"].isin(coloured)]
    lines = [rows[["epoch", "mean"]].to_numpy(float) for _, rows in others.groupby("rank")]
    draw_background_lines(axes, lines, "other configurations (mean)")
    for place, rank in reversed(list(enumerate(coloured))):
        rows, colour = bands[bands["rank"] == rank], COLOURS[place]
        trials, epochs = rows["trials"].iloc[0], rows["epoch"].astype(float)
        count = f"{trials} trials" if trials > 1 else "1 trial"
        label = f"{rank + 1}. {wrap(short_keys(rows['configuration'].iloc[0]), 90)} ({count})"
        axes.fill_between(epochs, rows["low"], rows["high"], color=colour, alpha=0.16, lw=0)
        axes.plot(epochs, rows["mean"], color=colour, lw=2, label=label, **_dots(rows))
    mark_stages(axes, tables)
    objective_axes(axes, tables, "epoch")
    coloured_of = cut_note(len(present), len(coloured), "configurations in colour")
    axes.set_title(f"Mean over trials, band: lowest to highest trial{coloured_of}", fontsize=10)
    numbered_legend(figure, axes)
    return figure
