"""Power of the next study, from the spread of the trials of this one."""

from typing import NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.pairing import design
from analysis.statistics.power import BLOCKS, SIMULATIONS
from analysis.statistics.spread import power_from, spread, unknown
from analysis.study.comparisons import compared_scores, treatments, with_configurations
from analysis.study.leaderboard import CONFIGURATION, default_level


class _Choice(NamedTuple):
    """A treatment whose differences within blocks can be measured."""

    treatment: str
    block: list[str]
    blocks: int
    pairs: int


def power_of_study(
    tables: Tables,
    *,
    gain: float | list[float] | None = None,
    blocks: int | list[int] = BLOCKS,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return ``power_from`` of the treatment whose levels share the most blocks, under the first score compared.

    Scores are paired as the report pairs them (see ``pairing.design``), and there are as many comparisons as it makes:
    all others against the default where the study knows it, else every pair of levels.

    Returns:
        The columns of ``power_from`` after ``treatment`` and ``score``. Where no treatment is paired, one row without
        numbers, whose ``verdict`` says so.

    Raises:
        ValueError: an argument is out of its range, see ``power``.
    """
    ranked, score = with_configurations(tables), next(iter(compared_scores(tables)), "objective")
    choices = [choice for name in treatments(tables) if (choice := _choice(tables, ranked, name, score))]
    if not choices:
        why = "no levels of a parameter share two blocks, or their scores do not vary there"
        table = unknown(f"The spread of differences cannot be measured: {why}. Name a spread with power(sd=…).")
        return _named(table, float("nan"), score)
    best = max(choices, key=lambda choice: (choice.blocks, choice.pairs))
    against = default_level(tables, ranked, best.treatment)
    others = ranked.dropna(subset=[score])[best.treatment].nunique() - 1
    table = power_from(
        ranked,
        treatment=best.treatment,
        block=best.block,
        score=score,
        gain=gain,
        blocks=blocks,
        comparisons=None if against is None else others,
        simulations=simulations,
        seed=seed,
    )
    return _named(table, best.treatment, score)


def _choice(tables: Tables, ranked: pd.DataFrame, treatment: str, score: str) -> _Choice | None:
    others = () if treatment == CONFIGURATION else tables.parameters
    block = design(ranked, treatment, score, others, tables.block).block
    if not block:
        return None
    measured = spread(ranked, treatment=treatment, block=block, score=score).iloc[0]
    if not measured["sd_difference"] > 0:
        return None
    return _Choice(treatment, block, int(measured["blocks"]), int(measured["pairs"]))


def _named(table: pd.DataFrame, treatment: str | float, score: str) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"treatment": treatment, "score": score}, index=table.index), table], axis=1)
