"""What the colours of an error map say, pixel by pixel."""

import numpy as np

from rarepix.labels import LabelSpace, Task
from rarepix.viz.contact_sheet import IGNORED
from rarepix.viz.error_map import CONFUSED, FALSE_ALARM, MISSED, RIGHT, error_map

LABELS = LabelSpace(names=("sky", "road", "pole", "kite"), rare=("pole", "kite"))


def test_each_pixel_of_one_class_each():
    truth = np.array([[0, 0, 0, 2, 2, 255, 2]], np.uint8)
    said = np.array([[0, 1, 2, 2, 0, 2, 3]], np.uint8)
    found = error_map(truth, said, LABELS, rare=LABELS.rare)
    expected = [RIGHT, CONFUSED, FALSE_ALARM, RIGHT, MISSED, IGNORED, MISSED]  # a rare class for another: missed
    assert [tuple(pixel) for pixel in found[0]] == expected


def test_only_the_named_classes_are_rare():
    truth, said = np.array([[2, 3]], np.uint8), np.array([[0, 0]], np.uint8)
    found = error_map(truth, said, LABELS, rare=["kite"])
    assert [tuple(pixel) for pixel in found[0]] == [CONFUSED, MISSED]


def test_layers_are_right_where_all_of_them_are():
    labels = LabelSpace(names=("disc", "spot"), task=Task.MULTILABEL)
    truth = np.array([[[1, 0], [1, 1], [0, 0], [1, 0], [255, 1], [0, 1]]], np.uint8)
    said = np.array([[[1, 0], [1, 0], [0, 1], [0, 0], [0, 1], [1, 0]]], np.uint8)
    found = error_map(truth, said, labels, rare=["spot"])
    assert [tuple(pixel) for pixel in found[0]] == [RIGHT, MISSED, FALSE_ALARM, CONFUSED, IGNORED, MISSED]
