"""Where classes are and how many pixels they have, as ids and as layers."""

import numpy as np

from rarepix.data.transforms.classes import count_classes, pixels_of

IDS = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
LAYERS = np.zeros((2, 3, 5), np.uint8)
LAYERS[0, 0, [0, 2]] = 1
LAYERS[1, 1, 2] = 1
LAYERS[1, 2] = 255
LAYERS[0, 2, 4] = 255


def test_ids():
    assert pixels_of(IDS, (1, 2)).astype(bool).tolist() == [[False, True, True], [True, False, True]]
    assert count_classes(IDS)[[0, 1, 2, 3, 255]].tolist() == [1, 2, 2, 0, 1]
    assert count_classes(IDS, ignore=255)[[0, 1, 2, 3, 255]].tolist() == [1, 2, 2, 0, 0]


def test_layers():
    assert pixels_of(LAYERS, (2,)).tolist() == [[True, False, False], [False, True, False]]
    assert pixels_of(LAYERS, (0, 4)).tolist() == [[True, False, False], [False, False, False]]
    assert count_classes(LAYERS, ignore=255).tolist() == [1, 0, 2, 0, 0, 2]  # the last is where no class is
