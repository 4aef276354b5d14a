"""Whether trials of one block were validated on the same images.

They are, unless the study varies what the validation part is made of (``data.split``, ``data.scarcity``,
``data.groups``): then a difference of validation scores is one of images as much as of configurations, and only the
test part, which is the same for all, can be compared.
"""

import pandas as pd

from analysis.reading.collect import Tables
from analysis.study.standings import TEST, VALIDATION, block_texts, standings

APART = (
    "Trials of one block were validated on different images, since the study varies how the data are thinned or split: "
    "their validation scores cannot be compared. Compared are scores on the test part, which is the same for all; the "
    "leaderboard, by validation, ranks unlike things."
)
NOT_COMPARABLE = (
    "Trials of one block were validated on different images, since the study varies how the data are thinned or split, "
    "and there is no test part that all share: differences below are of images as much as of configurations."
)


def validated_apart(tables: Tables) -> bool:
    """Return whether two complete trials of one block were validated on different images."""
    return _differs(tables, VALIDATION)


def caution(tables: Tables) -> str:
    """Return what has to be said before any comparison; nothing where all validated on the same images."""
    if not validated_apart(tables):
        return ""
    return APART if tested_alike(tables) else NOT_COMPARABLE


def tested_alike(tables: Tables) -> bool:
    """Return whether there is a test part, the same for all trials of a block."""
    return bool((tables.images["split"] == TEST).any()) and not _differs(tables, TEST)


def _differs(tables: Tables, split: str) -> bool:
    images = tables.images.loc[tables.images["split"] == split, ["trial", "image"]].drop_duplicates()
    seen = images.sort_values("image").groupby("trial")["image"].agg(tuple)
    ranked = standings(tables)
    both = pd.DataFrame({"trial": ranked["trial"], "block": block_texts(tables, ranked)}).set_index("trial")
    return bool((both.join(seen.rename("seen"), how="inner").groupby("block")["seen"].nunique() > 1).any())
