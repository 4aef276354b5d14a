"""The questions that a study can be asked: every categorical parameter under every score, each a family of its own."""

from typing import NamedTuple

import pandas as pd

from analysis.collect import Tables
from analysis.compare import compare
from analysis.pairing import Design, design
from analysis.standings import VALIDATION, objective_name, standings


class Question(NamedTuple):
    """One treatment under one score: how its levels were compared, and what came out."""

    treatment: str
    score: str
    design: Design
    rows: pd.DataFrame


def treatments(tables: Tables) -> list[str]:
    """Return the categorical sampled parameters with two levels or more among complete trials, the main two first."""
    ranked = standings(tables)
    first = ("sampling.kind", "sampling.name", "loss.name")
    found = [
        name
        for name in tables.parameters
        if ranked[name].dropna().map(lambda value: isinstance(value, str | bool)).all() and ranked[name].nunique() > 1
    ]
    return sorted(found, key=lambda name: (name not in first, tables.parameters.index(name)))


def compared_scores(tables: Tables) -> list[str]:
    """Return the columns that are compared: the objective, and the rare classes where they are something else."""
    rare = f"{VALIDATION}_rare_iou"
    has_rare = rare in tables.trials and tables.trials[rare].notna().any()
    return ["objective", rare] if has_rare and objective_name(tables) != "rare_iou" else ["objective"]


def questions(tables: Tables, alpha: float = 0.05) -> list[Question]:
    """Return every treatment compared under every score, Holm within each; on validation, from complete trials only."""
    ranked, found = standings(tables), []
    for treatment in treatments(tables):
        for score in compared_scores(tables):
            plan = design(ranked, treatment, score, tables.parameters)
            rows = compare(ranked, treatment=treatment, block=plan.block, score=score, alpha=alpha)
            found.append(Question(treatment, score, plan, rows))
    return found


def all_rows(found: list[Question]) -> pd.DataFrame:
    """Return the rows of all questions with the rule of each, ready for ``comparisons.csv``."""
    tables = [
        question.rows.assign(rule=question.design.rule, rule_in_words=question.design.sentence) for question in found
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["treatment", "score", "verdict"])
