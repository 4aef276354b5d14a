"""The colours of masks, by themselves and over images."""

import numpy as np

from rarepix.labels import LabelSpace, Task
from rarepix.viz.overlays import class_colors, colorize, overlay
from rarepix.viz.style import IGNORED, NO_CLASS


def test_the_smallest_of_overlapping_classes_is_on_top():
    labels = LabelSpace(names=("disc", "spot"), palette=((1, 2, 3), (4, 5, 6)), task=Task.MULTILABEL)
    mask = np.zeros((2, 3, 2), np.uint8)
    mask[:, :2, 0] = 1
    mask[0, 0, 1] = 1
    mask[1, 2, 1] = 255
    colours = colorize(mask, labels)
    assert colours[0].tolist() == [[4, 5, 6], [1, 2, 3], list(NO_CLASS)]
    assert colours[1].tolist() == [[1, 2, 3], [1, 2, 3], list(IGNORED)]


def test_background_and_pixels_of_no_class_stay_clear():
    image = np.full((1, 2, 3), 100, np.uint8)
    binary = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
    colours = overlay(image, np.array([[0, 1]], np.uint8), binary)
    assert colours[0, 0].tolist() == [100, 100, 100]
    assert colours[0, 1].tolist() != [100, 100, 100]
    layers = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
    colours = overlay(image, np.array([[[0, 0], [0, 1]]], np.uint8), layers)
    assert colours[0, 0].tolist() == [100, 100, 100]
    assert colours[0, 1].tolist() != [100, 100, 100]


def test_colours_are_the_palette_and_ignored_is_grey():
    labels = LabelSpace(names=("sky", "car"), palette=((1, 2, 3), (4, 5, 6)))
    table = class_colors(labels)
    assert table[0].tolist() == [1, 2, 3]
    assert table[1].tolist() == [4, 5, 6]
    assert tuple(table[255]) == IGNORED


def test_classes_without_a_palette_get_colours_that_differ():
    table = class_colors(LabelSpace(names=tuple("abcdefghijkl")))
    assert len({tuple(colour) for colour in table[:12]}) == 12
