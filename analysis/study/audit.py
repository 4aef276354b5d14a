"""The audit: can this search be trusted?

Whether validation ranks as test does, what its choice loses on test, how large the selection bias is, whether the
default was beaten, and what failed. Every check always gives a row; one that cannot be computed is NaN and says why.
"""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.study.audit_checks import Check
from analysis.study.cell_means import cell_means, configuration_means
from analysis.study.default_comparison import default_beaten
from analysis.study.failures import counts, failures_by_level
from analysis.study.selection_bias import selection_bias
from analysis.study.validation_vs_test import validation_checks


def audit(tables: Tables, *, seed: int = 0) -> pd.DataFrame:
    """Return a row per check: check, value, low, high, n, sentence.

    ``low`` and ``high`` bound a 95 % interval (of ``lead by luck alone``: the range of 95 % of the simulations), NaN
    where there is none. ``n`` counts what the figure is about: configurations, trials or blocks, as the sentence says.
    *seed* is that of the simulated selection bias.
    """
    cells = cell_means(tables)
    checks = [
        *validation_checks(tables, cells),
        *selection_bias(cells, seed=seed),
        *default_beaten(tables, cells),
        *counts(tables),
        failures_by_level(tables),
    ]
    return pd.DataFrame(checks, columns=Check._fields)


def validation_test(tables: Tables) -> pd.DataFrame:
    """Return ``configuration_means`` of the study: configuration, validation, test, blocks, trials, adjusted.

    Where configurations ran on different blocks, the plain means differ by the blocks and need not be in order.
    """
    columns = ["configuration", "validation", "test", "blocks", "trials", "adjusted"]
    return configuration_means(cell_means(tables))[columns]
