"""The confusion matrix of the best trial."""

import numpy as np
import pytest

from analysis import load_study
from analysis.plots.confusion import confusion_shares, draw_confusion
from rarepix.record_splits import SplitSums
from rarepix.records import Objective

MATRIX = np.array([[60, 0, 0, 0, 0], [10, 20, 0, 0, 10], [0, 0, 5, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 2, 1]])
"""True × predicted: background, road, car, person (which is nowhere), bottle."""


@pytest.fixture
def compared(make, tmp_path):
    """A study of two trials; the second is the best."""
    worse = {"val": SplitSums(confusion=np.eye(5, dtype=int).tolist())}
    best = {"val": SplitSums(confusion=MATRIX.tolist()), "test": SplitSums(confusion=np.eye(5, dtype=int).tolist())}
    make.add(tmp_path / "s", make.record("a", sums=worse, objective=Objective(name="miou", value=0.1, epoch=1)))
    make.add(tmp_path / "s", make.record("b", sums=best, objective=Objective(name="miou", value=0.9, epoch=1)))
    return load_study(tmp_path / "s")


def test_shares_are_of_the_validation_pixels_of_each_true_class(compared):
    shares = confusion_shares(compared)
    order = ["bottle", "person", "car", "road", "background"]  # rarest first
    assert shares.index.tolist() == shares.columns.tolist() == order
    expected = [
        [0.25, 0.5, 0, 0, 0.25],
        [np.nan] * 5,
        [0, 0, 1, 0, 0],
        [0.25, 0, 0, 0.5, 0.25],
        [0, 0, 0, 0, 1],
    ]
    np.testing.assert_allclose(shares.to_numpy(), expected)


def test_rare_classes_are_marked_and_a_class_without_pixels_is_hatched(compared):
    figure = draw_confusion(compared)
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.texts]
    assert names.count("bottle *") == names.count("person *") == names.count("car") == 2
    assert [name for name in names if name.startswith(".") or name == "1.00"] == [
        *(".25", ".50", ".25", "1.00", ".25", ".50", ".25", "1.00"),
    ]
    assert [text.get_text() for text in figure.legends[0].texts] == ["no pixel of the class", "* named as rare"]
    assert len(axes.patches) == 1


def test_without_a_matrix_of_the_best_trial_nothing_is_drawn(compared):
    assert draw_confusion(compared._replace(confusion=compared.confusion[compared.confusion["trial"] == "a"])) is None
    assert draw_confusion(compared._replace(confusion=compared.confusion.head(0))) is None
    assert draw_confusion(compared._replace(trials=compared.trials.head(0))) is None
