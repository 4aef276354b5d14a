"""When each trial ran, a lane for each trial that a machine ran at the same time."""

import heapq
from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.plots.labels import distinct_labels, label_rows
from analysis.plots.style import COLOURS, GRID, MANY_LINES, STATUS, cut_note, new_figure
from analysis.reading.tables import Tables

UNKNOWN = "machine not recorded"
LANES = 40
"""Lanes that are drawn; the figure says so when there are more."""
UNITS = (("days", 86400.0, 3 * 86400), ("hours", 3600.0, 2 * 3600), ("minutes", 60.0, 120), ("seconds", 1.0, 0))
"""Name, seconds, and the span in seconds from which the unit is used."""


def timeline_table(tables: Tables) -> pd.DataFrame:
    """Return a row per trial with a start: ``trial``, ``status``, ``machine``, ``slot`` (from 1), ``start``, ``end``.

    The last two are seconds since the first start. A trial without an end that is running ends with the last
    time that the study knows; any other one where it starts (it is not known when it ended). Times are of the last
    attempt.
    """
    columns = ["trial", "status", "machine", "slot", "start", "end"]
    trials = tables.trials.dropna(subset=["started"])
    if trials.empty:
        return pd.DataFrame(columns=columns)
    began, ended = (pd.to_datetime(trials[name], utc=True, format="ISO8601") for name in ("started", "finished"))
    first, last = began.min(), max(began.max(), ended.max()) if ended.notna().any() else began.max()
    ended = ended.where(ended.notna(), began.where(trials["status"] != "running", last))
    rows = pd.DataFrame(
        {
            "trial": trials["trial"],
            "status": trials["status"],
            "machine": trials["machine"].astype(object).where(trials["machine"].notna(), UNKNOWN),
            "start": (began - first).dt.total_seconds(),
            "end": (ended - first).dt.total_seconds(),
        }
    ).sort_values(["machine", "start", "trial"], kind="stable")
    rows["slot"] = [slot for _, group in rows.groupby("machine", sort=False) for slot in _slots(group)]
    return rows[columns].reset_index(drop=True)


def _slots(rows: pd.DataFrame) -> list[int]:
    """Return the lowest lane that is free when each trial starts; *rows* are in order of start."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    slots, most = [], 0
    for row in rows.itertuples():
        while busy and busy[0][0] <= row.start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            most += 1
            heapq.heappush(free, most)
        slot = heapq.heappop(free)
        heapq.heappush(busy, (row.end, slot))
        slots.append(slot)
    return slots


def unit_of(seconds: float) -> tuple[str, float]:
    """Return the name and the seconds of the unit in which a span of *seconds* is easy to read."""
    return next((name, size) for name, size, least in UNITS if seconds >= least)


def draw_timeline(tables: Tables) -> Figure | None:
    """Draw a bar per trial, coloured by its status. None: no trial has a start, or none took any time."""
    table = timeline_table(tables)
    if table.empty or table["end"].max() <= 0:
        return None
    lanes = list(table.groupby(["machine", "slot"]))
    shown = lanes[:LANES]
    name, size = unit_of(table["end"].max())
    figure, axes = new_figure(9, 1.7 + 0.26 * len(shown))
    look = {"edgecolors": "white", "linewidths": 0.6 if len(table) < 200 else 0.2}
    look["rasterized"] = len(table) > MANY_LINES
    for place, (_, rows) in enumerate(shown):
        spans = list(zip(rows["start"] / size, (rows["end"] - rows["start"]) / size, strict=True))
        colours = [STATUS.get(status, COLOURS[3]) for status in rows["status"]]
        axes.broken_barh(spans, (place - 0.4, 0.8), facecolors=colours, **look)
    label_rows(axes, range(len(shown)), lane_names(*zip(*(key for key, _ in shown), strict=True)))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.01 * table["end"].max() / size)
    axes.grid(axis="x", color=GRID)
    first = pd.to_datetime(tables.trials["started"].dropna(), utc=True, format="ISO8601").min()
    axes.set_xlabel(f"{name} since {first:%Y-%m-%d %H:%M UTC}")
    axes.set_title(f"{len(table)} trials{cut_note(len(lanes), len(shown), 'lanes', 'first')}")
    handles = [Patch(color=STATUS[status], label=status) for status in STATUS if (table["status"] == status).any()]
    if not table["status"].isin(list(STATUS)).all():
        handles.append(Patch(color=COLOURS[3], label="other"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles))
    return figure


def lane_names(machines: Sequence[str], slots: Sequence[int]) -> list[str]:
    """Return ``gpu-box · slot 1``: a slot is one of the trials that a machine ran at the same time."""
    return [f"{machine} · slot {slot}" for machine, slot in zip(distinct_labels(machines, 26), slots, strict=True)]
