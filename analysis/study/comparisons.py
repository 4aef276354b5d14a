"""Which treatments of a study are compared, under which scores: levels of each parameter, or whole configurations.

Each treatment under each score is a family of comparisons. Where the study has a default configuration, the others are
compared with that one alone: fewer comparisons, so that fewer blocks can decide them. In a confirmation (see
``search_journal``) only whole configurations are compared, first on the test split, which has chosen nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.compare import COLUMNS, compare
from analysis.statistics.equivalence import practical
from analysis.statistics.friedman import average_ranks, friedman
from analysis.statistics.linear_model import linear_model
from analysis.statistics.looks import Look
from analysis.statistics.pairing import Design, design
from analysis.study.agreement import agreement
from analysis.study.leaderboard import (
    CONFIGURATION,
    TEST,
    VALIDATION,
    configuration_names,
    default_level,
    is_minimized,
    leaderboard,
    objective_label,
    objective_name,
    score_name,
    varying,
)
from analysis.study.validation_images import tested_on_same_images, validated_on_different_images

MOST_PAIRWISE = 10
"""Levels up to which all pairs are compared: 10 make 45."""
MOST_AGAINST = 100
"""Levels up to which all are compared with the default."""


class TreatmentComparison(NamedTuple):
    """One treatment under one score: how its levels were compared, and what came out."""

    treatment: str
    score: str
    design: Design
    against: Any
    """The level that all others are compared with; None: all pairs."""
    rows: pd.DataFrame
    """See ``compare``; empty where there are too many levels."""
    overall: pd.DataFrame
    """See ``friedman``: one row, or none where fewer than three levels share blocks."""
    ranks: pd.DataFrame
    """See ``average_ranks``; empty as ``overall``."""
    practical: pd.DataFrame
    """See ``equivalence.practical``: empty where nothing is paired."""
    opinion: pd.DataFrame
    """See ``linear_model``: empty where nothing is paired."""
    agreement: pd.DataFrame
    """See ``agreement``: a row per row of ``rows``."""
    levels: int
    minimize: bool = False
    """Less of the score is better."""


def treatments(tables: Tables) -> list[str]:
    """Return the categorical sampled parameters with two levels or more among complete trials, the main two first.

    Whole configurations come last, if they ran on the same blocks and no single parameter distinguishes them as well;
    in a confirmation they are the only treatment.
    """
    if tables.confirmation:
        return [CONFIGURATION] if len(varying(tables)) else []
    ranked = with_configurations(tables)
    first = ("sampling.kind", "sampling.name", "loss.name")
    names = [
        name
        for name in tables.parameters
        if ranked[name].dropna().map(lambda value: isinstance(value, str | bool)).all() and ranked[name].nunique() > 1
    ]
    ordered = sorted(names, key=lambda name: (name not in first, tables.parameters.index(name)))
    distinct_labels = any(_same_groups(ranked, name) for name in ordered)
    return [*ordered, CONFIGURATION] if not distinct_labels and _on_the_same_blocks(tables, ranked) else ordered


def _same_groups(ranked: pd.DataFrame, name: str) -> bool:
    """Return whether the levels of parameter *name* are the configurations under another name."""
    pairs = ranked[[name, CONFIGURATION]].drop_duplicates()
    return bool(ranked[name].notna().all()) and pairs[name].is_unique and pairs[CONFIGURATION].is_unique


def _on_the_same_blocks(tables: Tables, ranked: pd.DataFrame) -> bool:
    if not 2 <= ranked[CONFIGURATION].nunique() <= MOST_AGAINST or not varying(tables):
        return False
    return treatment_design(tables, ranked, CONFIGURATION).rule == "matched"


def compared_scores(tables: Tables) -> list[str]:
    """Return the columns that are compared: the objective, and the rare classes where they are something else.

    In a confirmation, and in a table of runs that names a score beside the validation, the test split comes
    first. Where trials of one block were validated on different images (see ``validation``), the test split alone is
    compared, if it is the same for all.
    """
    has_rare = _has(tables, f"{VALIDATION}_rare_iou") and objective_name(tables) != "rare_iou"
    on_validation = ["objective", f"{VALIDATION}_rare_iou"] if has_rare else ["objective"]
    apart = validated_on_different_images(tables) and tested_on_same_images(tables)
    if not tables.confirmation and not apart and not tables.score_on_test:
        return on_validation
    on_test = [f"{TEST}_{name}" for name in dict.fromkeys([objective_name(tables), "rare_iou"])]
    return [column for column in on_test if _has(tables, column)] + ([] if apart else on_validation)


def score_label(tables: Tables, column: str) -> str:
    """Return a compared column as it is written in text: ``test mIoU`` for ``test_miou``."""
    if column == "objective":
        return f"validation {objective_label(tables)}"
    split, _, name = column.partition("_")
    label = f"{'validation' if split == VALIDATION else split} {score_name(name)}"
    return f"{label}, lower is better" if is_minimized(column) else label


def treatment_design(tables: Tables, ranked: pd.DataFrame, treatment: str, score: str = "objective") -> Design:
    """Return how the levels of *treatment* are compared among *ranked* (see ``with_configurations``)."""
    others = () if treatment == CONFIGURATION else tables.parameters
    return design(ranked, treatment, score, others, tables.block)


def compare_treatments(
    tables: Tables, alpha: float = 0.05, scores: Sequence[str] | None = None
) -> list[TreatmentComparison]:
    """Return every treatment compared under every score, corrected within each, from complete trials only.

    *scores* are columns of ``trials``; None: ``compared_scores``.
    """
    ranked = with_configurations(tables)
    scores = compared_scores(tables) if scores is None else scores
    return [_compared(tables, ranked, name, score, alpha) for name in treatments(tables) for score in scores]


def _compared(tables: Tables, ranked: pd.DataFrame, treatment: str, score: str, alpha: float) -> TreatmentComparison:
    plan = treatment_design(tables, ranked, treatment, score)
    used = ranked.dropna(subset=[treatment, score])
    levels, against = used[treatment].nunique(), default_level(tables, used, treatment)
    how, minimize = {"treatment": treatment, "block": plan.block, "score": score}, is_minimized(score)
    rows, likely, opinion = pd.DataFrame(columns=COLUMNS), pd.DataFrame(), pd.DataFrame()
    if levels <= MOST_PAIRWISE or (against is not None and levels <= MOST_AGAINST):
        rows = compare(used, **how, against=against, alpha=alpha, looks=_looks(tables, used))
        if plan.block:
            likely = practical(used, **how, against=against, minimize=minimize)
            opinion = linear_model(used, **how, against=against)
    overall = ranks = pd.DataFrame()
    if plan.block and levels > 2:
        overall, ranks = friedman(used, **how), average_ranks(used, **how, minimize=minimize)
    together = agreement(rows, opinion, likely, alpha, minimize=minimize)
    tables_of_pairs = rows, overall, ranks, likely, opinion, together
    return TreatmentComparison(treatment, score, plan, against, *tables_of_pairs, levels, minimize)


def _looks(tables: Tables, used: pd.DataFrame) -> list[Look]:
    seen = [None if look.trials is None else used.index[used["trial"].isin(look.trials)] for look in tables.looks]
    rows = [None if labels is None else frozenset(labels) for labels in seen]
    return [Look(look.time, labels) for look, labels in zip(tables.looks, rows, strict=True)]


def comparison_rows(comparisons: list[TreatmentComparison]) -> pd.DataFrame:
    """Return the rows of all questions with the rule of each, ready for ``comparisons.csv``."""
    tables = [
        each.rows.assign(rule=each.design.rule, rule_in_words=each.design.sentence)
        for each in comparisons
        if len(each.rows)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS, "rule", "rule_in_words"])


def with_configurations(tables: Tables) -> pd.DataFrame:
    """Return ``leaderboard`` with a column that names the configuration of each trial."""
    ranked = leaderboard(tables)
    return ranked.assign(**{CONFIGURATION: configuration_names(tables, ranked)})


def _has(tables: Tables, column: str) -> bool:
    return column in tables.trials and bool(tables.trials[column].notna().any())
