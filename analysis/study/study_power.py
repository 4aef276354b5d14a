"""Power of the next study, from the spread of the trials of this one."""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.power import BLOCKS
from analysis.statistics.spread import power_from, spread, unknown
from analysis.study.comparisons import compared_scores, treatment_design, treatments, with_configurations
from analysis.study.leaderboard import default_level


def power_of_study(
    tables: Tables,
    *,
    gain: float | list[float] | None = None,
    blocks: int | list[int] = BLOCKS,
    simulations: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return ``power_from`` of the treatment whose levels share the most blocks, under the first score compared.

    Scores are paired as the report pairs them (see ``pairing.design``), and as many levels are compared as it compares:
    all others with the default where the study knows it, else every pair of levels.

    Columns are those of ``power_from`` after ``treatment`` and ``score``. Where no treatment is paired, one row without
    numbers says so in its ``verdict``. Raises as ``power`` does.
    """
    ranked, score = with_configurations(tables), next(iter(compared_scores(tables)), "objective")
    choices = []
    for treatment in treatments(tables):
        block = treatment_design(tables, ranked, treatment, score).block
        measured = (
            spread(ranked, treatment=treatment, block=block, score=score).iloc[0] if block else {"sd_difference": 0}
        )
        if measured["sd_difference"] > 0:
            choices.append((measured["blocks"], measured["pairs"], treatment, block))
    if not choices:
        why = "no levels of a parameter share two blocks, or their scores do not vary there"
        table = unknown(f"The spread of differences cannot be measured: {why}. Name a spread with power(sd=…).")
        return _named(table, float("nan"), score)
    *_, treatment, block = max(choices, key=lambda choice: choice[:2])
    against = default_level(tables, ranked, treatment)
    levels = ranked.dropna(subset=[score])[treatment].nunique()
    table = power_from(
        ranked, treatment=treatment, block=block, score=score, gain=gain, blocks=blocks,
        configurations=levels, against_one=against is not None, simulations=simulations, seed=seed,
    )  # fmt: skip
    return _named(table, treatment, score)


def _named(table: pd.DataFrame, treatment: str | float, score: str) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"treatment": treatment, "score": score}, index=table.index), table], axis=1)
