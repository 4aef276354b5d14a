"""The published imbalance study rebuilt from its own table: which images it used, and every one of its folds.

The table is not part of the project. ``RAREPIX_PUBLISHED_STUDY=FOLDER pytest tests/data/test_published_study.py``
runs this with the folder that holds ``train_df.csv``; what the same code does on other tables, against the libraries
that the study used, is tested in ``test_scarcity.py`` and ``splits/``.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarepix.data.scarcity import thin
from rarepix.data.splits import make_split
from rarepix.data.weights import image_weights

FOLDER = os.environ.get("RAREPIX_PUBLISHED_STUDY")
COLUMNS = {"random": "random", "multilabel": "mskf", "proportion_cluster": "skf_prop", "major_class": "skf_major"}
pytestmark = pytest.mark.skipif(not FOLDER, reason="RAREPIX_PUBLISHED_STUDY names no folder with the study's table")


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    return pd.read_csv(Path(FOLDER) / "train_df.csv", index_col=0).set_index("id")


@pytest.fixture(scope="module")
def counts(study) -> pd.DataFrame:
    return study.filter(regex="_sum$").rename(columns=lambda name: name.removesuffix("_sum"))


def centroids(study: pd.DataFrame) -> pd.DataFrame:
    """Of the stored clusters: those of the model are not stored, and today's libraries fit others."""
    shares = study.filter(regex="_prop$").rename(columns=lambda name: name.removesuffix("_prop"))
    return shares.drop(columns=["background", "border"]).groupby(study["cluster_num_16"]).mean()


def test_thinning(study, counts):
    kept = thin(
        counts, ["bird", "cat", "aeroplane", "bicycle", "bottle", "chair"], keep=1 / 5, seed=2022, published=True
    )
    assert len(kept) == 993
    assert kept == study.index[study["use_image"]].tolist()


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("kind", COLUMNS)
def test_folds(study, counts, kind, seed):
    given = {"centroids": centroids(study)} if kind == "proportion_cluster" else {}
    result = make_split(counts, kind, folds=5, seed=seed, **given)
    held_out = [study[f"{COLUMNS[kind]}_rstate{seed}_fold{fold}"] == "val" for fold in range(5)]
    assert result.tolist() == np.argmax(held_out, axis=0).tolist()


@pytest.mark.parametrize(("by", "column"), [("label", "major_label"), ("cluster", "cluster_num_16")])
def test_weights(study, counts, by, column):
    given = {"clusters": study[column]} if by == "cluster" else {}
    result = image_weights(counts, "inverse_log", by=by, published=True, **given)
    sizes = study[column].value_counts()
    shares = (1 / np.log(sizes)) / (1 / np.log(sizes)).sum()
    assert result.to_numpy() == pytest.approx(study[column].map(shares / sizes).to_numpy(), rel=1e-13)
