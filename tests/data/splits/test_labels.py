"""Labels of images, by hand."""

import numpy as np
import pandas as pd

from rarepix.data.splits.labels import Basis, alike, clusters, indicators, major_classes

COUNTS = pd.DataFrame({"a": [0, 1, 2, 3, 4, 5], "b": [9, 0, 0, 9, 0, 0], "never": 0}, index=list("uvwxyz"))


def basis(on: str = "presence", whole: pd.DataFrame = COUNTS, **given) -> Basis:
    return Basis(COUNTS, whole, on, (), given.get("centroids"))


def test_all_alike():
    assert alike(basis()).tolist() == [[1]] * 6


def test_presence():
    assert indicators(basis()).tolist() == [[0, 1, 0], *[[1, 0, 0]] * 2, [1, 1, 0], *[[1, 0, 0]] * 2]


def test_pixels_say_how_much_of_a_class_there_is():
    """a: 1 to 5 in the images that hold it; b the same wherever it is."""
    found = indicators(basis("pixels"))
    assert found.shape == (6, 15)
    a, b, never = (found[:, column::3].sum(axis=1).tolist() for column in range(3))
    assert a == [0, 1, 1, 1, 2, 5]  # present; above 3; above 4, 4.5 and 4.75
    assert b == [1, 0, 0, 1, 0, 0]
    assert never == [0] * 6


def test_proportion_is_of_the_whole_image():
    """Sizes turn the order of a around: x y z are largest in pixels, smallest in shares."""
    whole = COUNTS.assign(rest=[0, 0, 20, 200, 2000, 20000])
    a = indicators(basis("proportion", whole))[:, ::3].sum(axis=1)
    assert a.argmax() == 1
    assert a[3:].tolist() == [1, 1, 1]


def test_strata_are_one_label_each():
    assert major_classes(basis()).tolist() == [[1, 0], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1]]
    centroids = pd.DataFrame({"a": [0.0, 0.25, 1.0]})
    found = clusters(basis(centroids=centroids))
    assert found.sum(axis=1).tolist() == [1] * 6
    assert np.argmax(found, axis=1).tolist() == [0, 1, 1, 2, 1, 1]
