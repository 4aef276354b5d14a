"""Tables of pixel counts to be split."""

import pandas as pd

from rarepix.seeding import generator

SHARES = {"ground": 1.0, "often": 0.6, "seldom": 0.2, "rare": 0.06}


def counts(images: int = 150, seed: int = 0, shares: dict[str, float] = SHARES) -> pd.DataFrame:
    """Pixel counts of an imbalanced set, a few images with most of the pixels, ids neither sorted nor consecutive."""
    random = generator(seed, "counts")
    table = {
        name: (random.random(images) < share) * random.lognormal(6, 1.2, images).round().clip(1).astype(int)
        for name, share in shares.items()
    }
    index = [f"scene-{number:04}" for number in random.permutation(10_000)[:images]]
    return pd.DataFrame(table, index=index)


def grouped(table: pd.DataFrame, groups: int, seed: int = 0) -> pd.Series:
    """Image id → one of so many groups, of unlike sizes, none of them empty."""
    random = generator(seed, "groups")
    numbers = [*range(groups), *(groups * random.random(len(table) - groups) ** 2).astype(int)]
    return pd.Series([f"g{number}" for number in random.permutation(numbers)], index=table.index)
