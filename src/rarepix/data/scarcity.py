"""Subsampling of a dataset that makes named classes scarcer, to study the effect of scarcity."""

from collections.abc import Sequence
from math import floor

import numpy as np
import pandas as pd

from rarepix.data.tables import checked, list_of_names
from rarepix.seeding import generator


def thin(
    counts: pd.DataFrame,
    classes: Sequence[str],
    *,
    keep: float,
    seed: int,
    published: bool = False,
    allow_absent: Sequence[str] = (),
) -> list[str]:
    """Return the ids of the images that stay, in the order of the table.

    The classes are thinned in the order given: of the n remaining images with the class, ⌊n · (1 − keep)⌋ are drawn
    and removed. So the other classes of these images become scarcer too.

    Args:
        counts: image × class table of pixel counts.
        classes: columns of *counts*.
        keep: share of the images of a class that stays, above 0 and at most 1.
        seed: of the draws.
        published: draw as the VOC imbalance study did, from one legacy generator of numpy for all classes: with its
            table, classes and seed its set is rebuilt exactly.
        allow_absent: classes that no image needs to be left of.

    Raises:
        ValueError: *keep* out of range, no class or one that is unknown or named twice, one that no image holds or is
            left to hold, or a table that is none of counts (see ``tables.checked``).
    """
    if not 0 < keep <= 1:
        raise ValueError(f"keep must be a share above 0 and at most 1, but got {keep}")
    checked(counts)
    checked(counts, classes, what="the classes to thin")
    if len(allow_absent):
        list_of_names(allow_absent, "allow_absent")
    legacy = np.random.RandomState(seed) if published else None
    present = counts > 0
    kept = np.ones(len(counts), dtype=bool)
    for name in classes:
        candidates = np.flatnonzero(kept & present[name].to_numpy())
        removed = floor(len(candidates) * (1 - keep) + 1e-9)  # in floating point 10 · (1 − 0.9) is slightly below 1
        # a generator for each class, so that thinning another class first changes as little as possible
        random = legacy or generator(seed, "scarcity", name)
        kept[random.choice(candidates, removed, replace=False)] = False
    before, after = present.sum(), present[kept].sum()
    never = [name for name in classes if not before[name]]
    if never:
        raise ValueError(f"a class to thin must be in an image, but no image holds {', '.join(never)}: leave it out")
    gone = [str(name) for name in present.columns if before[name] and not after[name] and name not in allow_absent]
    if gone:
        raise ValueError(
            f"thinning must leave at least one image of every class, but none is left of {', '.join(gone)} "
            f"after {', '.join(classes)} with keep={keep} and seed={seed}: keep more, use another seed, or accept it "
            f"with allow_absent={gone}"
        )
    return counts.index[kept].tolist()
