"""How often the analysis makes false claims, and how often it detects a gain that was planted in synthetic studies."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis.calibration.checks import KEPT, LEVEL, mean_of, rate
from analysis.calibration.synthetic import CLASSES, NAMES, RARE, SPREAD, synthetic_scores
from analysis.statistics.compare import compare
from analysis.statistics.corrections import correct
from analysis.statistics.correlate import correlate
from analysis.statistics.equivalence import practical
from analysis.statistics.friedman import friedman
from analysis.statistics.power import power
from analysis.statistics.rank_tests import signed_rank

GAIN = 0.013
ENOUGH = 0.8
"""The power that a planted gain must be detected with."""
PAIRED = {"treatment": "configuration", "block": "seed", "score": "miou"}


def false_claims(simulations: int = 1000, seed: int = 0) -> Iterator[dict]:
    """Yield the checks of false claims, each over *simulations* synthetic studies."""
    all_pairs = "false claim, all pairs of 10 identical configurations"
    any_pair = lambda study: claimed(compare(study, **PAIRED))  # noqa: E731
    against_default = lambda study: claimed(compare(study, **PAIRED, against="c0"))  # noqa: E731
    with_holm = lambda study: claimed(compare(study, **PAIRED, correction="holm"))  # noqa: E731
    note = "passed by keeping quiet: after Holm 8 blocks cannot decide 45 comparisons"
    yield null(f"{all_pairs}, 8 blocks, Holm", with_holm, simulations, seed, note, configurations=10, blocks=8)
    # Tests that can decide come close to 5 % by design, and a thousand studies do not tell 4 % from 6 %.
    many, size = 4 * simulations, {"configurations": 10}
    yield null(f"{all_pairs}, 14 blocks", any_pair, many, seed, "closed testing of 45 comparisons", **size, blocks=14)
    check = "false claim, 9 identical configurations against the default, 12 blocks"
    yield null(check, against_default, many, seed, "closed testing of 9 comparisons", **size, blocks=12)
    yield unpaired_null(many, seed)
    check = f"false claim on any of {CLASSES} classes, 2 identical configurations, 12 blocks"
    any_class = lambda study: bool((correct(class_p(study), "holm") <= LEVEL).any())  # noqa: E731
    yield null(check, any_class, many, seed, f"Holm over {CLASSES} classes", configurations=2, blocks=12)
    yield false_discoveries(many, seed)
    # A test that promises exactly 5 % is checked from both sides, which takes more simulations.
    yield friedman_null(2 * simulations, seed)
    yield from correlation_nulls(2 * simulations, seed)


def null(check: str, claims: Callable[[pd.DataFrame], bool], simulations: int, seed: int, note: str, **size) -> dict:
    """Return how many synthetic studies of identical configurations make *claims* claim something: at most 5 %."""
    hits = (claims(synthetic_scores(i, seed=seed, **size)) for i in range(simulations))
    return rate(check, hits, most=LEVEL, note=note)


def unpaired_null(simulations: int, seed: int) -> dict:
    """Return how often Mann-Whitney claims a difference among 4 identical configurations that share no block."""

    def claims(i: int) -> bool:
        groups = [synthetic_scores(4 * i + k, configurations=1, blocks=8, seed=seed) for k in range(4)]
        study = pd.concat([group.assign(configuration=f"c{k}") for k, group in enumerate(groups)])
        return claimed(compare(study, treatment="configuration", score="miou"))

    check = "false claim, 4 identical configurations, unpaired, 8 trials each"
    return rate(
        check, map(claims, range(simulations)), most=LEVEL, note="no block is shared; closed testing of 6 comparisons"
    )


def claimed(rows: pd.DataFrame) -> bool:
    """Say whether any comparison claims a difference."""
    return bool((rows["p_adjusted"] <= LEVEL).any())


def class_p(study: pd.DataFrame) -> np.ndarray:
    """Return the signed-rank p of configuration c1 against c0, a class each."""
    c0, c1 = (study.loc[study["configuration"] == level, list(NAMES)].to_numpy() for level in ("c0", "c1"))
    return np.array([signed_rank(c0[:, i], c1[:, i])[1] for i in range(CLASSES)])


def false_discoveries(simulations: int, seed: int) -> dict:
    """Return the mean share of false ones among the classes that Benjamini-Hochberg reports; a few do gain."""
    shares = []
    for i in range(simulations):
        p = correct(class_p(synthetic_scores(i, configurations=2, blocks=12, gains={1: GAIN}, seed=seed)), "bh")
        reported = p <= LEVEL
        shares.append(reported[:-RARE].sum() / max(reported.sum(), 1))
    check = f"share of false ones among reported classes ({RARE} of {CLASSES} gain), 12 blocks"
    return mean_of(check, shares, most=LEVEL, note="Benjamini-Hochberg")


def friedman_null(simulations: int, seed: int) -> dict:
    """Return how often Friedman's test claims that 10 identical configurations differ: 5 %, neither more nor less."""
    studies = (synthetic_scores(i, configurations=10, blocks=8, seed=seed) for i in range(simulations))
    hits = (friedman(study, **PAIRED)["p"].iloc[0] <= LEVEL for study in studies)
    note = "Iman-Davenport F"
    return rate("Friedman, 10 identical configurations, 8 blocks", hits, **KEPT, note=note)


