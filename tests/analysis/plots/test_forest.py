from types import SimpleNamespace

import numpy as np
import pandas as pd

from analysis.plots.forest import SHOWN, UNDECIDABLE, UNSHOWN, UNTESTED, clearest, draw_forest, forest_rows
from analysis.statistics.compare import compare


def asked(treatment: str, table: pd.DataFrame, score: str = "objective") -> SimpleNamespace:
    """A question as far as the forest looks at it."""
    rows = compare(table, treatment=treatment, block="block", score=score)
    return SimpleNamespace(treatment=treatment, score=score, rows=rows)


def scores(blocks: int, **gains: float) -> pd.DataFrame:
    """A row per level and block; each level is its gain above the first, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.001, (len(gains), blocks))
    return pd.DataFrame(
        [
            {"kind": name, "block": block, "objective": 0.5 + gain + noise[i, block]}
            for i, (name, gain) in enumerate(gains.items())
            for block in range(blocks)
        ]
    )


def test_each_row_says_what_it_could_show():
    table = forest_rows([asked("kind", scores(10, a=0.0, b=0.05, c=0.05))])
    states = {(row.b, row.a): row.state for row in table.itertuples()}
    assert states == {("b", "a"): SHOWN, ("c", "a"): SHOWN, ("c", "b"): UNSHOWN}
    assert table["difference"].is_monotonic_decreasing
    assert set(forest_rows([asked("kind", scores(4, a=0.0, b=0.05))])["state"]) == {UNDECIDABLE}
    assert set(forest_rows([asked("kind", scores(1, a=0.0, b=0.05))])["state"]) <= {UNDECIDABLE, UNTESTED}


def test_only_the_first_score_has_a_place_on_the_axis():
    table = scores(6, a=0.0, b=0.05)
    comparisons = [asked("kind", table), asked("kind", table.assign(other=table["objective"]), "other")]
    assert set(forest_rows(comparisons)["score"]) == {"objective"}


def test_the_clearest_are_kept_in_their_order():
    rows = pd.DataFrame({"difference": [0.1, 0.3, -0.4, 0.2], "p_adjusted": [0.2, 0.01, 0.2, np.nan]})
    assert clearest(rows, 2)["difference"].tolist() == [0.3, -0.4]


def test_without_comparisons_there_is_no_forest(tables):
    assert draw_forest([], tables) is None
    alone = asked("kind", scores(6, a=0.0))
    assert draw_forest([alone], tables) is None
