"""Objects: connected regions, against masks counted by hand and against SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import label

from rarepix.data.inventory.objects import find_objects, object_sizes
from rarepix.labels import LabelSpace

HAND = np.array(
    [
        [1, 1, 0, 2, 0],
        [0, 0, 1, 0, 2],  # both touch what is above at a corner
        [1, 0, 0, 0, 0],
        [0, 0, 255, 255, 1],
    ],
    np.uint8,
)


CLASSES = LabelSpace(names=tuple("abcdefgh"))
SIDES_AND_CORNERS = np.ones((3, 3), int)


def sorted_sizes(mask: np.ndarray, labels: LabelSpace = CLASSES) -> dict[int, list[int]]:
    return {number: sorted(sizes.tolist()) for number, sizes in object_sizes(mask, labels).items()}


def test_sizes_by_hand():
    assert sorted_sizes(HAND) == {0: [11], 1: [1, 1, 3], 2: [2]}
    assert sorted_sizes(HAND, LabelSpace(names=("ground", "a", "b"), background=0)) == {1: [1, 1, 3], 2: [2]}


@pytest.mark.parametrize("mask", [[[7]], [[7, 7]], [[7], [7]], [[1, 2], [2, 1]]])
def test_the_smallest_masks(mask):
    mask = np.array(mask, np.uint8)
    assert sorted_sizes(mask) == {int(number): [int((mask == number).sum())] for number in np.unique(mask)}


def test_rows_are_not_joined_around_the_edge():
    assert sorted_sizes(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], np.uint8))[1] == [1, 1]


@pytest.mark.parametrize("shape", [(40, 50), (1, 60), (60, 1), (3, 200)])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_against_scipy(shape, classes):
    mask = np.random.default_rng(0).integers(0, classes, shape).astype(np.uint8)
    channels = np.stack([mask == number for number in range(classes)], axis=2).astype(np.uint8)
    expected = {}
    for number in range(classes):
        regions, _ = label(mask == number, SIDES_AND_CORNERS)
        expected[number] = sorted(np.bincount(regions.ravel())[1:].tolist())
    assert sorted_sizes(mask) == sorted_sizes(channels) == expected


def test_the_table(make, tmp_path):
    labels = LabelSpace(names=("ground", "b", "c"), background=0)
    items = [make("x", HAND), make("y", np.full((2, 2), 2, np.uint8)), make("z", np.zeros((2, 2), np.uint8))]
    steps = []
    table = find_objects(items, labels, cache=tmp_path / "cache", progress=steps.append)
    rows = sorted(table.itertuples(index=False, name=None))
    assert rows == [("x", "b", 1), ("x", "b", 1), ("x", "b", 3), ("x", "c", 2), ("y", "c", 4)]
    assert table.columns.tolist() == ["image", "class", "pixels"]
    assert sum(steps) == 3
    pd.testing.assert_frame_equal(find_objects(items, labels, cache=tmp_path / "cache"), table)


def test_without_a_background_every_class_has_objects(make):
    table = find_objects([make("x", HAND)], LabelSpace(names=("a", "b", "c")))
    assert sorted(table[table["class"] == "a"]["pixels"]) == [11]


def test_a_dataset_without_objects(make):
    labels = LabelSpace(names=("ground", "b"), background=0)
    table = find_objects([make("z", np.zeros((2, 2), np.uint8))], labels)
    assert len(table) == 0
    assert table["pixels"].dtype == np.int64
