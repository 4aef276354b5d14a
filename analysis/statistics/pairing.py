"""Pairing of trials: which scores of two levels are compared within blocks, and by which rule.

``design`` looks for the best pairing that the trials of a study allow:

1. **matched**: trials that agree in their block (seed and fold, as a rule) and in every other sampled parameter, if
   every two levels that can be compared share six such settings or more, or no fewer than they share blocks: a few
   chance matches of a random search leave nothing that a test could decide;
2. **blocked**: blocks that hold both levels; what differs besides is averaged within block and level;
3. **unpaired**: nothing is shared.

A parameter that exists under some levels only (the gamma of the focal loss) cannot be matched and is averaged over. A
search that adapts (TPE) gives good levels more, and better tuned, trials: under rules 2 and 3 that is part of the
difference. The report prints the rule in words. A trial without a seed or fold is in no block; a column that no trial
has a value in (folds, in a study without them) is no part of the block.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import Parameter, block_names

BLOCK = ("seed", "fold")
ENOUGH = 2
"""Blocks that two levels must share before they are compared within blocks: one pair says nothing about spread."""
ALPHA = 0.05
"""Matching must leave pairs enough to decide at this level, or no fewer than averaging does."""


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

    The parameters in ``Design.block`` are of type ``Parameter``: trials that lack one agree in it.

    Args:
        trials: a row per trial, with the columns of *block*.
        parameters: the sampled columns of *trials*, *treatment* included.
    """
    used = trials.dropna(subset=[treatment, score])
    block = [name for name in block if used[name].notna().any()]
    named, used = " and ".join(block), used.dropna(subset=block)
    others = [name for name in parameters if name != treatment and not _conditional(used, treatment, name)]
    averaged = [name for name in parameters if name != treatment and name not in others]
    matched = [*block, *map(Parameter, others)]
    # Without block columns trials cannot be paired, however similar their parameters are.
    by_setting, by_block = (_shared(used, treatment, names) if block else np.empty(0) for names in (matched, block))
    fewest = int(min(by_setting, default=0))
    enough = TESTS["signed_rank"].floor(fewest, fewest) <= ALPHA or fewest >= min(by_block, default=0)
    if len(by_setting) and len(by_setting) >= len(by_block) and enough:
        left = f" ({', '.join(averaged)} exists under some levels only and is averaged over)" if averaged else ""
        same = f" and in {', '.join(others)}" if others else ""
        return Design("matched", matched, f"Paired: trials that agree in {named}{same} are compared{left}.")
    if len(by_block):
        varying = [name for name in parameters if name != treatment]
        sentence = f"Paired by {named}: within a block, each level is the mean over its trials"
        few = f" (only {fewest} settings agree in {', '.join(others)} as well)" if len(by_setting) else ""
        return Design("blocked", block, f"{sentence}, whatever their {', '.join(varying)}{few}.")
    shared = f"share two blocks ({', '.join(block)})" if block else "are known to share blocks"
    sentence = f"Unpaired: no two levels {shared}, so that trials are compared as independent groups"
    return Design("unpaired", None, f"{sentence}; whatever else differs between the groups is part of the difference.")


def _conditional(used: pd.DataFrame, treatment: str, name: str) -> bool:
    """Say whether parameter *name* is missing throughout one level of *treatment* at least, but not everywhere."""
    present = used.groupby(treatment)[name].count()
    return bool((present == 0).any() and (present > 0).any())


def _shared(used: pd.DataFrame, treatment: str, blocks: list[str]) -> np.ndarray:
    """Return how many blocks two levels share, for each pair that shares enough of them."""
    (block, names), (level, levels) = pd.factorize(block_names(used, blocks)), pd.factorize(used[treatment])
    presence = np.zeros((len(names), len(levels)))
    presence[block, level] = 1
    shared = (presence.T @ presence).astype(int)
    counts = shared[np.triu_indices(len(shared), 1)]
    return counts[counts >= ENOUGH]
