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
from analysis.study.luck import luck
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
    """Return a row a configuration, highest validation first: configuration, validation, test, blocks, trials.

    Scores are means over blocks (repeats within a block are averaged first). Both run over the same trials: where some
    have a test score, the others are left out; a configuration without any has ``test`` NaN.
    """
    columns = ["configuration", "validation", "test", "blocks", "trials"]
    return means(cells(tables))[columns]
