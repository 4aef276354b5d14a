"""Clusters: how many are found, whose they are, and that stored centroids say it all."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.splits import clusters
from rarepix.data.splits.clusters import assign, fit
from rarepix.seeding import generator


def blobs(sizes: tuple[int, ...] = (5, 6, 4)) -> tuple[pd.DataFrame, np.ndarray]:
    """Images of one class each mostly, and which; ``ground`` and an area of its own differ at random."""
    random = generator(0, "blobs")
    kinds = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    shares = np.full((len(kinds), len(sizes)), 0.02) + 0.5 * np.eye(len(sizes))[kinds]
    shares += random.uniform(-0.01, 0.01, shares.shape)
    area = random.integers(50_000, 500_000, (len(kinds), 1))
    table = pd.DataFrame((shares * area).astype(int), columns=list("abcdefg")[: len(sizes)])
    table["background"] = area[:, 0] - table.sum(axis=1)
    return table.set_index("i" + table.index.astype(str)), kinds


@pytest.mark.parametrize("sizes", [(9, 8), (5, 6, 4), (4, 4, 4, 4, 4)])
def test_as_many_clusters_as_there_are_kinds(sizes):
    counts, kinds = blobs(sizes)
    centroids = fit(counts)
    result = assign(counts, centroids)
    assert len(centroids) == len(sizes)
    assert pd.crosstab(result.to_numpy(), kinds).gt(0).to_numpy().sum() == len(sizes)
    assert (result.name, centroids.index.name, result.index.tolist()) == ("cluster", "cluster", counts.index.tolist())


def test_centroids_are_mean_shares_of_the_area():
    counts, _ = blobs()
    shares = counts.div(counts.sum(axis=1), axis=0)[["a", "b", "c"]]
    expected = shares.groupby(assign(counts, fit(counts))).mean()
    pd.testing.assert_frame_equal(fit(counts), expected, check_index_type=False)


def test_background_and_border_are_left_out():
    counts, _ = blobs()
    assert fit(counts).columns.tolist() == ["a", "b", "c"]
    assert fit(counts.rename(columns={"background": "ground"}), ignoring=["ground"]).columns.tolist() == ["a", "b", "c"]
    assert fit(counts[["background"]]).columns.tolist() == ["background"]
    assert fit(counts, ["a", "background"]).columns.tolist() == ["a"]


def test_nearest_centroid_by_hand():
    counts = pd.DataFrame({"a": [9, 1, 5, 0], "b": [1, 9, 5, 0]}, index=list("wxyz"))
    centroids = pd.DataFrame({"b": [0.2, 0.8], "a": [0.8, 0.2]}, index=[7, 3])
    assert assign(counts, centroids).to_dict() == {"w": 7, "x": 3, "y": 7, "z": 7}  # ties go to the first


def test_the_clusters_of_stored_centroids_are_the_same(tmp_path):
    counts, _ = blobs()
    centroids = fit(counts)
    centroids.to_csv(tmp_path / "clusters.csv")
    stored = pd.read_csv(tmp_path / "clusters.csv", index_col=0)
    pd.testing.assert_frame_equal(stored, centroids, check_exact=True, check_index_type=False)
    assert assign(counts, stored).equals(assign(counts, centroids))


def test_fitting_is_a_function_of_the_counts():
    counts, _ = blobs()
    np.random.seed(0)  # noqa: NPY002 - what a careless caller may do
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert fit(counts).equals(fit(counts))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("rows", "number"),
    [([[4, 0]], 1), ([[4, 0]] * 5, 1), ([[4, 0], [0, 4]], 1), ([[4, 0], [0, 4]] * 3, 2), ([[0, 0]] * 3, 1)],
)
def test_fewer_than_two_kinds_of_images_are_one_cluster(rows, number):
    counts = pd.DataFrame(rows, columns=["a", "b"])
    assert len(fit(counts)) == number
    assert assign(counts, fit(counts)).nunique() == number


def test_never_more_than_twenty():
    """Thirty kinds, each twice, are as far apart as can be."""
    assert len(fit(pd.DataFrame(np.tile(np.eye(30, dtype=int), (2, 1))))) == 20


def test_refuses_counts_without_a_class_of_the_centroids():
    with pytest.raises(ValueError, match=r"lack \['cat'\]: use the centroids of this dataset, or fit new ones"):
        assign(pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [0.1], "cat": [0.2]}))


def test_of_many_images_some_choose_the_number_and_all_make_the_centroids(monkeypatch):
    counts, _ = blobs((20, 15, 10))
    whole = fit(counts)
    monkeypatch.setattr(clusters, "MAX_COMPARED", 20)
    centroids = fit(counts)
    assert len(centroids) == 3
    assert np.sort(centroids.to_numpy(), axis=0) == pytest.approx(np.sort(whole.to_numpy(), axis=0))
