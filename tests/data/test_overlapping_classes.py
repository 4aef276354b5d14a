"""What works on tables of counts also does where classes overlap, have no background, and some images hold nothing."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.inventory.summary import co_occurrence
from rarepix.data.scarcity import thin
from rarepix.data.settings import DataConfig
from rarepix.data.sources import open_source
from rarepix.data.splits import SPLITS, make_split
from rarepix.data.splits.clusters import assign, fit
from rarepix.data.splits.train_val_test import make_splits
from rarepix.data.tables import major_class, proportion
from rarepix.data.weights import WEIGHTS, image_weights
from tests.layouts import write_lesions

AREA = 100
NAMES = ["MA", "HE", "EX", "SE"]


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    """Sixty images of 100 pixels, of which a row may add up to more, or to nothing."""
    random = np.random.default_rng(0)
    held = random.random((60, 4)) < (0.7, 0.5, 0.4, 0.1)
    pixels = np.where(held, random.integers(1, 60, held.shape), 0)
    pixels[:6] = 0
    pixels[6] = 90
    return pd.DataFrame(pixels, columns=NAMES, index=[f"i{number}" for number in range(60)])


def test_the_table_is_what_it_is_said_to_be(counts):
    assert counts.sum(axis=1).max() > AREA
    assert (counts.sum(axis=1) == 0).sum() >= 6


SPLIT_CASES = [(kind, "presence") for kind in SPLITS] + [("multilabel", "pixels"), ("multilabel", "proportion")]


@pytest.mark.parametrize(("kind", "on"), SPLIT_CASES)
def test_splits(counts, kind, on):
    folds = make_split(counts, kind, folds=3, seed=0, on=on, ignoring=())
    assert folds.value_counts().min() >= 10
    assert (counts.groupby(folds).sum() > 0).all(axis=None)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights(counts, kind):
    for by in ("label", "cluster", "pixels", "proportion") if kind == "inverse_log" else ("label",):
        weights = image_weights(counts, kind, by=by, ignoring=())
        assert np.isfinite(weights).all()
        assert (weights > 0).all()
        assert weights.sum() == pytest.approx(1)


def test_images_of_the_rarest_class_are_shown_most_often(counts):
    weights = image_weights(counts, "class_uniform", ignoring=())
    assert weights[counts["SE"] > 0].mean() > 2 * weights[counts["SE"] == 0].mean()
    assert weights[counts.sum(axis=1) == 0].max() == weights.min()


def test_thinning(counts):
    kept = thin(counts, ["HE"], keep=0.5, seed=0)
    assert (counts.loc[kept, "HE"] > 0).sum() == -(-(counts["HE"] > 0).sum() // 2)


def test_shares_are_of_the_area_that_is_given(counts):
    shares = proportion(counts, area=pd.Series(AREA, index=counts.index))
    assert shares.loc["i6"].tolist() == [0.9] * 4
    assert shares.loc["i0"].tolist() == [0.0] * 4
    assert proportion(counts).loc["i6"].tolist() == [0.25] * 4


def test_an_image_of_nothing_has_a_cluster_and_no_major_class(counts):
    assert assign(counts, fit(counts, ignoring=())).notna().all()
    assert major_class(counts, ignoring=())["i0"] == ""
    assert np.diag(co_occurrence(counts)).tolist() == [1] * 4


def test_a_folder_of_lesions_is_divided(tmp_path):
    source = open_source("lesions", write_lesions(tmp_path / "eyes"))
    config = DataConfig(source="lesions", root=str(source.root), split="listed", val_list="val", test_list="test")
    parts = make_splits(source, config, seed=0).by_name
    assert {name: [item.id for item in part.items] for name, part in parts.items()} == {
        "train": ["a", "b", "c"], "val": ["d"], "test": ["e"]
    }  # fmt: skip
    assert parts["train"].inventory.loc["a"].to_dict() == {
        "haemorrhage": 24, "exudate": 36, "soft exudate": 0, "border": 0, "height": 24, "width": 32
    }  # fmt: skip
