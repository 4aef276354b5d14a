"""The tables of the published study computed again from its runs, each beside what was reported.

``agrees`` means to the last reported digit.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.published import study_files
from analysis.published.reported import (
    BEST_METHOD,
    BEST_METHOD_CORRELATIONS,
    CLASS_GROUPS,
    CLASS_SCORES,
    CORRELATIONS,
    GAINS,
    GROUPS,
    PROPERTIES,
    RANK_SUMS,
)
from analysis.statistics.correlate import correlate
from analysis.statistics.formatting import p_text
from analysis.statistics.rank_tests import mann_whitney, rank_sum


class Section(NamedTuple):
    """One table with what is to be said of it."""

    title: str
    table: pd.DataFrame
    sentences: list[str]
    decimals: int | None = None
    """With how many every number is printed; None: as many as a reader needs."""


def reproduced(folder: Path) -> list[Section]:
    """Return the published tables next to ours."""
    return [
        _section("Class IoU, mean over eight published methods (per cent)", class_scores(folder), 4),
        _correlations_section(folder),
        _section("Class properties against the IoU of one method (Pearson)", best_method(folder), 9),
        _section("Test mIoU by configuration, five seeds of the split", groups(folder), 6),
        _section("Class IoU without and with copy-paste (random split)", class_groups(folder), 4),
        _rank_sums_section(folder),
        _section(
            "Gain of copy-paste over none, averaged over classes (random split)",
            gains(folder),
            5,
            "The sets of classes are those that the donors were chosen from: a gain where one looked for it, without "
            "an interval. The tests class by class are below.",
        ),
    ]


def _section(title: str, table: pd.DataFrame, decimals: int, *sentences: str) -> Section:
    wrong = table[~table["agrees"]]
    agreement = f"All {len(table)} rows agree to the printed digit."
    if len(wrong):
        names = ", ".join(wrong.iloc[:, 0].astype(str))
        agreement = f"{len(wrong)} of {len(table)} rows do not agree: {names}."
    return Section(title, table.drop(columns="rounding", errors="ignore"), [agreement, *sentences], decimals)


def _correlations_section(folder: Path) -> Section:
    table = correlations(folder)
    reported = table.dropna(subset=["p_printed"])
    below, left = reported[reported["p_printed"] < 0.05], reported[reported["p_bh"] < 0.05]
    return _section(
        "Class properties against published class IoU (n = 20 classes)",
        table,
        4,
        f"{len(below)} of the {len(reported)} printed p are below .05; after Benjamini-Hochberg over all "
        f"of them, {len(left)} are (the smallest is {p_text(reported['p_bh'].min())}).",
        "freq_nz_prop is proportion_mean times the number of images: the same correlation, printed twice.",
    )


def _rank_sums_section(folder: Path) -> Section:
    table = rank_sums(folder)
    ties = [
        f"{row.first} against {row.second}: the scores had been formatted with four decimals, which makes a tie "
        f"that is none: p {row.p:.7f} as printed, {row.p_full:.7f} at full precision."
        for row in table[table["rounding"]].itertuples()
    ]
    return _section(
        "Rank-sum tests",
        table,
        7,
        *ties,
        "The rank-sum test takes the runs as independent groups, but they share their seeds; its p is the normal "
        "approximation, which at 5 against 5 differs from the exact p (p_exact).",
        "Six tests were read without a correction for looking six times.",
    )


def same(computed: float, reported: float | None, decimals: int) -> bool:
    """Return whether *computed*, rounded to *decimals*, is the *reported* value; True if none was reported."""
    return reported is None or bool(abs(round(computed, decimals) - reported) < 0.5 * 10**-decimals)


def class_scores(folder: Path) -> pd.DataFrame:
    """Return the mean IoU over eight published methods of each class, printed and ours."""
    ours = study_files.class_scores(folder)
    rows = [(name, printed, ours[name], same(ours[name], printed, 4)) for name, printed in CLASS_SCORES.items()]
    return pd.DataFrame(rows, columns=["class", "iou_printed", "iou", "agrees"])


def correlations(folder: Path) -> pd.DataFrame:
    """Return class properties against the published class IoU: r and p, printed and ours (n = 20 classes)."""
    properties, scores = study_files.class_properties(folder), study_files.class_scores(folder)
    main = correlate(properties[list(PROPERTIES)], scores)
    products = correlate(properties[["freq_prop", "freq_nz_prop"]], scores, methods=("pearson",), correction=None)
    computed = pd.concat([main, products]).set_index(["x", "method"])
    rows = []
    for (name, method), (r, p) in CORRELATIONS.items():
        row = computed.loc[(name, method)]
        rows.append(
            {"property": name, "method": method, "r_printed": r, "r": row["r"]}
            | {"low": row["low"], "high": row["high"], "p_printed": p, "p": row["p"]}
            | {"p_bh": row["p_adjusted"] if name in PROPERTIES else float("nan")}
            | {"n": int(row["n"]), "agrees": same(row["r"], r, 4) and same(row["p"], p, 4)}
        )
    return pd.DataFrame(rows).astype({"p_printed": float})


def best_method(folder: Path) -> pd.DataFrame:
    """Return Pearson's r of two properties with the IoU of the best published method alone, printed and ours."""
    properties, scores = study_files.class_properties(folder), study_files.method_scores(folder)[BEST_METHOD]
    # The sum of pixels is their mean times the number of images.
    x = pd.DataFrame({"proportion_mean": properties["proportion_mean"], "pixels": properties["pixel_mean"]})
    computed = correlate(x, scores, methods=("pearson",), correction=None).set_index("x")
    rows = [
        {"property": name, "r_printed": reported, "r": computed.loc[name, "r"], "low": computed.loc[name, "low"]}
        | {"high": computed.loc[name, "high"], "agrees": same(computed.loc[name, "r"], reported, 8)}
        for name, reported in BEST_METHOD_CORRELATIONS.items()
    ]
    return pd.DataFrame(rows)


