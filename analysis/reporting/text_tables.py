"""Tables for the page and the terminal: chosen columns, readable headings, every cell formatted as text."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.corrections import NAMES
from analysis.statistics.formatting import MISSING, as_text, floor_text, level, number, p_text, signed
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


def text_table(table: pd.DataFrame, columns: dict[str, tuple[str, Callable[[Any], str]]]) -> TextTable:
    """Return *table* as texts; *columns* is column → (heading, how to write a value). NaN is a dash."""
    cells = [
        [MISSING if _missing(value) else write(value) for value in table[name]] for name, (_, write) in columns.items()
    ]
    return TextTable([heading for heading, _ in columns.values()], [list(row) for row in zip(*cells, strict=True)])


def _missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def leaderboard_text(tables: Tables, top: int) -> TextTable:
    """Return the best *top* trials by validation, without test scores, so that they choose nothing."""
    ranked = leaderboard(tables).head(top)
    ranked = ranked.assign(
        rank=range(1, len(ranked) + 1),
        parameters=[text or AS_IT_IS for text in parameter_texts(ranked, tables.parameters)],
        block=block_texts(tables, ranked, " / "),
    )
    columns = {
        "rank": ("", str),
        "trial": ("trial", str),
        "objective": (f"validation {objective_label(tables)}", number),
        f"{VALIDATION}_rare_iou": ("rare-class IoU", number),
        "epoch": ("epoch", str),
        "block": (" / ".join(tables.block) or "block", str),
        "parameters": ("sampled parameters", str),
    }
    return text_table(ranked, {name: how for name, how in columns.items() if name in ranked})


def configurations_text(table: pd.DataFrame, block: Sequence[str]) -> TextTable:
    """Return ``leaderboard.configurations`` as texts."""
    columns = {
        "parameters": ("configuration", str),
        "trials": ("trials", str),
        "blocks": ("/".join(block) or "block", str),
        "mean": ("mean", number),
        "sd": ("SD", number),
        "low": ("lowest", number),
        "high": ("highest", number),
    }
    return text_table(table, columns)


def classes_text(tables: Tables, best: pd.DataFrame) -> TextTable:
    """Return a row per class, rarest first; *best* has the intervals of the best trial (``best_trial_interval``)."""
    summary = class_summary(tables)
    known = best[best["split"] == scored_split(tables)].dropna(subset=["low"]).set_index("class")
    ends = {name: f"{number(row['low'])} to {number(row['high'])}" for name, row in known.iterrows()}
    summary["best_interval"] = [ends.get(name, MISSING) for name in summary["class"]]
    columns = {
        "class": ("class", str),
        "rare": ("named as rare", lambda rare: "yes" if rare else ""),
        "train_images": ("train images", lambda value: f"{value:,.0f}"),
        "train_pixels": ("train pixels", lambda value: f"{value:,.0f}"),
        "train_proportion": ("share of train pixels", lambda value: f"{100 * value:.3g} %"),
        "best": ("IoU, best trial", number),
        "best_interval": ("95 % over images", str),
        "iou": ("IoU, mean over trials", number),
        "low": ("lowest", number),
        "high": ("highest", number),
        "trials": ("trials with a score", str),
        "absent": ("absent in", str),
    }
    if known.empty:
        del columns["best_interval"]
    return text_table(summary, columns)


def comparison_text(table: pd.DataFrame) -> TextTable:
    """Return the numbers of one question, a row per pair of levels."""
    corrected = NAMES[table["correction"].iloc[0]] if len(table) else NAMES[None]
    rows = table.assign(
        pair=_pair_names(table),
        sizes=_sizes(table),
        interval=_intervals(table, 3),
    )
    columns = {
        "pair": ("b − a", str),
        "difference": ("difference", signed),
        "interval": ("95 % interval", str),
        "sizes": ("n", str),
        "test": ("test", lambda name: name.replace("_", " ")),
        "p": ("p", p_text),
        "p_adjusted": (f"p, {corrected}", p_text),
        "floor_adjusted": ("smallest possible", floor_text),
        "effect": (rows["effect_name"].iloc[0] if len(rows) else "effect", lambda value: signed(value, 2)),
        "superiority": ("superiority", lambda value: number(value, 2)),
        "repeats": ("averaged repeats", str),
        "incomplete": ("blocks left out", lambda names: names or MISSING),
    }
    if not table["repeats"].any():
        del columns["repeats"]
    if not table["incomplete"].any():
        del columns["incomplete"]
    return text_table(rows, columns)


def _pair_names(table: pd.DataFrame) -> list[str]:
    return [f"{level(b)} − {level(a)}" for a, b in zip(table["a"], table["b"], strict=True)]


def _intervals(table: pd.DataFrame, digits: int) -> list[str]:
    return [
        MISSING if pd.isna(low) else f"{signed(low, digits)} to {signed(high, digits)}"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]


def differences_text(table: pd.DataFrame, top: int) -> TextTable:
    """Return the differences class by class that are surest, at most *top*."""
    if table.empty:
        return TextTable([], [])
    rows = table.sort_values("p_adjusted", kind="stable").head(top)
    rows = rows.assign(
        pair=_pair_names(rows),
        interval=_intervals(rows, 3),
    )
    columns = {
        "class": ("class", str),
        "train_images": ("train images", lambda value: f"{value:,.0f}"),
        "pair": ("b − a", str),
        "difference": ("difference in IoU", signed),
        "interval": ("95 % interval", str),
        "n": ("n", str),
        "p": ("p", p_text),
        "p_adjusted": (f"p, {NAMES[rows['correction'].iloc[0]]}", p_text),
        "verdict": ("in words", str),
    }
    return text_table(rows, columns)


def importance_text(table: pd.DataFrame) -> TextTable:
    """Return the importance of each parameter for the objective."""
    if table.empty:
        return TextTable([], [])
    rows = table[table["target"] == "objective"]
    columns = {
        "parameter": ("parameter", str),
        "branch": ("where", lambda branch: branch or "all trials"),
        "importance": ("importance", lambda value: f"{100 * value:.0f} %"),
        "p": ("p of chance", p_text),
        "n": ("trials", str),
        "note": ("note", lambda note: note or MISSING),
    }
    return text_table(rows, columns)


def audit_text(table: pd.DataFrame) -> TextTable:
    """Return the audit, a row per check; checks that share their sentence share a row."""
    rows = merge_same_sentences(table)
    rows = rows.assign(interval=_intervals(rows, 3))
    columns = {
        "check": ("check", str),
        "sentence": ("in words", str),
        "value": ("value", lambda value: f"{value:.3g}".replace("-", "−")),
        "interval": ("95 % interval", str),
        "n": ("n", str),
    }
    return text_table(rows, columns)


def _sizes(rows: pd.DataFrame) -> list[str]:
    paired = rows["test"].isin(["signed_rank", "paired_t"])
    return [
        f"{n} pairs" if p else f"{a} + {b}"
        for p, n, a, b in zip(paired, rows["n"], rows["n_a"], rows["n_b"], strict=True)
    ]


def correlations_text(table: pd.DataFrame) -> TextTable:
    """Return the correlations as texts."""
    if "r" not in table or table.empty:
        return TextTable([], [])
    rows = table.assign(interval=_intervals(table, 2))
    columns = {
        "x": ("property", lambda name: PROPERTIES.get(name, name)),
        "y": ("score", str),
        "method": ("method", str),
        "r": ("r", lambda value: signed(value, 2)),
        "interval": ("95 % interval", str),
        "p": ("p", p_text),
        "p_adjusted": ("p, BH", p_text),
        "n": ("classes", str),
        "verdict": ("in words", str),
    }
    return text_table(rows, columns)


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
