"""Everything that is computed from a study, once, for the report: its page, figures, files and terminal text."""

from typing import NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.study.audit import audit, validation_test
from analysis.study.best_trial import best_trial_interval
from analysis.study.class_differences import class_differences
from analysis.study.class_summary import class_correlations
from analysis.study.comparisons import TreatmentComparison, compare_treatments, compared_scores
from analysis.study.empty_images import EmptyImages, empty_images
from analysis.study.importance import importance
from analysis.study.leaderboard import objective_name


class Results(NamedTuple):
    """What a study says, as tables."""

    comparisons: list[TreatmentComparison]
    differences: pd.DataFrame
    """See ``class_differences``: of each treatment, on the split that is compared."""
    importance: pd.DataFrame
    """See ``importance``: of the objective, then of each class."""
    correlations: pd.DataFrame
    """See ``class_correlations``."""
    audit: pd.DataFrame
    validation_test: pd.DataFrame
    best: pd.DataFrame
    """See ``best_trial_interval``."""
    empty: EmptyImages


def compute_results(tables: Tables, seed: int = 0) -> Results:
    """Return everything that the tables of a study say; *seed* is that of what is simulated."""
    comparisons = compare_treatments(tables)
    return Results(
        comparisons=comparisons,
        differences=_differences(tables, comparisons),
        importance=importance(tables, per_class=True, seed=seed),
        correlations=class_correlations(tables),
        audit=audit(tables, seed=seed),
        validation_test=validation_test(tables),
        best=best_trial_interval(tables, seed=seed),
        empty=empty_images(tables),
    )


def main_comparisons(tables: Tables, comparisons: list[TreatmentComparison]) -> list[TreatmentComparison]:
    """Return the comparisons under the first score that is compared, one per treatment."""
    main = compared_scores(tables)[0] if objective_name(tables) else None
    return [comparison for comparison in comparisons if comparison.score == main]


def main_ranks(tables: Tables, comparisons: list[TreatmentComparison]) -> pd.DataFrame:
    """Return the mean ranks under the first score, of the treatment with the most levels; empty: none was ranked."""
    ranked = [comparison for comparison in main_comparisons(tables, comparisons) if len(comparison.ranks)]
    return max(ranked, key=lambda comparison: comparison.levels).ranks if ranked else pd.DataFrame()


def _differences(tables: Tables, comparisons: list[TreatmentComparison]) -> pd.DataFrame:
    parts = [
        class_differences(tables, comparison.treatment, against=comparison.against)
        for comparison in main_comparisons(tables, comparisons)
        if len(comparison.rows)
    ]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["treatment", "a", "b", "class"])
