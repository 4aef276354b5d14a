"""Image weights: by hand, and with classes that no image or one image holds."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.weights import image_weights, rarest_class

COUNTS = pd.DataFrame(
    {
        "ground": [9, 9, 9, 9, 0, 0],
        "common": [1, 1, 1, 0, 0, 0],
        "rare": [0, 0, 1, 0, 0, 2],
        "never": [0, 0, 0, 0, 0, 0],
    },
    index=list("abcdef"),
)


def test_rarest_class_is_the_one_that_the_fewest_images_hold():
    assert rarest_class(COUNTS).to_dict() == {
        "a": "common", "b": "common", "c": "rare", "d": "ground", "e": "", "f": "rare",
    }  # fmt: skip


def test_ties_go_to_the_first_column():
    tied = pd.DataFrame({"x": [1, 0], "y": [1, 0]})
    assert rarest_class(tied).tolist() == ["x", ""]
    assert rarest_class(tied[["y", "x"]]).tolist() == ["y", ""]


def test_one_image_of_a_class_is_enough():
    assert rarest_class(pd.DataFrame({"g": [1, 1, 1], "once": [0, 7, 0]})).tolist() == ["g", "once", "g"]


def test_uniform():
    assert image_weights(COUNTS, "uniform").tolist() == pytest.approx([1 / 6] * 6)


def test_inverse_log_by_hand():
    def share(images: int) -> float:  # of one image whose rarest class is held by so many
        return 1 / (images * np.log(images + np.e - 1))

    # common is in 3 images, rare in 2, ground in 4; e holds nothing, which is as common as all 6
    raw = np.array([share(3), share(3), share(2), share(4), share(6), share(2)])
    found = image_weights(COUNTS, "inverse_log")
    assert found.to_numpy() == pytest.approx(raw / raw.sum())
    assert found.index.tolist() == list("abcdef")
    assert share(1) == 1.0


def test_inverse_log_shifts_draws_to_rare_groups_but_not_all_of_them():
    many = pd.DataFrame({"g": [1] * 100, "rare": [1] * 5 + [0] * 95})
    weights = image_weights(many, "inverse_log").to_numpy()
    assert 0.05 < weights[:5].sum() < 1
    assert weights[0] > 10 * weights[-1]


def test_a_lone_image_of_background_only_is_not_taken_for_rare():
    lone = pd.DataFrame({"background": [9] * 20, "tree": [1] * 19 + [0], "beacon": [0] * 17 + [1, 1, 0]})
    weights = image_weights(lone, "inverse_log").to_numpy()
    assert weights[-1] == weights.min()
    assert weights[17] == weights[18] == weights.max()


def test_a_class_that_no_image_holds_changes_nothing():
    without = COUNTS.drop(columns="never")
    for kind in ("uniform", "inverse_log"):
        assert image_weights(COUNTS, kind).equals(image_weights(without, kind))


def test_unknown_kind():
    with pytest.raises(
        ValueError, match=r"unknown sampling.kind 'inverselog': did you mean 'inverse_log'\? valid: inverse_log, un"
    ):
        image_weights(COUNTS, "inverselog")
