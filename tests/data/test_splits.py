"""Splits: what is stratified, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.splits import make_split
from tests.data.splits.tables import counts


def table(**columns: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    return frame.set_index("i" + frame.index.astype(str))


TWELVE = table(ground=[5] * 12, rare=[3, 3, 3, 3, *[0] * 8], mid=[0, 1] * 6)


def spread(table: pd.DataFrame, folds: pd.Series) -> float:
    """How uneven the folds' pixels are: the standard deviation in units of the mean, averaged over classes."""
    pixels = table.groupby(folds).sum()
    return float((pixels.std(ddof=0) / pixels.mean()).mean())


def mean_spread(on: str, of) -> float:
    tables = [counts(150, seed) for seed in range(20)]
    splits = [make_split(table, "multilabel", folds=5, seed=seed, on=on) for seed, table in enumerate(tables)]
    return float(np.mean([spread(of(table), split) for table, split in zip(tables, splits, strict=True)]))


def test_stratified_on_pixels_the_folds_have_more_even_pixels():
    """Measured: 0.32 against 0.44; by chance 0.49."""
    assert mean_spread("pixels", lambda table: table) < 0.85 * mean_spread("presence", lambda table: table)


def test_stratified_on_proportions_the_folds_have_more_even_shares():
    def shares(table):
        return table.div(table.sum(axis=1), axis=0)

    assert mean_spread("proportion", shares) < 0.85 * mean_spread("presence", shares)


def test_a_rare_class_is_spread_evenly():
    folds = make_split(TWELVE, "multilabel", folds=4, seed=0)
    assert folds[TWELVE["rare"] > 0].value_counts().tolist() == [1, 1, 1, 1]


def test_presence_counts_not_pixels():
    more = TWELVE * 1000
    assert make_split(more, "multilabel", folds=3, seed=1).equals(make_split(TWELVE, "multilabel", folds=3, seed=1))


def test_proportions_do_not_change_with_the_size_of_the_image():
    table = counts(60)
    larger = table.mul(np.arange(1, 61), axis=0)
    one, other = (make_split(each, "multilabel", folds=3, seed=1, on="proportion") for each in (table, larger))
    assert one.equals(other)


def test_columns_say_what_to_stratify_on():
    chosen = make_split(TWELVE, "multilabel", folds=4, seed=0, columns=["mid", "rare"])
    assert chosen.equals(make_split(TWELVE[["mid", "rare"]], "multilabel", folds=4, seed=0))


def test_columns_beside_the_classes_count_for_the_area():
    """a and b fill half of each image; the border decides which share of it that is."""
    two = table(a=[8, 0] * 10, b=[0, 8] * 10, border=[8, 8, 792, 792] * 5)
    centroids = pd.DataFrame({"a": [0.5, 0, 0.01, 0], "b": [0, 0.5, 0, 0.01]})
    folds = make_split(two, "proportion_cluster", folds=5, seed=0, columns=["a", "b"], centroids=centroids)
    assert folds.groupby(np.arange(20) % 4).nunique().tolist() == [5] * 4


def test_the_background_is_the_major_class_of_images_without_another_only():
    """Four of each in the foreground; background and border have the most pixels everywhere."""
    one = table(background=[90] * 12, cat=[1] * 4 + [0] * 8, dog=[0] * 4 + [1] * 4 + [0] * 4, border=[99] * 12)
    folds = make_split(one, "major_class", folds=4, seed=0)
    assert [folds[start : start + 4].nunique() for start in (0, 4, 8)] == [4, 4, 4]
    assert folds.equals(make_split(one.drop(columns="border"), "major_class", folds=4, seed=0))


def test_what_is_left_out_has_a_name():
    one = table(ground=[90] * 12, cat=[1] * 4 + [0] * 8, dog=[0] * 4 + [1] * 4 + [0] * 4)
    named = make_split(one, "major_class", folds=4, seed=0, ignoring=["ground"])
    assert named.equals(make_split(one.rename(columns={"ground": "background"}), "major_class", folds=4, seed=0))
    assert [named[start : start + 4].nunique() for start in (0, 4, 8)] == [4, 4, 4]


def test_a_random_split_that_lacks_nothing_is_left_as_it_is_drawn():
    from sklearn.model_selection import KFold

    whole = TWELVE[["ground"]]
    expected = np.empty(12, int)
    for fold, (_, held_out) in enumerate(KFold(4, shuffle=True, random_state=7).split(whole)):
        expected[held_out] = fold
    assert make_split(whole, "random", folds=4, seed=7).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "multilable"}, "unknown data.split 'multilable': did you mean 'multilabel'"),
        ({"folds": 1}, "folds must be from 2 to the number of images, 12, but got 1"),
        ({"folds": 13}, "folds must be from 2 to the number of images, 12, but got 13"),
        ({"columns": ["rare", "rair"]}, r"'rair' is not: did you mean 'rare'\? valid: ground, rare, mid"),
        ({"columns": "rare"}, r"the split's columns must be a list of names, but got 'rare': write \['rare'\]"),
        ({"columns": []}, "the split's columns must name at least one class"),
        ({"counts": TWELVE.assign(mid=-1)}, "must be finite and not negative, but 'mid' of the image 'i0' is -1"),
        (
            {"counts": TWELVE.assign(rest=np.nan), "columns": ["mid"], "kind": "multilabel", "on": "proportion"},
            "must be finite and not negative, but 'rest' of the image 'i0' is nan",
        ),
        ({"kind": "multilabel", "on": "pixel"}, "unknown data.split_on 'pixel': did you mean 'pixels'"),
        ({"on": "pixels"}, "on='pixels' goes with the split 'multilabel' only, but got 'random'"),
        ({"centroids": pd.DataFrame({"rare": [0.0]})}, "centroids go with the split 'proportion_cluster' only"),
        (
            {"kind": "proportion_cluster", "centroids": pd.DataFrame({"cat": [0.0]})},
            r"must have the classes of the centroids, but lack \['cat'\]",
        ),
        ({"groups": pd.Series("a", TWELVE.index)}, "folds must be at most the number of groups, 1, but got 3"),
        (
            {"groups": pd.Series(list("abcdefghijk"), TWELVE.index[1:])},
            "every image must have a group, but these have none: i0",
        ),
        (
            {"groups": pd.Series(list("abcabcabcabcd"), [*TWELVE.index, "i3"])},
            "must be in one group, but these come several times: i3",
        ),
    ],
)  # fmt: skip
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        make_split(**({"counts": TWELVE, "kind": "random", "folds": 3, "seed": 0} | given))


def test_refuses_an_image_that_comes_twice():
    with pytest.raises(ValueError, match=r"in the table once, but these come again: \['i0'\]"):
        make_split(pd.concat([TWELVE, TWELVE.iloc[:1]]), "random", folds=3, seed=0)
