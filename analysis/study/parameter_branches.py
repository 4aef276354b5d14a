"""Branches of a conditional search space: the trials in which a parameter exists, all or only some.

The gamma of the focal loss exists where ``loss.name`` is ``focal`` and nowhere else. It is compared among those trials,
together with every parameter that exists there.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.formatting import as_text
from analysis.statistics.samples import block_names
from analysis.study.parameter_scales import is_numeric

BLOCK = "block"
"""Name of the column with seed and fold of each trial, beside the columns of parameters."""
PER_BLOCK = 5
"""Mean number of trials per block from which *block* is evaluated beside the parameters."""
NOT_SAMPLED = "not sampled"


class Branch(NamedTuple):
    """Trials, and the parameters that all of them have and in which they differ."""

    name: str
    """``loss.name=focal``; empty for all trials."""
    trials: np.ndarray
    """A mask over the rows of the table."""
    parameters: tuple[str, ...]


def branches_with_values(tables: Tables, trials: pd.DataFrame) -> Iterator[tuple[Branch, pd.DataFrame]]:
    """Yield each branch with parameters of its own, and their values (a row per trial, ``block`` where it fits)."""
    full, all_branches = fill_not_sampled(trials, tables.parameters), branches(trials, tables.parameters)
    blocks = block_names(trials, tables.block) if tables.block and len(trials) else pd.Series("", index=trials.index)
    for branch in all_branches:
        if branch.name and set(branch.parameters) <= set(all_branches[0].parameters):
            continue
        values, own = full.loc[branch.trials, list(branch.parameters)], blocks[branch.trials]
        if 1 < own.nunique() <= len(own) / PER_BLOCK:
            values = values.assign(**{BLOCK: own})
        yield branch, values


def branches(trials: pd.DataFrame, parameters: tuple[str, ...]) -> list[Branch]:
    """Return the branches of *trials*, that of all trials first.

    A parameter that only some trials have belongs to the branch of the parameter whose levels decide whether it exists;
    one that is named alike (``loss.name`` for ``loss.gamma``) is preferred. Where no parameter decides it, a text or
    boolean parameter gets *not sampled* as one more level (see ``fill_not_sampled``), and a number has a branch of
    its own, ``… sampled``.
    """
    full = fill_not_sampled(trials, parameters)
    everything = np.ones(len(full), dtype=bool)
    masks = {"": everything}
    for name in parameters:
        present = full[name].notna().to_numpy()
        if present.any() and not present.all():
            decider = _decider(full, parameters, name, present)
            levels = sorted(full.loc[present, decider].map(as_text).unique()) if decider else []
            masks.setdefault(f"{decider}={' or '.join(levels)}" if decider else f"{name} sampled", present)
    return [Branch(name, mask, _differing(full[mask], parameters)) for name, mask in masks.items()]


def fill_not_sampled(trials: pd.DataFrame, parameters: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns *parameters*; text or boolean ones that no other decides have ``not sampled`` for absence."""
    table = trials[list(parameters)].astype(object)
    for name in parameters:
        values = table[name]
        present = values.notna().to_numpy()
        if present.all() or not present.any() or is_numeric(values):
            continue
        if not _decider(table, parameters, name, present):
            table[name] = values.where(present, NOT_SAMPLED)
    return table


def _decider(full: pd.DataFrame, parameters: tuple[str, ...], name: str, present: np.ndarray) -> str | None:
    """Return the text or boolean parameter each of whose levels has *name* always or never, the best-named one."""
    others = [other for other in parameters if other != name and not is_numeric(full[other])]
    known = [other for other in others if _decides(full[other], present)]
    return max(known, key=lambda other: _shared(name, other), default=None)


def _decides(levels: pd.Series, present: np.ndarray) -> bool:
    absent = levels.isna().to_numpy()
    if (present & absent).any():
        return False
    by_level = pd.Series(present).groupby(levels.to_numpy()).agg(["any", "all"])
    return bool((by_level["any"] == by_level["all"]).all())


def _shared(name: str, other: str) -> int:
    """Count the leading dotted parts that two names share."""
    pairs = zip(name.split("."), other.split("."), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _differing(full: pd.DataFrame, parameters: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in parameters if full[name].notna().all() and full[name].astype(str).nunique() > 1)
