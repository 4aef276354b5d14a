"""Which parameter moves the objective, and which moves each class?

* ``ped_anova``: how much the values of a parameter among the best trials differ from those among all (Watanabe, Bansal
  & Hutter 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces").
* ``fanova``: the share of the score's variance that a random forest gives to a parameter alone (Hutter, Hoos &
  Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter Importance").

Both are computed by optuna. Importance is about the trials that were run: an adaptive search tries good values more
often. optuna's PED-ANOVA smooths categories strongly, so that a category looks less important than it is when compared
with a number: check it against ``p``, or against fANOVA.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.reading.load_study import load_study
from analysis.reading.tables import Tables
from analysis.statistics.formatting import p_text
from analysis.study.class_summary import class_summary
from analysis.study.leaderboard import TEST, VALIDATION, leaderboard
from analysis.study.parameter_branches import Branch, branches_with_values
from analysis.study.parameter_scales import better_in_logs, is_numeric
from analysis.study.permutation_test import PermutationTest

OBJECTIVE = "objective"
METHODS = ("ped_anova", "fanova")
LEAST = 10
"""Fewest complete trials for which importance is computed."""
BEST = 5
"""PED-ANOVA uses the best tenth of the trials, but no fewer than these."""
CHANCE = 0.05
COLUMNS = ["target", "parameter", "branch", "importance", "method", "n", "p", "note"]


def importance(
    tables: Tables | str | Path, *, per_class: bool = False, method: str = "ped_anova", seed: int = 0
) -> pd.DataFrame:
    """Return a row per target, branch and parameter: target, parameter, branch, importance, method, n, p, note.

    ``importance`` is 0 to 1 and sums to 1 within target × branch. ``branch`` is empty where all trials were used; a
    parameter that exists only under some levels of another one is evaluated within these trials, together with the
    other parameters that exist there (see ``branches``). ``n`` counts the trials that have a score; ``block`` is the
    seed and fold that trials share, treated as a parameter. ``p`` (PED-ANOVA only, not corrected) is that of a
    permutation test: how often randomly chosen trials lie as unevenly over its values as the best ones. ``note`` says
    where p is above .05, or why there is no importance.

    Args:
        tables: a study, or the path of its folder or database.
        per_class: targets are also the IoU of each class (validation; test where only that was counted), rarest first.
        seed: of the random forest, or of the permutations.

    Raises:
        ValueError: an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {list(METHODS)}, but got {method!r}")
    tables = tables if isinstance(tables, Tables) else load_study(tables)
    trials = leaderboard(tables)
    targets = {OBJECTIVE: trials["objective"].to_numpy(float)} | (_class_targets(tables, trials) if per_class else {})
    branches = list(branches_with_values(tables, trials))
    evaluators = [(branch, ImportanceEvaluator(values, method, seed)) for branch, values in branches]
    rows = [
        row
        for target, scores in targets.items()
        for branch, evaluator in evaluators
        for row in _rows(target, scores[branch.trials], branch, evaluator)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _class_targets(tables: Tables, trials: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return class → IoU of each trial (NaN: absent), rarest first."""
    splits = [split for split in (VALIDATION, TEST) if (tables.classes["split"] == split).any()]
    if not splits:
        return {}
    rows = tables.classes[tables.classes["split"] == splits[0]]
    scores = rows.pivot(index="trial", columns="class", values="iou").reindex(trials["trial"])
    return {name: scores[name].to_numpy(float) for name in class_summary(tables, splits[0])["class"]}


def _rows(target: str, scores: np.ndarray, branch: Branch, evaluator: "ImportanceEvaluator") -> list[dict]:
    """Return the rows of one target in one branch, the most important parameter first."""
    n = int(np.isfinite(scores).sum())
    same = {"target": target, "branch": branch.name, "method": evaluator.method, "n": n}
    missing = _missing(scores[np.isfinite(scores)], len(evaluator.names))
    if missing:
        empty = same | {"importance": float("nan"), "p": float("nan"), "note": missing}
        return [empty | {"parameter": name} for name in evaluator.names or [""]]
    importances, p_values = evaluator.evaluate(scores)
    total, rows = sum(importances), []
    for name, value, p in zip(evaluator.names, importances, p_values, strict=True):
        note = f"no rarer than by chance (p = {p_text(p)})" if p > CHANCE else ""
        note = note if total else "no parameter tells the best trials from the others"
        share = value / total if total else float("nan")
        rows.append(same | {"parameter": name, "importance": share, "p": p, "note": note})
    return sorted(rows, key=lambda row: -row["importance"])


def _missing(known: np.ndarray, parameters: int) -> str:
    """Return why there can be no importance; an empty string if there can."""
    if len(known) < LEAST:
        return f"needs {LEAST} complete trials with a score, has {len(known)}"
    if parameters < 2:
        return f"needs two parameters that vary, has {parameters}"
    return "all scores are equal" if np.ptp(known) < 1e-12 else ""


class ImportanceEvaluator:
    """Computes the importance of the parameters of one branch by one method."""

    def __init__(self, values: pd.DataFrame, method: str, seed: int) -> None:
        """Take *values*, a row per trial and a column per parameter, none missing."""
        self.names, self.method = list(values), method
        self._values, self._seed = values, seed

    @cached_property
    def _study(self):
        return made_study(self._values)

    @cached_property
    def _permutations(self) -> PermutationTest:
        return PermutationTest(self._values, self._seed)

    def evaluate(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the importance of each parameter, not normalised, and its p against chance (NaN: fANOVA).

        *scores*: a number per trial, higher is better; a trial without one (NaN) is left out.
        """
        from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

        known, p = np.isfinite(scores), np.full(len(self.names), np.nan)
        with _quiet():
            if self.method == "fanova":
                evaluator = FanovaImportanceEvaluator(seed=self._seed)
            else:
                count = best_trials(int(known.sum()))
                p = self._permutations.p(known & (scores >= np.sort(scores[known])[-count]), known)
                # Half a trial less, so that optuna's rounding up gives exactly as many.
                evaluator = PedAnovaImportanceEvaluator(target_quantile=(count - 0.5) / known.sum())
            # optuna looks for what makes a target low, and leaves out trials in which it is NaN.
            importances = evaluator.evaluate(self._study, self.names, target=lambda trial: -scores[trial.number])
        return np.array([importances[name] for name in self.names]), p


def best_trials(n: int) -> int:
    """Return how many of *n* trials PED-ANOVA takes for the best: a tenth, but five, and never more than half."""
    return max(ceil(n / 10), min(BEST, n // 2))


def made_study(values: pd.DataFrame):
    """Return an optuna study in memory with a complete trial for each row of *values*.

    Numbers that spread better in logs are handed over as logarithms: fANOVA weighs a range evenly, in whatever unit.
    """
    import optuna

    scaled = {name: _scaled(values[name]) for name in values}
    columns, distributions = ({name: pair[i] for name, pair in scaled.items()} for i in (0, 1))
    study = optuna.create_study()
    study.add_trials([optuna.create_trial(value=0.0)] * len(values))
    for trial, row in zip(study.get_trials(deepcopy=False), zip(*columns.values(), strict=True), strict=True):
        trial.params = dict(zip(columns, row, strict=True))
        trial.distributions = distributions  # one object for all: making and comparing copies takes most of the time
    return study


def _scaled(values: pd.Series) -> tuple[list, Any]:
    from optuna import distributions

    if not is_numeric(values):
        texts = values.astype(str)
        return texts.tolist(), distributions.CategoricalDistribution(sorted(texts.unique()))
    numbers = values.astype(float)
    if better_in_logs(numbers):
        numbers = np.log(numbers)
    elif (numbers % 1 == 0).all():
        whole = numbers.astype(int)
        return whole.tolist(), distributions.IntDistribution(int(whole.min()), int(whole.max()))
    return numbers.tolist(), distributions.FloatDistribution(float(numbers.min()), float(numbers.max()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence optuna's log messages and warnings in this block."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        optuna.logging.set_verbosity(before)
