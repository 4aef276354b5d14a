"""Scores taken from a table: what is averaged, what is named, what is refused."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.statistics.samples import block_matrices, block_names, complete_blocks, level_pairs, usable_rows


def test_names_of_blocks():
    table = pd.DataFrame(
        {"seed": [0, 1, 0], "lr": [0.1, np.nan, 0.1], "kind": ["a", None, "a"], "flip": [True, False, True]}
    )
    names = block_names(table.set_index(pd.Index([5, 6, 7])), ["seed", "lr", "kind", "flip"])
    assert names.tolist() == ["seed=0, lr=0.1, kind=a, flip=True", "seed=1, lr=n/a, kind=n/a, flip=False", names[5]]
    assert names.index.tolist() == [5, 6, 7]


def test_lists_can_be_blocks():
    table = pd.DataFrame({"size": [[64, 64], [32, 32], [64, 64]]})
    assert block_names(table, ["size"]).tolist() == ["size=[64, 64]", "size=[32, 32]", "size=[64, 64]"]


def test_cells_are_means_and_counts():
    table = pd.DataFrame({"seed": [0, 0, 1], "kind": ["x", "x", "y"], "score": [1.0, 3.0, 5.0]})
    names, means, sizes = block_matrices(table, ["y", "x"], "kind", ["seed"], "score")
    assert names.tolist() == ["seed=0", "seed=1"]
    np.testing.assert_array_equal(means, [[np.nan, 2], [5, np.nan]])
    np.testing.assert_array_equal(sizes, [[0, 2], [1, 0]])


def test_complete_blocks_name_all_that_is_missing():
    table = pd.DataFrame({"seed": [0, 0, 0, 1, 2, 2], "kind": list("xyzxxy"), "score": range(6)})
    means, incomplete = complete_blocks(usable_rows(table, "kind", ["seed"], "score"), "kind", ["seed"], "score")
    assert means.index.tolist() == ["seed=0"]
    assert incomplete == ["seed=1 (lacks y, z)", "seed=2 (lacks z)"]


def test_pairs_of_levels():
    assert level_pairs([1, 2, 3]) == [(1, 2), (1, 3), (2, 3)]
    assert level_pairs([1, 2, 3], against=2) == [(2, 1), (2, 3)]
    with pytest.raises(ValueError, match=r"against must be one of the levels \['x', 'y'\], but got 'z'"):
        level_pairs(["x", "y"], against="z")


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1.0, np.inf], "finite or NaN, but 1 rows are infinite"), (["high", "low"], "must be numbers or NaN")],
)
def test_scores_that_are_none_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        compare(pd.DataFrame({"kind": ["x", "y"], "score": scores}), treatment="kind", score="score")


def test_levels_that_cannot_be_told_apart_are_refused():
    table = pd.DataFrame({"kind": [[1], [2]], "score": [0.1, 0.2]})
    with pytest.raises(ValueError, match="must be numbers, booleans or text"):
        compare(table, treatment="kind", score="score")


@pytest.mark.parametrize("one", [1, 1.0, np.int64(1)])
def test_true_beside_one_is_refused(one):
    table = pd.DataFrame({"kind": pd.Series([True, False, one, 2], dtype=object), "score": range(4)})
    with pytest.raises(ValueError, match="True and 1 are equal: turn them into text"):
        compare(table, treatment="kind", score="score")
    assert len(compare(table.iloc[:2], treatment="kind", score="score")) == 1


def test_pandas_own_missing_value_is_no_score():
    table = pd.DataFrame({"kind": ["x", "y"] * 3, "score": pd.Series([1, 2, pd.NA, 3.5, 1, pd.NA], dtype=object)})
    row = compare(table, treatment="kind", score="score").iloc[0]
    assert (row["n_a"], row["n_b"]) == (2, 2)


class Study(NamedTuple):
    trials: pd.DataFrame


@pytest.mark.parametrize(
    ("given", "hint"),
    [(Study(pd.DataFrame()), "but got Study: give its .trials"), ({"kind": [1]}, "but got dict: give")],
)
def test_what_is_no_table_says_what_to_give(given, hint):
    with pytest.raises(ValueError, match=hint):
        compare(given, treatment="kind", score="score")


def test_complete_blocks_leave_out_rows_without_a_block():
    table = pd.DataFrame({"seed": [0, 0, 1, 1, None], "kind": list("xyxyx"), "score": range(5)})
    means, incomplete = complete_blocks(usable_rows(table, "kind", ["seed"], "score"), "kind", ["seed"], "score")
    assert means.shape == (2, 2)
    assert incomplete == ["1 row without seed"]
    nowhere = usable_rows(table.assign(seed=np.nan), "kind", ["seed"], "score")
    means, incomplete = complete_blocks(nowhere, "kind", ["seed"], "score")
    assert (means.shape, incomplete) == ((0, 2), ["5 rows without seed"])


def test_numbers_written_as_objects_are_numbers():
    table = pd.DataFrame({"kind": ["x", "y"] * 4, "score": pd.Series([1, 2.5, None, 3] * 2, dtype=object)})
    row = compare(table, treatment="kind", score="score").iloc[0]
    assert (row["n_a"], row["n_b"]) == (2, 4)
