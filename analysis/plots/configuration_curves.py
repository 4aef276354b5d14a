"""Learning curves of configurations: the mean over their trials, and the range of these."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.curves import FEW_EPOCHS, draw_pale, in_order
from analysis.plots.names import brief, wrapped
from analysis.plots.style import COLOURS, GRID, blank, shown_of
from analysis.reading.collect import Tables
from analysis.study.leaderboard import configuration_names, objective_label, standings

BEST = 5
OTHERS = "other configurations (mean)"
"""Configurations that are drawn in colour, with a band."""


def curve_bands(tables: Tables) -> pd.DataFrame:
    """Return a row a configuration and epoch: ``rank`` (0 = highest mean objective), ``configuration``, ``epoch``,
    ``mean``, ``low``, ``high`` (the range over trials) and ``trials``.

    Complete trials only: a stopped one would leave the mean to the others when it ends. For the same reason a curve
    ends where its first trial ends. Of an epoch that a trial ran twice, in two attempts, the later one counts.
    """
    ranked = standings(tables)
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
    figure, axes = blank(8.4, 5.4)
    present = bands["rank"].unique()
    coloured = present[:BEST]
    others = bands[~bands["rank"].isin(coloured)]
    ends = np.flatnonzero(others["rank"].diff().to_numpy() > 0)
    draw_pale(axes, np.split(others[["epoch", "mean"]].to_numpy(float), ends) if len(others) else [], OTHERS)
    for place, rank in reversed(list(enumerate(coloured))):
        rows, colour = bands[bands["rank"] == rank], COLOURS[place]
        trials = rows["trials"].iloc[0]
        count = f"{trials} trials" if trials > 1 else "1 trial"
        label = f"{rank + 1}. {wrapped(brief(rows['configuration'].iloc[0]), 90)} ({count})"
        axes.fill_between(rows["epoch"].astype(float), rows["low"], rows["high"], color=colour, alpha=0.16, lw=0)
        marker = {"marker": "o", "markersize": 4} if len(rows) < FEW_EPOCHS else {}
        axes.plot(rows["epoch"].astype(float), rows["mean"], color=colour, lw=2, label=label, **marker)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {objective_label(tables)}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color=GRID)
    coloured_of = shown_of(len(present), len(coloured), "configurations in colour")
    axes.set_title(f"Mean over trials, band: lowest to highest trial{coloured_of}", fontsize=10)
    in_order(figure, axes)
    return figure
