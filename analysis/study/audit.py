"""The audit: can this search be trusted?

Whether validation ranks as test does, what its pick loses, how far luck alone would put the best ahead, whether the
default was beaten, and what failed. Every check always gives a row; what cannot be computed is NaN and says why.
"""

import pandas as pd

from analysis.reading.collect import Tables
from analysis.study.cells import cells, means
from analysis.study.checks import Check
from analysis.study.default import default_beaten
from analysis.study.failing import counts, failures_by_level
from analysis.study.selection_bias import luck
from analysis.study.transfer import transfer


def audit(tables: Tables, *, seed: int = 0) -> pd.DataFrame:
    """Return a row a check: check, value, low, high, n, sentence.

    ``low`` and ``high`` bound a 95 % interval (of ``lead by luck alone``: the range of 95 % of the simulations), NaN
    where there is none. ``n`` counts what the figure is about: configurations, trials or blocks, as the sentence says.

    Args:
        seed: of the simulated luck.
    """
    held = cells(tables)
    checks = [
        *transfer(tables, held),
        *luck(held, seed=seed),
        *default_beaten(tables, held),
        *counts(tables),
        failures_by_level(tables),
    ]
    return pd.DataFrame(checks, columns=Check._fields)


def validation_test(tables: Tables) -> pd.DataFrame:
    """Return a row a configuration, the winner first: configuration, validation, test, blocks, trials, adjusted.

    ``validation`` and ``test`` are plain means over blocks (repeats within a block are averaged first). Both run over
    the same trials: where some have a test score, the others are left out; a configuration without any has ``test``
    NaN. Rows come in the order of ``adjusted``, the mean of all validation scores with the effects of blocks taken out:
    where configurations ran on different blocks, plain means differ by the blocks, too, and need not be in order.
    """
    columns = ["configuration", "validation", "test", "blocks", "trials", "adjusted"]
    return means(cells(tables))[columns]
