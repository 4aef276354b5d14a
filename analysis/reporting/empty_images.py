"""The section on empty images: its tables as texts, and the files behind it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.reading.tables import GATED, Tables
from analysis.reporting.text_tables import IN_WORDS, Columns, TextTable, text_table
from analysis.statistics.formatting import MISSING, level, number, p_text, signed
from analysis.study.comparisons import comparison_rows
from analysis.study.empty_image_sentences import QUESTIONS, answers, gate_sentences, images_sentence
from analysis.study.empty_images import ALARMS, BETTER, WORSE, EmptyImages, helps
from analysis.study.leaderboard import VALIDATION, is_minimized, score_name
from analysis.study.tuned_gates import IOU, OF_GATES, SENSITIVITY
from analysis.study.verdict_rules import UNDECIDABLE, UNTESTED

PLAIN = {
    ALARMS: "false alarms at 90 % sensitivity",
    IOU: "foreground IoU",
    "positive_iou": "IoU on images with foreground",
    "foreground_auroc": "presence AUROC",
    "empty_false_alarm_rate": "false alarms",
    SENSITIVITY: "sensitivity",
}
"""Score → heading of its column, in the order of the table of configurations."""


def section(tables: Tables, found: EmptyImages, most: int) -> dict[str, Any] | None:
    """Return what the template needs for the section, at most *most* rows a table; None: no image is empty."""
    if found.means.empty:
        return None
    rows = helps(found)
    return {
        "images": images_sentence(tables, found.split),
        "on": "validation" if found.split == VALIDATION else found.split,
        "answers": [(QUESTIONS[name], texts) for name, texts in answers(tables, found).items()],
        "helps": helps_text(rows.head(most)),
        "helps_more": max(0, len(rows) - most),
        "means": means_text(found, most),
        "configurations": found.means["configuration"].nunique(),
        "most": most,
        "unequal": found.means.groupby(["split", "score"])["blocks"].nunique().gt(1).any(),
        "gates": gate_sentences(found),
        "gate_means": gates_text(found.gates.head(most)),
        "gate_tests": gate_tests_text(found.gate_tests),
    }


def helps_text(rows: pd.DataFrame) -> TextTable:
    """Return ``helps`` as texts: a row per pair of levels, a cell for each of the two questions."""
    if rows.empty:
        return TextTable([], [])
    known = [name for name in QUESTIONS if f"{name} word" in rows]
    cells = {name: [_cell(row, name) for row in rows.to_dict("records")] for name in known}
    pairs = [f"{level(b)} against {level(a)}" for a, b in zip(rows["a"], rows["b"], strict=True)]
    columns: Columns = {"treatment": ("what is compared", str), "pair": ("b against a", str)}
    columns |= {name: (f"{PLAIN[name]} ({_direction(name)})", str) for name in known}
    return text_table(rows[["treatment"]].assign(pair=pairs, **cells), columns)


def _cell(row: dict[str, Any], name: str) -> str:
    word, n = row[f"{name} word"], row[f"{name} n"]
    if pd.isna(word):
        return MISSING
    size = f"{signed(row[f'{name} difference'])}{_ends(row[f'{name} low'], row[f'{name} high'], signed)}"
    if word == UNTESTED:
        return word
    if word == UNDECIDABLE:
        return f"{word} with n = {int(n)}: {size}"
    p = f", p {p_text(row[f'{name} p_adjusted'])}"
    return f"{word if word in (BETTER, WORSE) else 'no difference shown'}: {size}{p}"


def _ends(low: float, high: float, write=number) -> str:
    return "" if pd.isna(low) else f" ({write(low)} to {write(high)})"


def _direction(name: str) -> str:
    return "lower is better" if is_minimized(f"val_{name}") else "higher is better"


def means_text(found: EmptyImages, most: int, scores: Sequence[str] = tuple(PLAIN)) -> TextTable:
    """Return a row per configuration: means over blocks with their intervals on the split that is compared."""
    rows = found.means[found.means["split"] == found.split]
    names = [name for name in scores if (rows["score"] == name).any()]
    texts = [f"{number(row.mean)}{_ends(row.low, row.high)}" for row in rows.itertuples()]
    wide = rows.assign(text=texts).pivot(index="configuration", columns="score", values="text")
    wide = wide.reindex(index=rows["configuration"].unique(), columns=names).head(most)
    blocks = rows.groupby("configuration", sort=False)["blocks"].max().reindex(wide.index)
    columns: Columns = {"configuration": ("configuration", str), "blocks": ("blocks", str)}
    columns |= {name: (PLAIN[name], str) for name in names}
    return text_table(wide.assign(blocks=blocks).reset_index(), columns)


def gates_text(gates: pd.DataFrame) -> TextTable:
    """Return ``gate_means`` as texts: each score without gate → with it, and the bound."""
    if gates.empty:
        return TextTable([], [])
    pairs = {
        name: [f"{number(row[name])} → {number(row[GATED + name])}" for row in gates.to_dict("records")]
        for name in OF_GATES
        if gates[GATED + name].notna().any()
    }
    columns: Columns = {"configuration": ("configuration", str), "kind": ("gate", str), "split": ("on", str)}
    columns |= {"trials": ("trials", str)} | {name: (PLAIN[name], str) for name in pairs}
    columns |= {"bound": ("bound of false alarms, highest", number), "below": ("trials within their bound", str)}
    below = [f"{within} of {trials}" for within, trials in zip(gates["within"], gates["trials"], strict=True)]
    on = gates["split"].replace(VALIDATION, "validation")
    return text_table(gates.assign(**pairs, below=below, split=on), columns)


def gate_tests_text(tests: pd.DataFrame) -> TextTable:
    """Return ``gates_compared`` as texts."""
    if tests.empty:
        return TextTable([], [])
    named = tests["score"].str.partition("_")
    rows = tests.assign(on=named[0].replace(VALIDATION, "validation"), name=named[2].map(score_name))
    rows["interval"] = [
        _ends(low, high, signed).strip(" ()") or MISSING for low, high in zip(rows["low"], rows["high"], strict=True)
    ]
    columns: Columns = {"name": ("score", str), "on": ("on", str), "difference": ("with − without gate", signed)}
    columns |= {"interval": ("95 % interval", str), "n": ("blocks", str), "p": ("p", p_text), "verdict": IN_WORDS}
    return text_table(rows, columns)


def files(found: EmptyImages) -> dict[str, pd.DataFrame]:
    """Return file name → table behind the section; none where no image is empty."""
    if found.means.empty:
        return {}
    tables = {"empty_images.csv": found.means, "empty_image_comparisons.csv": comparison_rows(found.comparisons)}
    if len(found.gates):
        tables |= {"gates.csv": found.gates, "gate_comparisons.csv": found.gate_tests}
    return tables
