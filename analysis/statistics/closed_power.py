"""Power of a family of comparisons as it is corrected: closed testing or Holm, all pairs or all against one level.

Scores of one configuration are *gain* above those of all others, which are equal; errors are normal. Counted is how
often the comparison of the better one with the first of the others is decided in the right direction. Closed testing
has no worst step that could be calculated as ``power`` does for Holm: whole studies are drawn, and tested as
``compare`` tests them (beyond 16 blocks the signed-rank p is drawn, too). Fewer blocks see a part of the same draws.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.closed import MOST_LEVELS, closed_p, intersected, members
from analysis.statistics.corrections import CLOSED, NAMES, check_alpha, holm
from analysis.statistics.permutation_null import quade_p
from analysis.statistics.power import difference_spread

SIMULATIONS = 1_000
AT_ONCE = 250
COLUMNS = [
    "configurations", "family", "correction", "blocks", "gain", "power", "low", "high", "sd", "correlation", "alpha",
    "simulations",
]  # fmt: skip
ALL_PAIRS, AGAINST_ONE = "all pairs", "against one"


def closed_power(
    *,
    sd: float,
    gain: float,
    blocks: int | Sequence[int],
    configurations: int,
    against_one: bool = False,
    correction: str = CLOSED,
    correlation: float = 0.0,
    alpha: float = 0.05,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per number of blocks: how often one configuration is told from the first of the others.

    Args:
        sd: standard deviation of one score over blocks, *correlation* that of two configurations (see ``power``).
        gain: by how much the one is better, in units of the score.
        against_one: all are compared with the first of the others alone.
        correction: ``"closed"`` or ``"holm"``.

    Returns:
        ``power`` with the 95 % interval of the simulation (``low``, ``high``).

    Raises:
        ValueError: an argument is out of its range.
    """
    counts = np.atleast_1d(np.asarray(blocks, dtype=int))
    _check(configurations, correction, counts, simulations)
    check_alpha(alpha)
    noise = difference_spread(sd, correlation) / np.sqrt(2)
    pairs = [(0, i) for i in range(1, configurations)] if against_one else list(combinations(range(configurations), 2))
    found = dict.fromkeys(counts.tolist(), 0)
    for begun in range(0, simulations, AT_ONCE):
        size = (counts.max(), min(AT_ONCE, simulations - begun), configurations)
        drawn = np.random.default_rng([seed, begun]).standard_normal(size).swapaxes(0, 1) * noise
        drawn[:, :, 1] += gain
        for n in found:
            adjusted = adjusted_p(drawn[:, :n], pairs, correction)
            higher = np.median(drawn[:, :n, 1] - drawn[:, :n, 0], axis=1) > 0
            found[n] += int(np.sum((adjusted[pairs.index((0, 1))] <= alpha) & higher))
    family = AGAINST_ONE if against_one else ALL_PAIRS
    shared = {"configurations": configurations, "family": family, "correction": correction, "gain": gain, "sd": sd}
    shared |= {"correlation": correlation, "alpha": alpha, "simulations": simulations}
    rows = []
    for n, hits in found.items():
        ends = stats.binomtest(hits, simulations).proportion_ci()
        rows.append(shared | {"blocks": n, "power": hits / simulations, "low": ends.low, "high": ends.high})
    return pd.DataFrame(rows, columns=COLUMNS)


def blocks_for_power(*, power: float = 0.8, most: int = 40, **asked) -> int | None:
    """Return the fewest blocks that reach *power* under the arguments of ``closed_power``; None beyond *most*."""
    sizes = range(5, most + 1)
    return next((n for n in sizes if closed_power(blocks=n, **asked)["power"].iloc[0] >= power), None)


def adjusted_p(scores: np.ndarray, pairs: Sequence[tuple[int, int]], correction: str) -> np.ndarray:
    """Return the adjusted p, pairs × studies, of complete *scores*, studies × blocks (up to 16) × levels."""
    levels = scores.shape[2]
    own = np.array([quade_p(scores[:, :, pair]) for pair in map(list, pairs)])
    if len(pairs) == 1:
        return own
    if correction != CLOSED:
        return np.apply_along_axis(holm, 0, own)
    p = np.ones((1 << levels, len(scores)))
    for group in intersected(levels, tuple(pairs)):
        p[group] = quade_p(scores[:, :, members(group)])
    n = scores.shape[1]
    return closed_p(p, levels, pairs, ("pairs", n, n))


def _check(configurations: int, correction: str, blocks: np.ndarray, simulations: int) -> None:
    if not 2 <= configurations <= MOST_LEVELS:
        raise ValueError(f"configurations must be between 2 and {MOST_LEVELS}, but got {configurations}")
    if correction not in (CLOSED, "holm"):
        raise ValueError(f"correction must be 'closed' or 'holm' ({NAMES['holm']}), but got {correction!r}")
    if not (len(blocks) and blocks.min() >= 1):
        raise ValueError(f"blocks must be 1 or more, but got {blocks.tolist()}")
    if simulations < 1:
        raise ValueError(f"simulations must be 1 or more, but got {simulations}")
