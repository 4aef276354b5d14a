"""The study's own tables made again from its runs, each beside what it printed; ``agrees`` is to the printed digit."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.published import files
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
from analysis.statistics.ranktests import mann_whitney, rank_sum


def same(ours: float, printed: float | None, decimals: int) -> bool:
    """Return whether *ours*, written with as many decimals, is what was printed (nothing printed: nothing to miss)."""
    return printed is None or bool(abs(round(ours, decimals) - printed) < 0.5 * 10**-decimals)


def correlations(folder: Path) -> pd.DataFrame:
    """Return class properties against the published class IoU: r and p, printed and ours (n = 20 classes)."""
    properties, scores = files.class_properties(folder), files.class_scores(folder)
    main = correlate(properties[list(PROPERTIES)], scores)
    products = correlate(properties[["freq_prop", "freq_nz_prop"]], scores, methods=("pearson",), correction=None)
    found = pd.concat([main, products]).set_index(["x", "method"])
    rows = []
    for (name, method), (r, p) in CORRELATIONS.items():
        row = found.loc[(name, method)]
        agrees = same(row["r"], r, 4) and same(row["p"], p, 4)
        rows.append(
            {"property": name, "method": method, "r_printed": r, "r": row["r"]}
            | {"low": row["low"], "high": row["high"], "p_printed": p, "p": row["p"]}
            | {"p_bh": row["p_adjusted"] if name in PROPERTIES else float("nan")}
            | {"n": int(row["n"]), "agrees": agrees}
        )
    return pd.DataFrame(rows).astype({"p_printed": float})


def class_scores(folder: Path) -> pd.DataFrame:
    """Return the mean IoU over eight published methods of each class, printed and ours."""
    ours = files.class_scores(folder)
    rows = [
        {"class": name, "iou_printed": printed, "iou": ours[name], "agrees": same(ours[name], printed, 4)}
        for name, printed in CLASS_SCORES.items()
    ]
    return pd.DataFrame(rows)


def best_method(folder: Path) -> pd.DataFrame:
    """Return Pearson's r of two properties with the IoU of the best published method alone, printed and ours."""
    properties, scores = files.class_properties(folder), files.method_scores(folder)[BEST_METHOD]
    # The sum of pixels is their mean times the number of images.
    x = pd.DataFrame({"proportion_mean": properties["proportion_mean"], "pixels": properties["pixel_mean"]})
    found = correlate(x, scores, methods=("pearson",), correction=None).set_index("x")
    rows = [
        {"property": name, "r_printed": printed, "r": found.loc[name, "r"], "low": found.loc[name, "low"]}
        | {"high": found.loc[name, "high"], "agrees": same(found.loc[name, "r"], printed, 8)}
        for name, printed in BEST_METHOD_CORRELATIONS.items()
    ]
    return pd.DataFrame(rows)


def class_groups(folder: Path) -> pd.DataFrame:
    """Return class IoU without and with copy-paste (random split, thinned, means of five runs), printed and ours."""
    runs = files.runs(folder)
    means = runs[list(files.CLASSES)].groupby(runs["configs"]).mean()
    kinds = {"none": "FALSE_none", "cnt": "TRUE_cnt", "performance": "TRUE_performance"}
    rows = []
    for name, printed in CLASS_GROUPS.items():
        row, agrees = {"class": name}, True
        for (kind, end), value in zip(kinds.items(), printed, strict=True):
            ours = means.loc[f"TRUE_random_x2_{end}", name]
            row |= {f"{kind}_printed": value, kind: ours}
            agrees &= same(ours, value, 4)
        rows.append(row | {"agrees": agrees})
    return pd.DataFrame(rows)


def groups(folder: Path) -> pd.DataFrame:
    """Return mean and SD (n - 1) of the test mIoU of each configuration, printed and ours, best first."""
    by = files.runs(folder).sort_values("random_state").groupby("configs")["test_mIoU"]
    rows = []
    for name, printed in GROUPS.items():
        values = by.get_group(name)
        agrees = same(values.mean(), printed.mean, 6) and same(values.std(), printed.sd, 6)
        agrees &= len(values) == len(printed.values)
        agrees &= all(same(ours, said, 4) for ours, said in zip(values, printed.values, strict=False))
        rows.append(
            {"configuration": name, "mean_printed": printed.mean, "mean": values.mean(), "sd_printed": printed.sd}
            | {"sd": values.std(), "n": len(values)}
            | {f"seed {seed}": value for seed, value in enumerate(values, start=1)}
            | {"agrees": agrees}
        )
    return pd.DataFrame(rows)


def rank_sums(folder: Path) -> pd.DataFrame:
    """Return the six published rank-sum tests: as printed, ours on scores cut to four decimals, and at full precision.

    The study tested scores that had been formatted with four decimals, by the normal approximation without tie
    correction, as two independent samples. ``p_exact`` is Mann-Whitney's exact p on the full scores.
    """
    scores = files.runs(folder).sort_values("random_state").groupby("configs")["test_mIoU"]
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
    runs = files.runs(folder)
    means = runs[list(files.CLASSES)].groupby(runs["configs"]).mean()
    rows = []
    for gain in GAINS:
        difference = means.loc[f"TRUE_random_x2_TRUE_{gain.paste}"] - means.loc["TRUE_random_x2_FALSE_none"]
        ours = difference[list(gain.classes)].mean()
        rows.append(
            {"copy-paste by": gain.paste, "classes": gain.name, "gain_printed": gain.value, "gain": ours}
            | {"agrees": same(ours, gain.value, 5)}
        )
    return pd.DataFrame(rows)