def groups(folder: Path) -> pd.DataFrame:
    """Return mean and SD (n - 1) of the test mIoU of each configuration, printed and ours, best first."""
    by = study_files.runs(folder).sort_values("random_state").groupby("configs")["test_mIoU"]
    rows = []
    for name, reported in GROUPS.items():
        values = by.get_group(name)
        agrees = same(values.mean(), reported.mean, 6) and same(values.std(), reported.sd, 6)
        agrees &= len(values) == len(reported.values)
        agrees &= all(same(ours, printed, 4) for ours, printed in zip(values, reported.values, strict=False))
        rows.append(
            {"configuration": name, "mean_printed": reported.mean, "mean": values.mean(), "sd_printed": reported.sd}
            | {"sd": values.std(), "n": len(values)}
            | {f"seed {seed}": value for seed, value in enumerate(values, start=1)}
            | {"agrees": agrees}
        )
    return pd.DataFrame(rows)


def class_groups(folder: Path) -> pd.DataFrame:
    """Return class IoU without and with copy-paste (random split, thinned, means of five runs), printed and ours."""
    runs = study_files.runs(folder)
    means = runs[list(study_files.CLASSES)].groupby(runs["configs"]).mean()
    kinds = {"none": "FALSE_none", "cnt": "TRUE_cnt", "performance": "TRUE_performance"}
    rows = []
    for name, reported in CLASS_GROUPS.items():
        row, agrees = {"class": name}, True
        for (kind, end), value in zip(kinds.items(), reported, strict=True):
            ours = means.loc[f"TRUE_random_x2_{end}", name]
            row |= {f"{kind}_printed": value, kind: ours}
            agrees &= same(ours, value, 4)
        rows.append(row | {"agrees": agrees})
    return pd.DataFrame(rows)


def rank_sums(folder: Path) -> pd.DataFrame:
    """Return the six published rank-sum tests: as printed, ours on scores cut to four decimals, and at full precision.

    The study tested scores that had been formatted with four decimals, by the normal approximation without tie
    correction, as two independent samples. ``p_exact`` is Mann-Whitney's exact p on the full scores.
    """
    scores = study_files.runs(folder).sort_values("random_state").groupby("configs")["test_mIoU"]
    rows = []
    for test in RANK_SUMS:
        first, second = scores.get_group(test.first).to_numpy(), scores.get_group(test.second).to_numpy()
        # ``rank_sum`` is b over a, the study's first over second.
        statistic, p = rank_sum(np.round(second, 4), np.round(first, 4))
        full_statistic, full_p = rank_sum(second, first)
        rows.append(
            {"first": test.first, "second": test.second, "statistic_printed": test.statistic, "statistic": statistic}
            | {"p_printed": test.p, "p": p, "statistic_full": full_statistic, "p_full": full_p}
            | {"p_exact": mann_whitney(first, second)[1]}
            | {"agrees": same(statistic, test.statistic, 9) and same(p, test.p, 10)}
            | {"rounding": not np.isclose(p, full_p)}
        )
    return pd.DataFrame(rows)


def gains(folder: Path) -> pd.DataFrame:
    """Return the gains of copy-paste over none (random split), averaged over sets of classes, printed and ours."""
    runs = study_files.runs(folder)
    means = runs[list(study_files.CLASSES)].groupby(runs["configs"]).mean()
    rows = []
    for gain in GAINS:
        difference = means.loc[f"TRUE_random_x2_TRUE_{gain.paste}"] - means.loc["TRUE_random_x2_FALSE_none"]
        ours = difference[list(gain.classes)].mean()
        rows.append((gain.paste, gain.name, gain.value, ours, same(ours, gain.value, 5)))
    return pd.DataFrame(rows, columns=["copy-paste by", "classes", "gain_printed", "gain", "agrees"])
