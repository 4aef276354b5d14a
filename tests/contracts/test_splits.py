"""What every split must do, whatever it is, of single images and of groups."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from rarepix.data.splits import SPLITS, make_split
from rarepix.data.splits.clusters import fit
from tests.data.splits.tables import counts, grouped

pytestmark = [pytest.mark.parametrize("kind", SPLITS), pytest.mark.filterwarnings("error")]
each_way = pytest.mark.parametrize("groups", [None, 25], ids=["images", "groups"])
"""Images dealt one by one, or in so many groups."""


@cache
def stored_centroids(images: int, seed: int) -> pd.DataFrame:
    return fit(counts(images, seed))


def split(kind: str, images: int = 150, table_seed: int = 0, groups: int | None = None, **given) -> pd.Series:
    table = counts(images, table_seed)
    if kind == "proportion_cluster":
        given["centroids"] = stored_centroids(images, table_seed)
    if groups:
        given["groups"] = grouped(table, groups)
    return make_split(table, kind, **({"folds": 5, "seed": 0} | given))


@pytest.mark.parametrize(("images", "folds"), [(150, 2), (150, 5), (151, 5), (12, 3), (7, 7), (5, 2)])
@pytest.mark.parametrize("grouping", [False, True])
def test_every_image_is_in_one_fold_and_no_fold_is_empty(kind, grouping, images, folds):
    groups = max(folds, images // 6) if grouping else None
    for seed in range(3):
        result = split(kind, images, groups=groups, folds=folds, seed=seed)
        assert sorted(result.unique()) == list(range(folds))
        assert len(result) == images
        assert result.name == "fold"


@each_way
def test_ids_keep_their_order(kind, groups):
    assert split(kind, groups=groups).index.tolist() == counts().index.tolist()


@pytest.mark.parametrize(("images", "groups", "folds"), [(150, 25, 5), (150, 5, 5), (40, 11, 3)])
def test_a_group_is_in_one_fold(kind, images, groups, folds):
    for seed in range(5):
        result = split(kind, images, groups=groups, folds=folds, seed=seed)
        assert result.groupby(grouped(counts(images), groups)).nunique().max() == 1


def test_folds_are_of_about_the_same_size(kind):
    sizes = split(kind).value_counts()
    assert sizes.max() - sizes.min() <= 6


@each_way
def test_the_same_seed_gives_the_same_folds(kind, groups):
    assert split(kind, groups=groups, seed=3).equals(split(kind, groups=groups, seed=3))


@each_way
def test_seeds_differ(kind, groups):
    assert len({tuple(split(kind, groups=groups, seed=seed)) for seed in range(6)}) == 6


@each_way
def test_global_randomness_is_neither_used_nor_changed(kind, groups):
    folds = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002 - what a careless caller may do
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        folds.append(split(kind, groups=groups))
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert folds[0].equals(folds[1])


@each_way
def test_what_is_given_is_left_alone(kind, groups):
    table, membership = counts(30), grouped(counts(30), groups) if groups else None
    make_split(table, kind, folds=3, seed=0, groups=membership)
    pd.testing.assert_frame_equal(table, counts(30))
    assert membership is None or membership.equals(grouped(counts(30), groups))


TABLES = {
    "never and always": counts(20).assign(never=0, always=1),
    "half of the images with nothing": counts(20).mul([0, 1] * 10, axis=0),
    "nothing in any": counts(20) * 0,
    "one class": pd.DataFrame({"lesion": [1, 0, 0, 1, 0, 1, 0, 0]}),
    "the same in all": pd.DataFrame({"ground": [4] * 8, "sky": [2] * 8}),
    "a class an image": pd.DataFrame(np.eye(8, dtype=int), columns=list("abcdefgh")),
    "background and border only": pd.DataFrame({"background": [7] * 8, "border": [1] * 8}),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_unusual_tables(kind, table):
    assert sorted(make_split(table, kind, folds=4, seed=0).unique()) == [0, 1, 2, 3]
    pairs = pd.Series(np.arange(len(table)) // 2, table.index)
    assert sorted(make_split(table, kind, folds=4, seed=0, groups=pairs).unique()) == [0, 1, 2, 3]


def short(result: pd.Series, table: pd.DataFrame, units: pd.Series) -> dict[str, tuple[int, int]]:
    """Class → folds that hold it and folds that could, of the classes that lack one."""
    held = (table > 0).groupby(result).any().sum()
    could = (table > 0).groupby(units).any().sum().clip(upper=result.nunique())
    return {name: (held[name], could[name]) for name in table.columns if held[name] < could[name]}


@each_way
@pytest.mark.parametrize(("images", "folds"), [(150, 2), (150, 5), (40, 5), (25, 10)])
def test_a_class_is_in_as_many_folds_as_can_be(kind, groups, images, folds):
    for seed in range(6):
        table = counts(images, seed % 2)
        units = grouped(table, groups) if groups else pd.Series(range(images), table.index)
        result = split(kind, images, seed % 2, groups=groups, folds=folds, seed=seed)
        assert short(result, table, units) == {}


@each_way
def test_a_class_of_two_images_is_trained_on_whatever_fold_validates(kind, groups):
    for seed in range(6):
        table = counts(60, seed).assign(scarce=0)
        table.iloc[[3, 4], -1] = 1
        units = grouped(table, groups) if groups else pd.Series(range(60), table.index)
        given = {"groups": units, "centroids": stored_centroids(60, 0) if kind == "proportion_cluster" else None}
        result = make_split(table, kind, folds=5, seed=seed, **given)
        assert result[table["scarce"] > 0].nunique() == units.iloc[[3, 4]].nunique()
