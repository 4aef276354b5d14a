"""Tables of all scores of a split, for people and files: by class, and by group of classes."""

import numpy as np
import pandas as pd

from rarepix.scores import SCORES, Counts, groups, per_image, pooled, summed

WAYS = {"pooled": pooled, "per_image": per_image}
"""How the images become one number."""


def class_table(counts: Counts, names: tuple[str, ...], *, absent: str = "skip") -> pd.DataFrame:
    """Return a row a class of counts N C: the integers, the images that have it, and each score in both ways.

    Columns: class, images (with a true pixel), tp, fp, fn, tn, then ``<score>`` (pooled) and ``<score>_per_image``.
    """
    table = pd.DataFrame({"class": names, "images": (counts["tp"] + counts["fn"] > 0).sum(axis=0), **summed(counts)})
    for score, function in SCORES.items():
        table[score] = pooled(function, counts, absent=absent)
        table[f"{score}_per_image"] = per_image(function, counts, absent=absent)
    return table


def group_table(counts: Counts, names: tuple[str, ...], rare: tuple[str, ...], *, absent: str = "skip") -> pd.DataFrame:
    """Return a row for each score and way of counts N C.

    Columns: score, images (pooled or per_image), mean, rare, frequent, worst, and absent: how many classes had 0 / 0
    in the sum over the images (pooled) or in every one of them (per_image), whatever the policy made of them.
    """
    rows = []
    for score, function in SCORES.items():
        for way, reduce in WAYS.items():
            missing = int(np.isnan(reduce(function, counts)).sum())
            values = reduce(function, counts, absent=absent)
            rows.append({"score": score, "images": way, **groups(values, names, rare), "absent": missing})
    return pd.DataFrame(rows)
