"""Does a study that is extended after looks keep its 5 %? Counting a false claim in any of its reports.

A study begins with few blocks and is extended three times, each time after its comparisons were read, as far as the
first of them. Every report claims what the closed test over the looks so far decides. Three plans are tried: one that
declared at most 12 blocks, one that declared nothing, and one whose first look could not decide anything.

    python -m analysis.calibration.looks      the power of the same plans, as a table in Markdown
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from itertools import combinations, product

import numpy as np

from analysis.calibration.checks import LEVEL, rate
from analysis.calibration.false_claims import GAIN
from analysis.calibration.family_error import ERRORS, FAR, divisions
from analysis.calibration.synthetic import SPREAD
from analysis.statistics.closed import intersected, members
from analysis.statistics.family_over_looks import closed_over_looks, kinds_of
from analysis.statistics.permutation_null import quade_p_of_groups
from analysis.statistics.spending import boundaries

PLANS = {
    "at most 12 declared, looks at 6, 8, 10, 12": ((6, 8, 10, 12), 12),
    "nothing declared, looks at 6, 8, 10, 12": ((6, 8, 10, 12), None),
    "nothing declared, looks at 5, 6, 8, 10": ((5, 6, 8, 10), None),
}
"""Plan → blocks at each look, and the most that were declared."""
CONFIGURATIONS = (2, 3, 4, 6)
SIMULATIONS = 2000
AGAIN = 10
AT_ONCE = 500
"""Studies whose groups are ranked together."""

Pairs = tuple[tuple[int, int], ...]


def pairs_of(configurations: int, *, against_one: bool) -> Pairs:
    """Return all pairs, or those with the first configuration."""
    every = tuple(combinations(range(configurations), 2))
    return tuple(pair for pair in every if 0 in pair) if against_one else every


def adjusted_by_report(scores: np.ndarray, pairs: Pairs, blocks: tuple[int, ...], at_most: int | None) -> np.ndarray:
    """Return the adjusted p of *pairs* in the report after each look, reports × pairs × studies.

    Args:
        scores: studies × blocks × configurations.
        blocks: of each look.
        at_most: that were declared.
    """
    levels = scores.shape[2]
    groups = list(intersected(levels, pairs))
    p = np.ones((len(blocks), 1 << levels, len(scores)))
    for look, n in enumerate(blocks):
        for i in range(0, len(scores), AT_ONCE):
            part = slice(i, i + AT_ONCE)
            p[look, groups, part] = quade_p_of_groups(scores[part, :n], members(groups, levels))
    times = tuple(1.0 if at_most is None else min(1.0, n / at_most) for n in blocks)
    lattices = tuple(("pairs", n, n) for n in blocks)
    reports = []
    for last in range(1, len(blocks) + 1):
        kinds = kinds_of(levels, pairs, [dict.fromkeys(groups, (n,)) for n in blocks[:last]])
        asked = {"lattices": lattices[:last], "times": times[:last], "alpha": LEVEL, "test": "signed_rank"}
        test = partial(boundaries, **asked, drawn=True)
        reports.append(closed_over_looks(p[:last], pairs, kinds, lattices, test))
    return np.array(reports)


def look_errors(simulations: int = 1000, seed: int = 0) -> Iterator[dict]:
    """Yield how often any report claims a false difference, under every division into equal configurations.

    Of the division with the most false claims ``AGAIN`` times as many studies are drawn anew: the largest of several
    rates is larger than the chance behind it.
    """
    for plan, k, against_one in product(PLANS, CONFIGURATIONS, (False, True)):
        pairs = pairs_of(k, against_one=against_one)
        hits = [_false_claims(sizes, pairs, plan, simulations, seed) for sizes in divisions(k)]
        what = f"false claim in any report, {k} configurations, {'against one' if against_one else 'all pairs'}, {plan}"
        yield rate(f"{what}: {len(hits)} nulls", np.concatenate(hits), most=LEVEL)
        if len(hits) > 1:
            sizes = divisions(k)[int(np.argmax([each.mean() for each in hits]))]
            anew = _false_claims(sizes, pairs, plan, AGAIN * simulations, seed + 1)
            yield rate(f"{what}: the worst null", anew, most=LEVEL, note=f"groups of {'+'.join(map(str, sizes))}")


def _false_claims(sizes: tuple[int, ...], pairs: Pairs, plan: str, simulations: int, seed: int) -> np.ndarray:
    """Return in which studies there is a false claim, groups of these *sizes* being equal.

    The groups are far apart, so that nothing but the intersection of what is true protects.
    """
    blocks, at_most = PLANS[plan]
    rng = np.random.default_rng([seed, sum(sizes), at_most or 0, blocks[0], *sizes])
    group = np.repeat(np.arange(len(sizes)), sizes)
    scores = ERRORS["normal"](rng, (simulations, blocks[-1], len(group))) + FAR * group
    return false_claim(scores, pairs, group, blocks, at_most)


def false_claim(
    scores: np.ndarray, pairs: Pairs, group: np.ndarray, blocks: tuple[int, ...], at_most: int | None
) -> np.ndarray:
    """Return in which studies any report claims that two configurations of one *group* differ."""
    true = [group[a] == group[b] for a, b in pairs]
    return (adjusted_by_report(scores, pairs, blocks, at_most)[:, true] <= LEVEL).any(axis=(0, 1))


def power(scores: np.ndarray, pairs: Pairs, blocks: tuple[int, ...], at_most: int | None) -> np.ndarray:
    """Return after each look in which share of studies any report so far tells the second from the first."""
    of_pair = adjusted_by_report(scores, pairs, blocks, at_most)[:, pairs.index((0, 1))] <= LEVEL
    higher = np.array([np.median(scores[:, :n, 1] - scores[:, :n, 0], axis=1) > 0 for n in blocks])
    return np.maximum.accumulate(of_pair & higher).mean(axis=1)


def main(arguments: list[str] | None = None) -> int:
    """Print the power of every plan against that of a study of as many blocks that was never looked at."""
    parser = argparse.ArgumentParser(prog="python -m analysis.calibration.looks", description=main.__doc__)
    parser.add_argument("--simulations", type=int, default=SIMULATIONS, help=f"studies of each kind ({SIMULATIONS})")
    parser.add_argument("--gain", type=float, default=GAIN, help=f"of the second configuration (default: {GAIN})")
    given = parser.parse_args(arguments)
    print("| configurations | plan | power after each look | one look at as many blocks |\n|---|---|---|---|")
    for k in (2, 3, 5):
        pairs = pairs_of(k, against_one=False)
        scores = np.random.default_rng([12, k]).standard_normal((given.simulations, 12, k)) * SPREAD
        scores[:, :, 1] += given.gain
        for plan, (blocks, at_most) in PLANS.items():
            alone = [power(scores, pairs, (n,), None)[0] for n in blocks]
            spent = power(scores, pairs, blocks, at_most)
            cells = [", ".join(f"{100 * share:.0f}" for share in shares) + " %" for shares in (spent, alone)]
            print(f"| {k} | {plan} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
