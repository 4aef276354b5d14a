"""The study's tables made again, each with what agrees, what does not, and why."""

from pathlib import Path

import pandas as pd

from analysis.published import tables
from analysis.published.section import Section
from analysis.statistics.formatting import p_text


def reproduced(folder: Path) -> list[Section]:
    """Return the published tables next to ours."""
    return [
        _plain("Class IoU, mean over eight published methods (per cent)", tables.class_scores(folder), 4),
        _correlations(folder),
        _plain("Class properties against the IoU of one method (Pearson)", tables.best_method(folder), 9),
        _groups(folder),
        _plain("Class IoU without and with copy-paste (random split)", tables.class_groups(folder), 4),
        _rank_sums(folder),
        _gains(folder),
    ]


def _plain(title: str, table: pd.DataFrame, decimals: int) -> Section:
    return Section(title, table, [_agreement(table)], decimals)


def _agreement(table: pd.DataFrame) -> str:
    wrong = table[~table["agrees"]]
    if wrong.empty:
        return f"All {len(table)} rows agree to the printed digit."
    return f"{len(wrong)} of {len(table)} rows do not agree: {', '.join(wrong.iloc[:, 0].astype(str))}."


def _correlations(folder: Path) -> Section:
    table = tables.correlations(folder)
    printed = table.dropna(subset=["p_printed"])
    below, left = printed[printed["p_printed"] < 0.05], printed[printed["p_bh"] < 0.05]
    return Section(
        "Class properties against published class IoU (n = 20 classes)",
        table,
        [
            _agreement(table),
            f"{len(below)} of the {len(printed)} printed p are below .05; after Benjamini-Hochberg over all "
            f"of them, {len(left)} are (the smallest is {p_text(printed['p_bh'].min())}).",
            "freq_nz_prop is proportion_mean times the number of images: the same correlation, printed twice.",
        ],
        decimals=4,
    )


def _groups(folder: Path) -> Section:
    table = tables.groups(folder)
    return Section("Test mIoU by configuration, five seeds of the split", table, [_agreement(table)], decimals=6)


def _rank_sums(folder: Path) -> Section:
    table = tables.rank_sums(folder)
    sentences = [_agreement(table)]
    for row in table[table["rounding"]].itertuples():
        sentences.append(
            f"{row.first} against {row.second}: the scores had been formatted with four decimals, which makes a tie "
            f"that is none: p {row.p:.7f} as printed, {row.p_full:.7f} at full precision."
        )
    return Section(
        "Rank-sum tests",
        table.drop(columns="rounding"),
        [
            *sentences,
            "The rank-sum test takes the runs as independent groups, but they share their seeds; its p is the normal "
            "approximation, which at 5 against 5 differs from the exact p (p_exact).",
            "Six tests were read without a correction for looking six times.",
        ],
        decimals=7,
    )


def _gains(folder: Path) -> Section:
    table = tables.gains(folder)
    return Section(
        "Gain of copy-paste over none, averaged over classes (random split)",
        table,
        [
            _agreement(table),
            "The sets of classes are those that the donors were chosen from: a gain where one looked for it, without "
            "an interval. The tests class by class are below.",
        ],
        decimals=5,
    )
