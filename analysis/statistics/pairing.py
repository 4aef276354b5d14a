"""The shape blocks × configurations: which scores of two levels belong together, and by which rule.

``design`` looks for the best pairing that the trials of a study allow:

1. **matched**: trials that agree in their block (seed and fold, as a rule) and in every other sampled parameter;
2. **blocked**: blocks that hold both levels; what differs besides is averaged within block and level;
3. **unpaired**: nothing is shared.

A parameter that exists under some levels only (the gamma of the focal loss) cannot be matched and is averaged over. A
search that adapts (TPE) gives good levels more, and better tuned, trials: under rules 2 and 3 that is part of the
difference. The report prints the rule in words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.samples import block_names

BLOCK = ("seed", "fold")
ENOUGH = 2
"""Blocks that two levels must share before they are compared within blocks: one pair says nothing about spread."""


class Design(NamedTuple):
    """How the levels of a treatment are compared."""

    rule: str
    """``matched``, ``blocked`` or ``unpaired``."""
    block: list[str] | None
    """What to hand to ``compare(block=…)``."""
    sentence: str


def design(
    trials: pd.DataFrame, treatment: str, score: str, parameters: Sequence[str], block: Sequence[str] = BLOCK
) -> Design:
    """Return the strictest rule under which as many pairs of levels can be compared as under any paired rule.

    Args:
        trials: a row a trial, with the columns of *block*.
        parameters: the sampled columns of *trials*, *treatment* included.
    """
    named = " and ".join(block)
    used = trials.dropna(subset=[treatment, score])
    others = [name for name in parameters if name != treatment and not _conditional(used, treatment, name)]
    averaged = [name for name in parameters if name != treatment and name not in others]
    matched, blocked = [*block, *others], list(block)
    # Without a block nothing says that two trials share their luck, however alike their parameters are.
    matched_pairs, blocked_pairs = (_comparable(used, treatment, held) if block else 0 for held in (matched, blocked))
    if matched_pairs and matched_pairs >= blocked_pairs:
        left = f" ({', '.join(averaged)} exists under some levels only and is averaged over)" if averaged else ""
        same = f" and in {', '.join(others)}" if others else ""
        return Design("matched", matched, f"Paired: trials that agree in {named}{same} are compared{left}.")
    if blocked_pairs:
        varying = [name for name in parameters if name != treatment]
        sentence = f"Paired by {named}: within a block, each level is the mean over its trials"
        return Design("blocked", blocked, f"{sentence}, whatever their {', '.join(varying)}.")
    shared = f"share two blocks ({', '.join(block)})" if block else "are known to share blocks"
    sentence = f"Unpaired: no two levels {shared}, so that trials are compared as independent groups"
    return Design("unpaired", None, f"{sentence}; whatever else differs between the groups is part of the difference.")


def _conditional(used: pd.DataFrame, treatment: str, name: str) -> bool:
    """Say whether parameter *name* is missing throughout one level of *treatment* at least, but not everywhere."""
    present = used.groupby(treatment)[name].count()
    return bool((present == 0).any() and (present > 0).any())


def _comparable(used: pd.DataFrame, treatment: str, blocks: list[str]) -> int:
    """Count the pairs of levels that share enough blocks."""
    held = (pd.crosstab(block_names(used, blocks), used[treatment]) > 0).to_numpy(int)
    shared = held.T @ held
    return int((shared[np.triu_indices(len(shared), 1)] >= ENOUGH).sum())
