"""The shape blocks × configurations: which scores of two levels belong together, and by which rule.

``design`` looks for the best pairing that the trials of a study allow:

1. **matched**: trials that agree in their block (seed, fold) and in every other sampled parameter;
2. **blocked**: blocks that hold both levels; what differs besides is averaged within block and level;
3. **unpaired**: nothing is shared.

A parameter that exists under some levels only (the gamma of the focal loss) cannot be matched and is averaged over. A
search that adapts (TPE) gives good levels more, and better tuned, trials: under rules 2 and 3 that is part of the
difference. The report prints the rule in words.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

BLOCK = ("seed", "fold")
ENOUGH = 2
"""Blocks that two levels must share before they are compared within blocks: one pair says nothing about spread."""


class Sample(NamedTuple):
    """The scores of two levels: position i of both is block i if they are paired."""

    a: np.ndarray
    b: np.ndarray
    incomplete: list[str]
    """Blocks that hold only one of the two."""
    repeats: int
    """Scores beyond the first of a level in its block; they are averaged."""


class Design(NamedTuple):
    """How the levels of a treatment are compared."""

    rule: str
    """``matched``, ``blocked`` or ``unpaired``."""
    block: list[str] | None
    """What to hand to ``compare(block=…)``."""
    sentence: str


def design(trials: pd.DataFrame, treatment: str, score: str, parameters: Sequence[str]) -> Design:
    """Return the strictest rule under which as many pairs of levels can be compared as under any paired rule.

    Args:
        trials: a row a trial, with ``seed`` and ``fold``.
        parameters: the sampled columns of *trials*, *treatment* included.
    """
    used = trials.dropna(subset=[treatment, score])
    others = [name for name in parameters if name != treatment and not _conditional(used, treatment, name)]
    averaged = [name for name in parameters if name != treatment and name not in others]
    matched, blocked = [*BLOCK, *others], list(BLOCK)
    matched_pairs, blocked_pairs = _comparable(used, treatment, matched), _comparable(used, treatment, blocked)
    if matched_pairs and matched_pairs >= blocked_pairs:
        left = f" ({', '.join(averaged)} exists under some levels only and is averaged over)" if averaged else ""
        same = f" and in {', '.join(others)}" if others else ""
        return Design("matched", matched, f"Paired: trials that agree in seed and fold{same} are compared{left}.")
    if blocked_pairs:
        varying = [name for name in parameters if name != treatment]
        sentence = "Paired by seed and fold: within a block, each level is the mean over its trials"
        return Design("blocked", blocked, f"{sentence}, whatever their {', '.join(varying)}.")
    sentence = (
        "Unpaired: no two levels share two blocks (seed, fold), so that trials are compared as independent groups"
    )
    return Design("unpaired", None, f"{sentence}; whatever else differs between the groups is part of the difference.")


def _conditional(used: pd.DataFrame, treatment: str, name: str) -> bool:
    """Say whether parameter *name* is missing throughout one level of *treatment* at least, but not everywhere."""
    present = used.groupby(treatment)[name].count()
    return bool((present == 0).any() and (present > 0).any())


def _comparable(used: pd.DataFrame, treatment: str, blocks: list[str]) -> int:
    """Count the pairs of levels that share enough blocks."""
    held = pd.crosstab(block_names(used, blocks), used[treatment]) > 0
    return sum(int((held[a] & held[b]).sum() >= ENOUGH) for a, b in combinations(held.columns, 2))


def block_names(table: pd.DataFrame, blocks: Sequence[str]) -> pd.Series:
    """Return ``seed=1, fold=0`` for each row; a parameter that was not sampled is part of the name, as ``n/a``."""
    texts = [name + "=" + table[name].astype(object).where(table[name].notna(), "n/a").astype(str) for name in blocks]
    return pd.Series([", ".join(parts) for parts in zip(*texts, strict=True)], index=table.index, dtype=object)


def block_matrix(table: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str) -> pd.DataFrame:
    """Return blocks × levels, each cell with the columns ``mean`` and ``size`` of the scores in it (NaN: none)."""
    named = table.assign(_block=block_names(table, blocks))
    return named.groupby(["_block", treatment], sort=True)[score].agg(["mean", "size"]).unstack(treatment)


def paired_sample(matrix: pd.DataFrame, a: Any, b: Any) -> Sample:
    """Return the blocks of *matrix* (see ``block_matrix``) that hold both levels, and name those that hold one."""
    scores_a, scores_b = matrix[("mean", a)], matrix[("mean", b)]
    both, one = scores_a.notna() & scores_b.notna(), scores_a.notna() ^ scores_b.notna()
    incomplete = [f"{name} (lacks {a if lacks_a else b})" for name, lacks_a in scores_a[one].isna().items()]
    sizes = matrix[("size", a)] + matrix[("size", b)] - 2
    return Sample(scores_a[both].to_numpy(float), scores_b[both].to_numpy(float), incomplete, int(sizes[both].sum()))


def unpaired_sample(table: pd.DataFrame, treatment: str, score: str, a: Any, b: Any) -> Sample:
    """Return all scores of the two levels."""
    by_level = table.groupby(treatment)[score]
    return Sample(by_level.get_group(a).to_numpy(float), by_level.get_group(b).to_numpy(float), [], 0)
