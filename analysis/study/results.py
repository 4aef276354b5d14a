"""Everything that is computed from a study, once: the report, its pictures, its files and the terminal read it here."""

from typing import NamedTuple

import pandas as pd

from analysis.reading.collect import Tables
from analysis.study.audit import audit, validation_test
from analysis.study.best_trial import best_over_images
from analysis.study.class_differences import class_differences
from analysis.study.importance import importance
from analysis.study.leaderboard import objective_name
from analysis.study.questions import Question, compared_scores, questions
from analysis.study.rarity import class_correlations


class Results(NamedTuple):
    """What a study says, as tables."""

    questions: list[Question]
    differences: pd.DataFrame
    """See ``class_differences``: of each treatment, on the split that is compared."""
    importance: pd.DataFrame
    """See ``importance``: of the objective, then of each class."""
    correlations: pd.DataFrame
    """See ``class_correlations``."""
    audit: pd.DataFrame
    validation_test: pd.DataFrame
    best: pd.DataFrame
    """See ``best_over_images``."""


def results(tables: Tables, seed: int = 0) -> Results:
    """Return everything that the tables of a study say; *seed* is that of what is simulated."""
    found = questions(tables)
    return Results(
        questions=found,
        differences=_differences(tables, found),
        importance=importance(tables, per_class=True, seed=seed),
        correlations=class_correlations(tables),
        audit=audit(tables, seed=seed),
        validation_test=validation_test(tables),
        best=best_over_images(tables, seed=seed),
    )


def main_questions(tables: Tables, found: list[Question]) -> list[Question]:
    """Return the questions under the first score that is compared: one a treatment."""
    main = compared_scores(tables)[0] if objective_name(tables) else None
    return [question for question in found if question.score == main]


def main_ranks(tables: Tables, found: list[Question]) -> pd.DataFrame:
    """Return the mean ranks under the first score, of the treatment with the most levels; empty: none was ranked."""
    ranked = [question for question in main_questions(tables, found) if len(question.ranks)]
    return max(ranked, key=lambda question: question.levels).ranks if ranked else pd.DataFrame()


def _differences(tables: Tables, found: list[Question]) -> pd.DataFrame:
    parts = [
        class_differences(tables, question.treatment, against=question.against)
        for question in main_questions(tables, found)
        if len(question.rows)
    ]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["treatment", "a", "b", "class"])
