"""The colours of an error map, pixel by pixel."""

import numpy as np

from rarepix.labels import LabelSpace, Task
from rarepix.viz.error_map import CONFUSED, CORRECT, FALSE_ALARM, MISSED, error_map
from rarepix.viz.style import IGNORED

LABELS = LabelSpace(names=("sky", "road", "pole", "kite"), rare=("pole", "kite"))


def test_errors_of_ids_by_hand():
    truth = np.array([[0, 0, 0, 2, 2, 255, 2]], np.uint8)
    prediction = np.array([[0, 1, 2, 2, 0, 2, 3]], np.uint8)
    colours = error_map(truth, prediction, LABELS, rare=LABELS.rare)
    expected = [CORRECT, CONFUSED, FALSE_ALARM, CORRECT, MISSED, IGNORED, MISSED]  # a rare class for another: missed
    assert [tuple(pixel) for pixel in colours[0]] == expected


def test_only_the_named_classes_are_rare():
    truth, prediction = np.array([[2, 3]], np.uint8), np.array([[0, 0]], np.uint8)
    colours = error_map(truth, prediction, LABELS, rare=["kite"])
    assert [tuple(pixel) for pixel in colours[0]] == [CONFUSED, MISSED]


def test_errors_of_a_multilabel_task_by_hand():
    labels = LabelSpace(names=("disc", "spot"), task=Task.MULTILABEL)
    truth = np.array([[[1, 0], [1, 1], [0, 0], [1, 0], [255, 1], [0, 1]]], np.uint8)
    prediction = np.array([[[1, 0], [1, 0], [0, 1], [0, 0], [0, 1], [1, 0]]], np.uint8)
    colours = error_map(truth, prediction, labels, rare=["spot"])
    assert [tuple(pixel) for pixel in colours[0]] == [CORRECT, MISSED, FALSE_ALARM, CONFUSED, IGNORED, MISSED]
