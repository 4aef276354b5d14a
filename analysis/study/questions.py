"""The questions that a study can be asked: each parameter's levels, or whole configurations, under each score.

Every question is a family of its own. A confirmation (see ``confirmation``) is asked one thing, whether its
configurations differ, and first on the test split, which has chosen nothing.
"""

from typing import NamedTuple

import pandas as pd

from analysis.reading.collect import Tables
from analysis.statistics.compare import compare
from analysis.statistics.pairing import Design, design
from analysis.study.standings import (
    CONFIGURATION,
    TEST,
    VALIDATION,
    configuration_names,
    objective_label,
    objective_name,
    score_name,
    standings,
    varying,
)
from analysis.study.validation import tested_alike, validated_apart

MOST_CONFIGURATIONS = 8
"""More are not compared pair by pair: 8 make 28 pairs."""


class Question(NamedTuple):
    """One treatment under one score: how its levels were compared, and what came out."""

    treatment: str
    score: str
    design: Design
    rows: pd.DataFrame


def treatments(tables: Tables) -> list[str]:
    """Return the categorical sampled parameters with two levels or more among complete trials, the main two first.

    Whole configurations come last, where a few of them ran on the same blocks; they alone in a confirmation.
    """
    if tables.confirmation:
        return [CONFIGURATION] if len(varying(tables)) else []
    ranked = standings(tables)
    first = ("sampling.kind", "sampling.name", "loss.name")
    found = [
        name
        for name in tables.parameters
        if ranked[name].dropna().map(lambda value: isinstance(value, str | bool)).all() and ranked[name].nunique() > 1
    ]
    ordered = sorted(found, key=lambda name: (name not in first, tables.parameters.index(name)))
    return [*ordered, CONFIGURATION] if _few_on_the_same_blocks(tables) else ordered


def _few_on_the_same_blocks(tables: Tables) -> bool:
    ranked = _with_configurations(tables)
    if not 2 <= ranked[CONFIGURATION].nunique() <= MOST_CONFIGURATIONS or len(varying(tables)) < 2:
        return False
    return design(ranked, CONFIGURATION, "objective", ()).rule == "matched"


def compared_scores(tables: Tables) -> list[str]:
    """Return the columns that are compared: the objective, and the rare classes where they are something else.

    In a confirmation, what the test split says of both comes before. Where trials of one block were validated on
    different images (see ``validation``), the test split alone is compared, if it is the same for all.
    """
    has_rare = _has(tables, f"{VALIDATION}_rare_iou") and objective_name(tables) != "rare_iou"
    on_validation = ["objective", f"{VALIDATION}_rare_iou"] if has_rare else ["objective"]
    apart = validated_apart(tables) and tested_alike(tables)
    if not tables.confirmation and not apart:
        return on_validation
    on_test = [f"{TEST}_{name}" for name in dict.fromkeys([objective_name(tables), "rare_iou"])]
    return [column for column in on_test if _has(tables, column)] + ([] if apart else on_validation)


def score_label(tables: Tables, column: str) -> str:
    """Return a compared column as it is written in text: ``test mIoU`` for ``test_miou``."""
    if column == "objective":
        return f"validation {objective_label(tables)}"
    split, _, name = column.partition("_")
    return f"{'validation' if split == VALIDATION else split} {score_name(name)}"


def questions(tables: Tables, alpha: float = 0.05) -> list[Question]:
    """Return every treatment compared under every score, Holm within each, from complete trials only."""
    ranked, scores, found = _with_configurations(tables), compared_scores(tables), []
    for treatment in treatments(tables):
        others = () if treatment == CONFIGURATION else tables.parameters
        for score in scores:
            plan = design(ranked, treatment, score, others)
            rows = compare(ranked, treatment=treatment, block=plan.block, score=score, alpha=alpha)
            found.append(Question(treatment, score, plan, rows))
    return found


def all_rows(found: list[Question]) -> pd.DataFrame:
    """Return the rows of all questions with the rule of each, ready for ``comparisons.csv``."""
    tables = [
        question.rows.assign(rule=question.design.rule, rule_in_words=question.design.sentence) for question in found
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["treatment", "score", "verdict"])


def _with_configurations(tables: Tables) -> pd.DataFrame:
    ranked = standings(tables)
    return ranked.assign(**{CONFIGURATION: configuration_names(tables, ranked)})


def _has(tables: Tables, column: str) -> bool:
    return column in tables.trials and bool(tables.trials[column].notna().any())
