"""From single comparisons to a family: corrected together, each with what it would need and a sentence."""

import numpy as np

from analysis.statistics.corrections import correct, needed_n
from analysis.statistics.formatting import decided, nothing_to_test, undecidable
from analysis.statistics.ranktests import TESTS


def judge(rows: list[dict], *, test: str, correction: str | None, family: str, alpha: float) -> list[dict]:
    """Return *rows*, corrected within one family, each with the sentence that says what it shows.

    What was not tested (p NaN) does not count in the family, and needs no n: there is nothing that it could decide.

    Args:
        rows: of one *test*, with a, b, paired, n, n_a, n_b, p, floor, difference, low, high, superiority, effect and
            effect_name.

    Returns:
        The rows with p_adjusted, correction, family, family_size, floor_adjusted, needed_n and verdict.
    """
    adjusted = correct([row["p"] for row in rows], correction)
    floors = correct([row["floor"] for row in rows], correction)
    tested = ~np.isnan(adjusted)
    needed = np.full(len(rows), np.nan)
    if tested.any():
        sizes = np.array([(row["n_a"], row["n_b"]) for row in rows])[tested]
        needed[tested] = needed_n(TESTS[test].floor, sizes, correction, alpha)
    shared = {"correction": correction, "family": family, "family_size": int(tested.sum())}
    judged = [
        row | shared | {"p_adjusted": p, "floor_adjusted": floor, "needed_n": n if np.isnan(n) else int(n)}
        for row, p, floor, n in zip(rows, adjusted, floors, needed, strict=True)
    ]
    return [row | {"verdict": _sentence(row, TESTS[test].least, alpha)} for row in judged]


def _sentence(row: dict, least: int, alpha: float) -> str:
    if np.isnan(row["p"]):
        return nothing_to_test(row, least)
    if row["floor_adjusted"] > alpha:
        return undecidable(row, int(row["needed_n"]))
    return decided(row, alpha)
