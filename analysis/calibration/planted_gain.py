"""How often the analysis detects a gain that was planted in synthetic studies."""

from collections.abc import Iterator

import pandas as pd

from analysis.calibration.checks import LEVEL, rate
from analysis.calibration.false_claims import GAIN, PAIRED
from analysis.calibration.synthetic import SPREAD, synthetic_scores
from analysis.statistics.compare import compare
from analysis.statistics.equivalence import practical
from analysis.statistics.power import power

ENOUGH = 0.8


def planted(simulations: int = 1000, seed: int = 0) -> Iterator[dict]:
    """Yield the checks of a planted gain of .013 mean IoU, each over *simulations* synthetic studies."""
    at_8 = [gain_found(compare(study, **PAIRED)) for study in _studies(simulations, seed, configurations=2, blocks=8)]
    yield rate(f"gain of {GAIN} found, 2 configurations, 8 blocks", at_8, least=ENOUGH, note="signed-rank")
    predicted = power(sd=SPREAD, gain=GAIN, blocks=8, seed=seed).iloc[0]
    check = f"the same, predicted by power(sd={SPREAD}, gain={GAIN}, blocks=8)"
    yield rate(check, at_8, least=predicted["low"] - 0.03, most=predicted["high"] + 0.03, note="seen is as above") | {
        "asked": f"{100 * predicted['power']:.1f} % ± 3 %"
    }
    yield rate(
        f"gain of {GAIN} found, 10 configurations against the default, 12 blocks",
        (
            gain_found(compare(study, **PAIRED, against="c0"))
            for study in _studies(simulations, seed, configurations=10, blocks=12)
        ),
        least=ENOUGH,
        note="Holm over 9",
    )
    yield rate(
        f"gain of {GAIN} called practically relevant, 2 configurations, 12 blocks",
        (
            practical(study, **PAIRED, seed=seed)["p_better"].iloc[0] > 0.95
            for study in _studies(simulations, seed, configurations=2, blocks=12)
        ),
        least=ENOUGH,
        note="Bayesian signed-rank, ±0.005",
    )


def _studies(simulations: int, seed: int, **size) -> Iterator[pd.DataFrame]:
    return (synthetic_scores(i, seed=seed, gains={1: GAIN}, **size) for i in range(simulations))


def gain_found(rows: pd.DataFrame) -> bool:
    """Return whether c1 is claimed to be higher than c0."""
    row = rows[(rows["a"] == "c0") & (rows["b"] == "c1")].iloc[0]
    return bool(row["p_adjusted"] <= LEVEL and row["difference"] > 0)
