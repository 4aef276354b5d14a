"""Objects: connected regions, against masks counted by hand and against OpenCV."""

import cv2
import numpy as np
import pandas as pd
import pytest

from rarepix.data.inventory.objects import find_objects, regions
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


def by_id(mask: np.ndarray) -> dict[int, list[int]]:
    ids, pixels = regions(mask)
    return {int(number): sorted(pixels[ids == number].tolist()) for number in np.unique(ids)}


def test_regions_by_hand():
    assert by_id(HAND) == {0: [11], 1: [1, 1, 3], 2: [2], 255: [2]}


@pytest.mark.parametrize("mask", [[[7]], [[7, 7]], [[7], [7]], [[1, 2], [2, 1]]])
def test_the_smallest_masks(mask):
    mask = np.array(mask, np.uint8)
    assert by_id(mask) == {int(number): [int((mask == number).sum())] for number in np.unique(mask)}


def test_rows_are_not_joined_around_the_edge():
    assert by_id(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], np.uint8))[1] == [1, 1]


@pytest.mark.parametrize("shape", [(40, 50), (1, 60), (60, 1), (3, 200)])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_against_opencv(shape, classes):
    mask = np.random.default_rng(0).integers(0, classes, shape).astype(np.uint8)
    expected = {}
    for number in range(classes):
        _, _, stats, _ = cv2.connectedComponentsWithStats((mask == number).view(np.uint8), connectivity=8)
        expected[number] = sorted(stats[1:, cv2.CC_STAT_AREA].tolist())
    assert by_id(mask) == expected


def test_the_table(make, tmp_path):
    labels = LabelSpace(names=("ground", "b", "c"), background=0)
    items = [make("x", HAND), make("y", np.full((2, 2), 2, np.uint8)), make("z", np.zeros((2, 2), np.uint8))]
    told = []
    table = find_objects(items, labels, cache=tmp_path / "cache", progress=told.append)
    rows = sorted(table.itertuples(index=False, name=None))
    assert rows == [("x", "b", 1), ("x", "b", 1), ("x", "b", 3), ("x", "c", 2), ("y", "c", 4)]
    assert table.columns.tolist() == ["image", "class", "pixels"]
    assert sum(told) == 3
    pd.testing.assert_frame_equal(find_objects(items, labels, cache=tmp_path / "cache"), table)


def test_without_a_background_every_class_has_objects(make):
    table = find_objects([make("x", HAND)], LabelSpace(names=("a", "b", "c")))
    assert sorted(table[table["class"] == "a"]["pixels"]) == [11]


def test_a_dataset_without_objects(make):
    labels = LabelSpace(names=("ground", "b"), background=0)
    table = find_objects([make("z", np.zeros((2, 2), np.uint8))], labels)
    assert len(table) == 0
    assert table["pixels"].dtype == np.int64