def correlation_nulls(simulations: int, seed: int) -> Iterator[dict]:
    """Yield how often each correlation of 20 classes is claimed where property and score have nothing to do."""
    reported: dict[str, list[bool]] = {}
    for i in range(simulations):
        rng = np.random.default_rng([seed, i, 20])
        properties = pd.DataFrame({"pixels": rng.lognormal(size=20)})
        score = pd.Series(rng.normal(size=20), name="IoU")
        for row in correlate(properties, score, correction=None).itertuples():
            reported.setdefault(row.method, []).append(row.p <= LEVEL)
    for method, hits in reported.items():
        check = f"{method} correlation, 20 classes, none there"
        yield rate(check, hits, **KEPT, note="log-normal property")


def planted(simulations: int = 1000, seed: int = 0) -> Iterator[dict]:
    """Yield the checks of a planted gain of .013 mean IoU, each over *simulations* synthetic studies."""
    at_8 = [gain_found(compare(study, **PAIRED)) for study in _studies(simulations, seed, configurations=2, blocks=8)]
    yield rate(f"gain of {GAIN} found, 2 configurations, 8 blocks", at_8, least=ENOUGH, note="signed-rank")
    predicted = power(sd=SPREAD, gain=GAIN, blocks=8, seed=seed).iloc[0]
    check = f"the same, predicted by power(sd={SPREAD}, gain={GAIN}, blocks=8)"
    yield rate(check, at_8, least=predicted["low"] - 0.03, most=predicted["high"] + 0.03, note="seen is as above") | {
        "asked": f"{100 * predicted['power']:.1f} % ± 3 %"
    }
    studies = _studies(simulations, seed, configurations=10, blocks=12)
    hits = (gain_found(compare(study, **PAIRED, against="c0")) for study in studies)
    check = f"gain of {GAIN} found, 10 configurations against the default, 12 blocks"
    yield rate(check, hits, least=ENOUGH, note="closed testing of 9 comparisons")
    studies = _studies(simulations, seed, configurations=2, blocks=12)
    hits = (practical(study, **PAIRED, seed=seed)["p_better"].iloc[0] > 0.95 for study in studies)
    check = f"gain of {GAIN} called practically relevant, 2 configurations, 12 blocks"
    yield rate(check, hits, least=ENOUGH, note="Bayesian signed-rank, ±0.005")


def _studies(simulations: int, seed: int, **size) -> Iterator[pd.DataFrame]:
    return (synthetic_scores(i, seed=seed, gains={1: GAIN}, **size) for i in range(simulations))


def gain_found(rows: pd.DataFrame) -> bool:
    """Return whether c1 is claimed to be higher than c0."""
    row = rows[(rows["a"] == "c0") & (rows["b"] == "c1")].iloc[0]
    return bool(row["p_adjusted"] <= LEVEL and row["difference"] > 0)
