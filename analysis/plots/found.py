"""What a report has worked out before it draws: figures show these tables and work out nothing of their own."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import pandas as pd

from analysis.study.questions import Question

NOTHING = pd.DataFrame()


class Found(NamedTuple):
    """The tables behind the figures that need more than ``Tables``. What is left out is not drawn."""

    comparisons: Sequence[Question] = ()
    """Every question with its rows, as ``study.questions.questions`` returns them."""
    ranks: pd.DataFrame = NOTHING
    """Columns level, mean_rank (1 = best), n, k, critical_difference."""
    cliques: Sequence[Sequence[Hashable]] = ()
    """Groups of levels of ``ranks`` between which no difference was shown."""
    differences: pd.DataFrame = NOTHING
    """Per class, rarest first: columns treatment, a, b, class, n, difference, p_adjusted, floor_adjusted,
    train_pixels."""
    importance: pd.DataFrame = NOTHING
    """Columns target (``objective`` or a class), parameter, branch, importance, method, n, note."""
    validation_test: pd.DataFrame = NOTHING
    """A row a configuration: configuration, validation, test, trials, adjusted (which ranks)."""


NOTHING_FOUND = Found()
