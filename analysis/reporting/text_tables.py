"""Tables for the page and the terminal: chosen columns, readable headings, every cell formatted as text."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.corrections import NAMES
from analysis.statistics.formatting import MISSING, as_text, assumption, floor_text, level, number, p_text, signed
from analysis.study.audit_checks import merge_same_sentences
from analysis.study.class_summary import PROPERTIES, class_summary, scored_split
from analysis.study.leaderboard import (
    AS_IT_IS,
    VALIDATION,
    block_texts,
    leaderboard,
    objective_label,
    parameter_texts,
)


class TextTable(NamedTuple):
    """A table of texts."""

    headings: list[str]
    rows: list[list[str]]


Columns = dict[str, tuple[str, Callable[[Any], str]]]
"""Column → its heading, and how a value of it is written."""
CLASS: Columns = {"class": ("class", str)}
DIFFERENCE: Columns = {"pair": ("b − a", str), "difference": ("difference", signed), "interval": ("95 % interval", str)}
P: Columns = {"p": ("p", p_text)}
IN_WORDS = ("in words", str)


def text_table(table: pd.DataFrame, columns: Columns) -> TextTable:
    """Return *columns* of *table* as texts; NaN is a dash. Without rows there are no headings either."""
    if table.empty:
        return TextTable([], [])
    cells = [
        [MISSING if pd.isna(value) else write(value) for value in table[name]] for name, (_, write) in columns.items()
    ]
    return TextTable([heading for heading, _ in columns.values()], [list(row) for row in zip(*cells, strict=True)])


def leaderboard_text(tables: Tables, top: int) -> TextTable:
    """Return the best *top* trials by validation, without test scores, so that they choose nothing."""
    ranked = leaderboard(tables).head(top)
    ranked = ranked.assign(
        rank=range(1, len(ranked) + 1),
        parameters=[text or AS_IT_IS for text in parameter_texts(ranked, tables.parameters)],
        block=block_texts(tables, ranked, " / "),
    )
    columns: Columns = {"rank": ("", str), "trial": ("trial", str)}
    columns |= {"objective": (f"validation {objective_label(tables)}", number)}
    columns |= {f"{VALIDATION}_rare_iou": ("rare-class IoU", number), "epoch": ("epoch", str)}
    columns |= {"block": (" / ".join(tables.block) or "block", str), "parameters": ("sampled parameters", str)}
    return text_table(ranked, {name: how for name, how in columns.items() if name in ranked})


def configurations_text(table: pd.DataFrame, block: Sequence[str]) -> TextTable:
    """Return ``leaderboard.configurations`` as texts."""
    columns: Columns = {"parameters": ("configuration", str), "trials": ("trials", str)}
    columns |= {"blocks": ("/".join(block) or "block", str), "mean": ("mean", number), "sd": ("SD", number)}
    return text_table(table, columns | {"low": ("lowest", number), "high": ("highest", number)})


def classes_text(tables: Tables, best: pd.DataFrame) -> TextTable:
    """Return a row per class, rarest first; *best* has the intervals of the best trial (``best_trial_interval``)."""
    summary = class_summary(tables)
    known = best[best["split"] == scored_split(tables)].dropna(subset=["low"]).set_index("class")
    ends = {name: f"{number(row['low'])} to {number(row['high'])}" for name, row in known.iterrows()}
    summary["best_interval"] = [ends.get(name, MISSING) for name in summary["class"]]
    columns = CLASS | {"rare": ("named as rare", lambda rare: "yes" if rare else "")}
    columns |= {"train_images": ("train images", _thousands), "train_pixels": ("train pixels", _thousands)}
    columns |= {"train_proportion": ("share of train pixels", lambda value: f"{100 * value:.3g} %")}
    columns |= {"best": ("IoU, best trial", number)}
    columns |= {"best_interval": ("95 % over images", str)} if len(known) else {}
    columns |= {"iou": ("IoU, mean over trials", number), "low": ("lowest", number), "high": ("highest", number)}
    return text_table(summary, columns | {"trials": ("trials with a score", str), "absent": ("absent in", str)})


def _thousands(value: float) -> str:
    return f"{value:,.0f}"


def _two_digits(value: float) -> str:
    return signed(value, 2)


def comparison_text(
    table: pd.DataFrame, opinion: pd.DataFrame, likely: pd.DataFrame, *, minimize: bool = False
) -> TextTable:
    """Return the numbers of one question, a row per pair of levels.

    Args:
        table: rows of ``compare`` with the column ``agree`` of ``agreement``.
        opinion: of ``linear_model``; empty where nothing is paired.
        likely: of ``practical``, likewise.
        minimize: less of the score is better.
    """
    if table.empty:
        return TextTable([], [])
    rows = table.assign(pair=_pair_names(table), sizes=_sizes(table), interval=_intervals(table, 3))
    columns = DIFFERENCE | {"sizes": ("n", str), "test": ("test", lambda name: name.replace("_", " "))} | P
    if rows["family_size"].max() > 1:
        columns |= {"p_adjusted": (f"p, {NAMES[table['correction'].iloc[0]]}", p_text)}
    columns |= {"floor_adjusted": ("smallest possible", floor_text)}
    if len(opinion):
        rows = rows.merge(opinion[["a", "b", "p_adjusted"]], on=["a", "b"], how="left", suffixes=("", "_model"))
        columns |= {"p_adjusted_model": (f"p, {assumption(opinion['form'].iloc[0])}", p_text)}
    if len(likely):
        names = ["p_better", "p_equivalent", "p_worse"]
        rows = rows.merge(likely[["a", "b", *names]], on=["a", "b"], how="left")
        rows["chances"] = [" / ".join(number(value, 2) for value in values) for values in rows[names].to_numpy()]
        rope = as_text(float(likely["rope"].iloc[0]))
        better, worse = ("lower", "higher") if minimize else ("higher", "lower")
        columns |= {"chances": (f"probability of {better} by {rope} / same / {worse}", str)}
        columns |= {"agree": ("agree", str)}
    columns |= {"effect": (rows["effect_name"].iloc[0], _two_digits)}
    columns |= {"superiority": ("superiority", lambda value: number(value, 2))}
    columns |= {"repeats": ("averaged repeats", str)} if table["repeats"].any() else {}
    columns |= {"incomplete": ("blocks left out", _or_dash)} if table["incomplete"].any() else {}
    return text_table(rows, columns)


def _or_dash(text: str) -> str:
    return text or MISSING


def _pair_names(table: pd.DataFrame) -> list[str]:
    return [f"{level(b)} − {level(a)}" for a, b in zip(table["a"], table["b"], strict=True)]


def _intervals(table: pd.DataFrame, digits: int) -> list[str]:
    return [
        MISSING if pd.isna(low) else f"{signed(low, digits)} to {signed(high, digits)}"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]


def _sizes(rows: pd.DataFrame) -> list[str]:
    paired = rows["test"].isin(["signed_rank", "paired_t"])
    sizes = zip(paired, rows["n"], rows["n_a"], rows["n_b"], strict=True)
    return [f"{n} pairs" if is_paired else f"{a} + {b}" for is_paired, n, a, b in sizes]


def differences_text(table: pd.DataFrame, top: int) -> TextTable:
    """Return the differences class by class that are surest, at most *top*."""
    if table.empty:
        return TextTable([], [])
    rows = table.sort_values("p_adjusted", kind="stable").head(top)
    rows = rows.assign(pair=_pair_names(rows), interval=_intervals(rows, 3))
    columns = CLASS | {"train_images": ("train images", _thousands)} | DIFFERENCE
    columns |= {"difference": ("difference in IoU", signed), "n": ("n", str)} | P
    columns |= {"p_adjusted": (f"p, {NAMES[rows['correction'].iloc[0]]}", p_text), "verdict": IN_WORDS}
    return text_table(rows, columns)


def importance_text(table: pd.DataFrame) -> TextTable:
    """Return the importance of each parameter for the objective."""
    if table.empty:
        return TextTable([], [])
    columns: Columns = {"parameter": ("parameter", str), "branch": ("where", lambda branch: branch or "all trials")}
    columns |= {"importance": ("importance", lambda value: f"{100 * value:.0f} %"), "p": ("p of chance", p_text)}
    columns |= {"n": ("trials", str), "note": ("note", _or_dash)}
    return text_table(table[table["target"] == "objective"], columns)


def audit_text(table: pd.DataFrame) -> TextTable:
    """Return the audit, a row per check; checks that share their sentence share a row."""
    rows = merge_same_sentences(table)
    columns: Columns = {"check": ("check", str), "sentence": IN_WORDS}
    columns |= {"value": ("value", lambda value: f"{value:.3g}".replace("-", "−"))}
    columns |= {"interval": ("95 % interval", str), "n": ("n", str)}
    return text_table(rows.assign(interval=_intervals(rows, 3)), columns)


def correlations_text(table: pd.DataFrame) -> TextTable:
    """Return the correlations as texts."""
    if table.empty:
        return TextTable([], [])
    columns: Columns = {"x": ("property", lambda name: PROPERTIES.get(name, name)), "y": ("score", str)}
    columns |= {"method": ("method", str), "r": ("r", _two_digits), "interval": ("95 % interval", str)} | P
    columns |= {"p_adjusted": ("p, BH", p_text), "n": ("classes", str), "verdict": IN_WORDS}
    return text_table(table.assign(interval=_intervals(table, 2)), columns)


def plain_text(table: pd.DataFrame) -> TextTable:
    """Return all columns of *table* as texts."""
    return text_table(table, {name: (name, as_text) for name in table})


def frame_text(table: pd.DataFrame, decimals: int | None = None) -> TextTable:
    """Return any table of ours as texts, its numbers with as many *decimals*; None: four, and p as p is written."""
    columns = {}
    for name in table:
        if decimals is None and (name == "p" or str(name).startswith("p_")):
            columns[name] = (name, p_text)
        elif table[name].dtype.kind == "f":
            columns[name] = (name, lambda value: f"{value:.{4 if decimals is None else decimals}f}".replace("-", "−"))
        else:
            columns[name] = (name, str)
    return text_table(table, columns)
