"""Labels of images, by hand."""

import numpy as np
import pandas as pd

from rarepix.data.splits.labels import LabelInputs, cluster_labels, major_class_labels, multilabel_labels, no_labels

COUNTS = pd.DataFrame({"a": [0, 1, 2, 3, 4, 5], "b": [9, 0, 0, 9, 0, 0], "never": 0}, index=list("uvwxyz"))


def inputs(on: str = "presence", whole: pd.DataFrame = COUNTS, **given) -> LabelInputs:
    return LabelInputs(COUNTS, whole, on, (), given.get("centroids"))


def test_random_has_one_label():
    assert no_labels(inputs()).tolist() == [[1]] * 6


def test_presence():
    assert multilabel_labels(inputs()).tolist() == [[0, 1, 0], *[[1, 0, 0]] * 2, [1, 1, 0], *[[1, 0, 0]] * 2]


def test_pixel_labels_grow_with_the_amount_of_the_class():
    """a: 1 to 5 in the images that hold it; b the same wherever it is."""
    result = multilabel_labels(inputs("pixels"))
    assert result.shape == (6, 15)
    a, b, never = (result[:, column::3].sum(axis=1).tolist() for column in range(3))
    assert a == [0, 1, 1, 1, 2, 5]  # present; above 3; above 4, 4.5 and 4.75
    assert b == [1, 0, 0, 1, 0, 0]
    assert never == [0] * 6


def test_proportion_is_of_the_whole_image():
    """Sizes turn the order of a around: x y z are largest in pixels, smallest in shares."""
    whole = COUNTS.assign(rest=[0, 0, 20, 200, 2000, 20000])
    a = multilabel_labels(inputs("proportion", whole))[:, ::3].sum(axis=1)
    assert a.argmax() == 1
    assert a[3:].tolist() == [1, 1, 1]


def test_strata_are_one_label_each():
    assert major_class_labels(inputs()).tolist() == [[1, 0], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1]]
    centroids = pd.DataFrame({"a": [0.0, 0.25, 1.0]})
    result = cluster_labels(inputs(centroids=centroids))
    assert result.sum(axis=1).tolist() == [1] * 6
    assert np.argmax(result, axis=1).tolist() == [0, 1, 1, 2, 1, 1]
