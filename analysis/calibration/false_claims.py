"""How often the analysis makes false claims, in synthetic studies in which no configuration, or only one, is better."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis.calibration.checks import KEPT, LEVEL, mean_of, rate
from analysis.calibration.synthetic import CLASSES, RARE, synthetic_scores
from analysis.statistics.compare import compare
from analysis.statistics.corrections import correct
from analysis.statistics.correlate import correlate
from analysis.statistics.friedman import friedman
from analysis.statistics.rank_tests import signed_rank

GAIN = 0.013
PAIRED = {"treatment": "configuration", "block": "seed", "score": "miou"}


def false_claims(simulations: int = 1000, seed: int = 0) -> Iterator[dict]:
    """Yield the checks of false claims, each over *simulations* synthetic studies."""
    yield null(
        "false claim, all pairs of 10 identical configurations, 8 blocks",
        lambda study: claimed(compare(study, **PAIRED)), simulations, seed,
        "passed by keeping quiet: 8 blocks cannot decide 45 comparisons", configurations=10, blocks=8,
    )  # fmt: skip
    # Tests that can decide come close to 5 % by design, and a thousand studies do not tell 4 % from 6 %.
    yield from _nulls_of_compare(4 * simulations, seed)
    yield from _classes(4 * simulations, seed)
    # A test that promises exactly 5 % is checked from both sides, which takes more simulations.
    yield friedman_null(2 * simulations, seed)
    yield from correlation_nulls(2 * simulations, seed)


def null(check: str, claims: Callable[[pd.DataFrame], bool], simulations: int, seed: int, note: str, **size) -> dict:
    """Return how many synthetic studies of identical configurations make *claims* claim something: at most 5 %."""
    hits = (claims(synthetic_scores(i, seed=seed, **size)) for i in range(simulations))
    return rate(check, hits, most=LEVEL, note=note)


def _nulls_of_compare(simulations: int, seed: int) -> Iterator[dict]:
    yield null(
        "false claim, all pairs of 10 identical configurations, 14 blocks",
        lambda study: claimed(compare(study, **PAIRED)), simulations, seed,
        "45 comparisons can be decided", configurations=10, blocks=14,
    )  # fmt: skip
    yield null(
        "false claim, 9 identical configurations against the default, 12 blocks",
        lambda study: claimed(compare(study, **PAIRED, against="c0")), simulations, seed,
        "9 comparisons can be decided", configurations=10, blocks=12,
    )  # fmt: skip
    yield unpaired_null(simulations, seed)


def unpaired_null(simulations: int, seed: int) -> dict:
    """Return how often Mann-Whitney claims a difference among 4 identical configurations that share no block."""

    def claims(i: int) -> bool:
        groups = [synthetic_scores(4 * i + k, configurations=1, blocks=8, seed=seed) for k in range(4)]
        study = pd.concat([group.assign(configuration=f"c{k}") for k, group in enumerate(groups)])
        return claimed(compare(study, treatment="configuration", score="miou"))

    check = "false claim, 4 identical configurations, unpaired, 8 trials each"
    return rate(check, map(claims, range(simulations)), most=LEVEL, note="no block is shared; Holm over 6")


def claimed(rows: pd.DataFrame) -> bool:
    """Say whether any comparison claims a difference."""
    return bool((rows["p_adjusted"] <= LEVEL).any())


def class_p(study: pd.DataFrame) -> np.ndarray:
    """Return the signed-rank p of configuration c1 against c0, a class each."""
    names = [f"class{i:02d}" for i in range(CLASSES)]
    c0, c1 = (study.loc[study["configuration"] == level, names].to_numpy() for level in ("c0", "c1"))
    return np.array([signed_rank(c0[:, i], c1[:, i])[1] for i in range(CLASSES)])


def _classes(simulations: int, seed: int) -> Iterator[dict]:
    yield null(
        f"false claim on any of {CLASSES} classes, 2 identical configurations, 12 blocks",
        lambda study: bool((correct(class_p(study), "holm") <= LEVEL).any()), simulations, seed,
        f"Holm over {CLASSES} classes", configurations=2, blocks=12,
    )  # fmt: skip
    yield false_discoveries(simulations, seed)


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
    return rate("Friedman, 10 identical configurations, 8 blocks", hits, least=KEPT[0], most=KEPT[1], note=note)


def correlation_nulls(simulations: int, seed: int) -> Iterator[dict]:
    """Yield how often each correlation of 20 classes is claimed where property and score have nothing to do."""
    reported: dict[str, list[bool]] = {}
    for i in range(simulations):
        rng = np.random.default_rng([seed, i, 20])
        property_of, score = (
            pd.DataFrame({"pixels": rng.lognormal(size=20)}),
            pd.Series(rng.normal(size=20), name="IoU"),
        )
        for row in correlate(property_of, score, correction=None).itertuples():
            reported.setdefault(row.method, []).append(row.p <= LEVEL)
    for method, hits in reported.items():
        check = f"{method} correlation, 20 classes, none there"
        yield rate(check, hits, least=KEPT[0], most=KEPT[1], note="log-normal property")
