"""Empty images, which hold no class: what helps against false alarms on them, what helps IoU, and what gates do.

The two questions are asked apart, each of a score that is fixed beforehand, and by the same comparisons as the
objective: a treatment may help one of them and cost the other.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import GATED, Tables
from analysis.statistics.effect_sizes import mean_paired
from analysis.study.comparisons import TreatmentComparison, compare_treatments, compared_scores, with_configurations
from analysis.study.leaderboard import CONFIGURATION, TEST, VALIDATION, leaderboard
from analysis.study.tuned_gates import IOU, OF_GATES, RATE, SENSITIVITY, gate_means, gates_compared
from analysis.study.verdict_rules import HIGHER, LOWER

ALARMS = "false_alarms_at_sensitivity_90"
"""The score of the first question; that of the second is ``IOU``."""
BESIDE = (RATE, SENSITIVITY, "foreground_auroc", "positive_iou")
"""Further scores of the table of configurations, which are compared, too."""
IN_FILE = (
    "false_alarms_at_sensitivity_80", "false_alarms_at_sensitivity_95", "sensitivity_at_false_alarms_01",
    "sensitivity_at_false_alarms_05", "sensitivity_at_false_alarms_10", "positive_dice", "siim_dice",
)  # fmt: skip
"""Scores of which the file has the means, and the page has not."""


BETTER, WORSE = "better", "worse"
ENDS = "low", "high"
"""Of an interval."""


class EmptyImages(NamedTuple):
    """What a study says of empty images; of one that holds none every table is empty."""

    split: str
    """The split whose scores are compared."""
    means: pd.DataFrame
    """See ``score_means``."""
    comparisons: list[TreatmentComparison]
    """Of the two questions first, then of ``BESIDE`` and of ``OF_GATES`` with gate."""
    gates: pd.DataFrame
    """See ``gate_means``."""
    gate_tests: pd.DataFrame
    """See ``gates_compared``."""

    def of(self, score: str) -> list[TreatmentComparison]:
        """Return the comparisons of a score: ``ALARMS``, ``IOU``, …"""
        return [each for each in self.comparisons if each.score == f"{self.split}_{score}"]


def empty_images(tables: Tables, alpha: float = 0.05) -> EmptyImages:
    """Return what a study says of empty images, from complete trials only.

    Compared are the scores of validation; those of test where the study compares its objective there (see
    ``compared_scores``).
    """
    splits = empty_image_splits(tables)
    first = next(iter(compared_scores(tables)), "objective")
    split = TEST if TEST in splits and (first.startswith(f"{TEST}_") or len(splits) == 1) else VALIDATION
    names = [ALARMS, IOU, *BESIDE, *(GATED + name for name in OF_GATES)]
    columns = [f"{split}_{name}" for name in names] if splits else []
    return EmptyImages(
        split=split,
        means=score_means(tables, splits),
        comparisons=compare_treatments(tables, alpha, known(leaderboard(tables), columns)) if splits else [],
        gates=gate_means(tables, splits),
        gate_tests=gates_compared(tables, splits, alpha),
    )


def empty_image_splits(tables: Tables) -> list[str]:
    """Return the splits of which some complete trial has scores of empty images."""
    ranked = leaderboard(tables)
    return [split for split in (VALIDATION, TEST) if known(ranked, [f"{split}_{RATE}"])]


def known(trials: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Return those of *columns* that *trials* has, with a value in some row."""
    return [column for column in columns if column in trials and trials[column].notna().any()]


