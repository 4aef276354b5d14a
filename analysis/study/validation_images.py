"""Whether trials of one block were validated on the same images.

They are, unless the study varies what the validation part is made of (``data.split``, ``data.scarcity``,
``data.groups``): then a difference of validation scores is one of images as much as of configurations, and only the
test part, which is the same for all, can be compared.
"""

from analysis.reading.tables import Tables
from analysis.study.leaderboard import TEST, VALIDATION, block_texts, leaderboard

APART = (
    "Trials of one block were validated on different images, since the study varies how the data are thinned or split: "
    "their validation scores cannot be compared. Compared are scores on the test part, which is the same for all; the "
    "leaderboard, by validation, ranks unlike things."
)
NOT_COMPARABLE = (
    "Trials of one block were validated on different images, since the study varies how the data are thinned or split, "
    "and there is no test part that all share: differences below are of images as much as of configurations."
)


def validated_on_different_images(tables: Tables) -> bool:
    """Return whether two complete trials of one block were validated on different images."""
    return _differs(tables, VALIDATION)


def validation_caution(tables: Tables) -> str:
    """Return the caution that precedes comparisons; empty where all trials were validated on the same images."""
    if not validated_on_different_images(tables):
        return ""
    return APART if tested_on_same_images(tables) else NOT_COMPARABLE


def tested_on_same_images(tables: Tables) -> bool:
    """Return whether there is a test part, the same for all trials of a block."""
    return bool((tables.images["split"] == TEST).any()) and not _differs(tables, TEST)


def _differs(tables: Tables, split: str) -> bool:
    images = tables.images.loc[tables.images["split"] == split, ["trial", "image"]].drop_duplicates()
    if images.empty:
        return False
    ranked = leaderboard(tables)
    blocks = images["trial"].map(dict(zip(ranked["trial"], block_texts(tables, ranked), strict=True)))
    # All trials of a block saw the same images where every pair of trial and image of the block occurs.
    by_block = images.groupby(blocks.astype(object))
    return bool((by_block.size() != by_block["trial"].nunique() * by_block["image"].nunique()).any())
