"""One treatment under one score, ready to be put into words: its pairs of levels with the three verdicts on each."""

from typing import NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.study.comparisons import TreatmentComparison, score_label
from analysis.study.order import ABOVE, Claim, order_text
from analysis.study.verdict_rules import CLAIMS, HIGHER, LOWER

ALPHA = 0.05
WORDS = ["exact", "model", "practical", "rule", "agree", "sentence"]


class Question(NamedTuple):
    """One treatment under one score."""

    comparison: TreatmentComparison
    label: str
    """Of the score: ``validation mIoU``."""
    pairs: pd.DataFrame
    """The rows of ``compare`` and the columns ``WORDS`` of ``agreement`` side by side, the surest first."""
    unit: str
    """What n counts: blocks, pairs, or trials per level."""

    @property
    def decided(self) -> pd.DataFrame:
        """Return the pairs of which the exact procedure claims a direction."""
        return self.pairs[self.pairs["exact"].isin(CLAIMS)]

    @property
    def rest(self) -> pd.DataFrame:
        """Return the other pairs."""
        return self.pairs[~self.pairs["exact"].isin(CLAIMS)]

    @property
    def rejected(self) -> bool:
        """Return whether Friedman's test rejects that all levels are equal."""
        overall = self.comparison.overall
        return bool(len(overall) and overall["p"].iloc[0] <= ALPHA)

    @property
    def claimed(self) -> bool:
        """Return whether one of the other two verdicts claims a direction of some pair."""
        return bool(self.pairs[["model", "practical"]].isin(CLAIMS).any(axis=None))

    def order(self, pairs: pd.DataFrame, by: str) -> str:
        """Return in words what column *by* (exact, model or practical) claims of *pairs*, as an order if it is one."""
        levels = list(dict.fromkeys([*self.pairs["b"], *self.pairs["a"]]))
        minimize = self.comparison.minimize
        claims, words = claims_of(pairs, by, minimize=minimize), ABOVE[::-1] if minimize else ABOVE
        return order_text(claims, levels, self.comparison.against, words)

    def sign(self, row: pd.Series) -> int:
        """Return 1 if what is claimed of *row* names b first, −1 if a: the better one, or that which is no default."""
        better = LOWER if self.comparison.minimize else HIGHER
        return 1 if self.comparison.against is not None or row["exact"] == better else -1

    def sizes(self, pairs: pd.DataFrame) -> str:
        """Return how many scores *pairs* have: ``n = 6 blocks``."""
        low, high = int(pairs["n"].min()), int(pairs["n"].max())
        unit = self.unit.replace("trials", "trial") if high == 1 else self.unit
        return f"n = {low}{f' to {high}' if high > low else ''} {unit}"


def question(tables: Tables, comparison: TreatmentComparison) -> Question:
    """Return *comparison* ready to be put into words."""
    beside = comparison.agreement[WORDS]
    pairs = pd.concat([comparison.rows.reset_index(drop=True), beside.reset_index(drop=True)], axis=1)
    # Those that cannot be decided have no small adjusted p: among them the raw p says which came nearest.
    order = pairs.assign(size=-pairs["effect"].abs()).sort_values(["p_adjusted", "p", "size"], kind="stable").index
    columns = comparison.design.block
    unit = "trials per level" if columns is None else "blocks" if len(columns) <= len(tables.block) else "pairs"
    return Question(comparison, score_label(tables, comparison.score), pairs.loc[order], unit)


def claims_of(pairs: pd.DataFrame, by: str, *, minimize: bool = False) -> list[Claim]:
    """Return the claims of column *by* about *pairs*, the better level first; *minimize*: the lower one is better."""
    claims, better = pairs[pairs[by].isin(CLAIMS)], LOWER if minimize else HIGHER
    return [(b, a) if word == better else (a, b) for b, a, word in claims[["b", "a", by]].itertuples(index=False)]
