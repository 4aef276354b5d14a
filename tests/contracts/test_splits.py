"""What every split must do, whatever it is."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.splits import SPLITS, make_split
from rarepix.seeding import generator

pytestmark = pytest.mark.parametrize("kind", SPLITS)
SHARES = {"ground": 1.0, "often": 0.6, "seldom": 0.2, "rare": 0.06}


def counts(images: int = 150, seed: int = 0) -> pd.DataFrame:
    """Pixel counts of an imbalanced set, with ids that are neither sorted nor consecutive."""
    random = generator(seed, "counts")
    presence = {name: random.random(images) < share for name, share in SHARES.items()}
    table = pd.DataFrame({name: here * random.integers(1, 5000, images) for name, here in presence.items()})
    table.index = [f"scene-{number:04}" for number in random.permutation(10_000)[:images]]
    return table


@pytest.mark.parametrize(("images", "folds"), [(150, 2), (150, 5), (151, 5), (12, 3), (7, 7), (5, 2)])
def test_every_image_is_in_one_fold_and_no_fold_is_empty(kind, images, folds):
    for seed in range(4):
        found = make_split(counts(images, seed), kind, folds=folds, seed=seed)
        assert sorted(found.unique()) == list(range(folds))
        assert len(found) == images


def test_ids_keep_their_order(kind):
    table = counts()
    assert make_split(table, kind, folds=5, seed=0).index.tolist() == table.index.tolist()


def test_folds_are_of_about_the_same_size(kind):
    sizes = make_split(counts(), kind, folds=5, seed=0).value_counts()
    assert sizes.max() - sizes.min() <= 6


def test_the_same_seed_gives_the_same_folds(kind):
    assert make_split(counts(), kind, folds=5, seed=3).equals(make_split(counts(), kind, folds=5, seed=3))


def test_global_randomness_is_neither_used_nor_changed(kind):
    folds = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002 - what a careless caller may do
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        folds.append(make_split(counts(), kind, folds=5, seed=3))
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert folds[0].equals(folds[1])


def test_seeds_differ(kind):
    found = {tuple(make_split(counts(), kind, folds=5, seed=seed)) for seed in range(6)}
    assert len(found) == 6


def test_the_table_is_left_alone(kind):
    table = counts()
    make_split(table, kind, folds=5, seed=0)
    pd.testing.assert_frame_equal(table, counts())


def test_classes_that_no_image_or_every_image_holds(kind):
    table = counts(20).assign(never=0, always=1)
    assert sorted(make_split(table, kind, folds=4, seed=0).unique()) == [0, 1, 2, 3]


def test_images_with_nothing_in_them(kind):
    table = counts(20)
    table.iloc[:10] = 0
    assert sorted(make_split(table, kind, folds=4, seed=0).unique()) == [0, 1, 2, 3]


def test_one_class_in_all(kind):
    table = pd.DataFrame({"lesion": [1, 0, 0, 1, 0, 1, 0, 0]})
    assert sorted(make_split(table, kind, folds=4, seed=0).unique()) == [0, 1, 2, 3]


def empty_cells(kind: str, folds: int = 5, seeds: int = 20) -> int:
    """Number of (seed, fold, class) without an image of the class, over classes that have at least *folds* images."""
    missing = 0
    for seed in range(seeds):
        table = counts(150, seed)
        presence = table > 0
        enough = presence.columns[presence.sum() >= folds]
        found = make_split(table, kind, folds=folds, seed=seed)
        missing += int((presence[enough].groupby(found).sum() == 0).to_numpy().sum())
    return missing


def test_stratifying_keeps_classes_in_every_fold_better_than_chance(kind):
    if kind == "random":
        assert empty_cells(kind) > 5  # chance itself; otherwise the comparison would say nothing
    else:
        assert empty_cells(kind) < empty_cells("random") / 3