def score_means(tables: Tables, splits: list[str]) -> pd.DataFrame:
    """Return a row per configuration, split and score: its mean over blocks, with Student's interval within 0 to 1.

    Trials of one block are averaged first. Columns: ``configuration``, ``split``, ``score``, ``blocks``, ``mean``,
    ``low``, ``high``. There is no interval (NaN) of one block, nor where all blocks have the same score: that three
    blocks had no false alarm does not say that there is none. The first configuration is that with the best mean of
    ``ALARMS``; equal ones are in the order of their objective.
    """
    names = [ALARMS, IOU, *BESIDE, *IN_FILE, *(GATED + name for name in OF_GATES)]
    columns = {f"{split}_{name}": (split, name) for split in splits for name in names}
    cells = _cells(tables, columns)
    rows = [
        {"configuration": name, "split": columns[column][0], "score": columns[column][1]} | _mean(own[column].dropna())
        for name, own in cells.groupby(CONFIGURATION, sort=False)
        for column in known(own, columns)
    ]
    table = pd.DataFrame(rows, columns=["configuration", "split", "score", "blocks", "mean", "low", "high"])
    return table.iloc[np.argsort(_order(table), kind="stable")].reset_index(drop=True)


def _cells(tables: Tables, columns: Iterable[str]) -> pd.DataFrame:
    """Return the mean of *columns* in each cell of configuration and block, the best objective first."""
    ranked = with_configurations(tables)
    place = [CONFIGURATION, *(tables.block or ("trial",))]
    return ranked.groupby(place, sort=False, dropna=False)[known(ranked, columns)].mean().reset_index()


def _mean(values: pd.Series) -> dict[str, float]:
    estimate = mean_paired(np.zeros(len(values)), values.to_numpy(float))
    low, high = np.clip([estimate.low, estimate.high], 0, 1) if np.ptp(values) else (np.nan, np.nan)
    return {"blocks": len(values), "mean": estimate.value, "low": float(low), "high": float(high)}


def _order(means: pd.DataFrame) -> list[float]:
    """Return the mean of ``ALARMS`` of the configuration of each row, of the first split that has it."""
    rows = means[means["score"] == ALARMS].drop_duplicates("configuration")
    return means["configuration"].map(rows.set_index("configuration")["mean"]).fillna(np.inf).tolist()


def helps(found: EmptyImages) -> pd.DataFrame:
    """Return a row per treatment and pair of levels: what b does to each of the two questions, against a.

    Columns ``treatment``, ``a``, ``b`` and, behind the name of ``ALARMS`` and of ``IOU``, ``difference`` (b − a),
    ``low``, ``high``, ``p_adjusted``, ``n`` and ``word``: what the exact test says, ``BETTER``, ``WORSE`` or another
    one of ``EXACT``. Where all pairs of levels are compared, b is the one that has fewer false alarms.
    """
    rows: dict[tuple, dict] = {}
    for name in (ALARMS, IOU):
        for comparison in found.of(name):
            words = comparison.agreement["exact"]
            for row, word in zip(comparison.rows.to_dict("records"), words, strict=True):
                pair = comparison.treatment, row["a"], row["b"]
                rows.setdefault(pair, {"treatment": pair[0], "a": pair[1], "b": pair[2]})
                rows[pair] |= {f"{name} {each}": row[each] for each in (*ENDS, "difference", "p_adjusted", "n")}
                rows[pair] |= {f"{name} word": _better_or_worse(word, minimize=comparison.minimize)}
                rows[pair]["all pairs"] = comparison.against is None
    return pd.DataFrame([_oriented(row) for row in rows.values()])


def _better_or_worse(word: str, *, minimize: bool) -> str:
    better, worse = (LOWER, HIGHER) if minimize else (HIGHER, LOWER)
    return {better: BETTER, worse: WORSE}.get(word, word)


def _oriented(row: dict) -> dict:
    """Return a row with a and b exchanged where b has more false alarms and none of them is the default."""
    if not row.pop("all pairs") or not row.get(f"{ALARMS} difference", 0) > 0:
        return row
    turned = row | {"a": row["b"], "b": row["a"]}
    for name in (ALARMS, IOU):
        if f"{name} word" in row:
            low, high = (-row[f"{name} {end}"] for end in ENDS[::-1])
            turned |= {f"{name} low": low, f"{name} high": high, f"{name} difference": -row[f"{name} difference"]}
            turned[f"{name} word"] = {BETTER: WORSE, WORSE: BETTER}.get(row[f"{name} word"], row[f"{name} word"])
    return turned
