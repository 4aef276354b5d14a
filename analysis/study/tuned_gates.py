"""What the tuned gates of a study do to false alarms, sensitivity and IoU, and the bounds that come with them."""

import pandas as pd

from analysis.reading.tables import GATED, Tables
from analysis.statistics.compare import compare
from analysis.study.comparisons import with_configurations
from analysis.study.leaderboard import CONFIGURATION

RATE, SENSITIVITY, IOU = "empty_false_alarm_rate", "sensitivity", "foreground_iou"
OF_GATES = (RATE, SENSITIVITY, IOU)
"""Scores that are told without gate and with it."""


def gate_means(tables: Tables, splits: list[str]) -> pd.DataFrame:
    """Return a row per configuration whose trials tuned a gate, and split: means over these trials.

    Columns: ``configuration``, ``split``, ``kind`` of the gate, ``trials``, each of ``OF_GATES`` without gate and, as
    ``gated_<score>``, with it; ``bound``, the highest of the trials' bounds of the rate of false alarms, with its
    ``confidence``, the lowest; ``within``, in how many of the trials the rate with gate is at most the trial's own
    bound. The bound is of other images than those that were counted: on test, a rate that is a little above it does
    not refute it.
    """
    names = [*OF_GATES, *(GATED + name for name in OF_GATES)]
    columns = ["configuration", "split", "kind", "trials", *names, "bound", "confidence", "within"]
    rows = []
    for name, own in gated_trials(tables).groupby(CONFIGURATION, sort=False):
        for split in splits:
            rate = f"{split}_{GATED}{RATE}"
            if rate in own and own[rate].notna().any():
                row = {"configuration": name, "split": split, "trials": len(own)}
                row |= {each: own[column].mean() for each in names if (column := f"{split}_{each}") in own}
                row |= {"kind": " or ".join(own["gate_kind"].unique()), "bound": own["gate_bound"].max()}
                row |= {"confidence": own["gate_confidence"].min()}
                rows.append(row | {"within": int((own[rate] <= own["gate_bound"]).sum())})
    return pd.DataFrame(rows, columns=columns)


def gated_trials(tables: Tables) -> pd.DataFrame:
    """Return the complete trials that tuned a gate, with their configuration; no rows where none did."""
    ranked = with_configurations(tables)
    return ranked[ranked["gate_bound"].notna()] if "gate_bound" in ranked else ranked.head(0)


def gates_compared(tables: Tables, splits: list[str], alpha: float = 0.05) -> pd.DataFrame:
    """Return ``compare`` of with gate and without, of each of ``OF_GATES`` and split, within blocks.

    All trials of a block are averaged first: they share its images.
    """
    gated, blocks = gated_trials(tables), list(tables.block or ("trial",))
    parts = []
    for split in splits:
        for name in OF_GATES:
            without, behind = f"{split}_{name}", f"{split}_{GATED}{name}"
            if len(gated) and {without, behind} <= set(gated):
                parts.append(_gate_test(gated[[*blocks, without, behind]], blocks, without, behind, alpha))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _gate_test(rows: pd.DataFrame, blocks: list[str], without: str, behind: str, alpha: float) -> pd.DataFrame:
    levels = [rows[[*blocks, column]].set_axis([*blocks, without], axis=1) for column in (without, behind)]
    stacked = pd.concat(levels, keys=["without", "with"], names=["gate", None]).reset_index(level="gate")
    return compare(stacked, treatment="gate", block=blocks, score=without, alpha=alpha, against="without")
