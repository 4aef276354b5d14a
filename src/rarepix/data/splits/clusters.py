"""Clusters of images with similar shares of the classes.

A cluster is defined by its centroid, a row of shares: an image belongs to the nearest one. So stored centroids give the
same clusters with every release of scikit-learn.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from rarepix.data.tables import proportion
from rarepix.seeding import generator, stable_hash

NON_OBJECTS = ("background", "border")
"""Columns that a table of counts may have beside the classes of objects; they do not tell which images are similar."""
MAX_CLUSTERS = 20
RESTARTS = 4
"""Restarts of k-means for each number of clusters."""
MAX_COMPARED = 3000
"""Images, at most, on which the number of clusters is chosen: the silhouette compares all pairs."""


def fit(
    counts: pd.DataFrame, columns: Sequence[str] | None = None, *, ignoring: Sequence[str] = NON_OBJECTS
) -> pd.DataFrame:
    """Return centroids, cluster × class: the classes' mean shares of the area of a cluster's images.

    k-means, with the number of clusters from 2 to 20 that has the largest silhouette (Rousseeuw 1987). The result
    depends on the counts alone. A table with fewer than two different rows, or with two rows, is one cluster.

    All columns of *counts*, image × class table of pixel counts, together are an image's area; the shares of *columns*
    are compared (default: all) without those in *ignoring*, unless there is nothing else.
    """
    columns = list(counts.columns if columns is None else columns)
    columns = [name for name in columns if name not in ignoring] or columns
    sample = rows = _shares(counts, columns).to_numpy()
    if len(rows) > MAX_COMPARED:
        sample = generator(0, "clusters").choice(rows, MAX_COMPARED, replace=False)
    largest = min(MAX_CLUSTERS, len(np.unique(sample, axis=0)), len(sample) - 1)
    centroids = rows.mean(axis=0, keepdims=True)
    if largest >= 2:
        with threadpool_limits(1):  # sums must not depend on the number of cores; small tables are also faster so
            number = max(range(2, largest + 1), key=lambda number: _silhouette(sample, _kmeans(sample, number)))
            centroids = _kmeans(rows, number)
    return pd.DataFrame(centroids, index=pd.RangeIndex(len(centroids), name="cluster"), columns=columns)


def assign(counts: pd.DataFrame, centroids: pd.DataFrame) -> pd.Series:
    """Return image id → number of the nearest of *centroids* (as ``fit`` returns them), the first one on ties.

    All columns of *counts*, image × class table of pixel counts, together are an image's area.

    Raises:
        ValueError: *counts* lacks a class of *centroids*.
    """
    missing = [name for name in centroids.columns if name not in counts.columns]
    if missing:
        raise ValueError(
            f"the counts must have the classes of the centroids, but lack {missing}: "
            f"use the centroids of this dataset, or fit new ones"
        )
    numbers = _nearest(_shares(counts, list(centroids.columns)).to_numpy(), centroids.to_numpy(float))
    return pd.Series(centroids.index.to_numpy()[numbers], index=counts.index, name="cluster")


def _shares(counts: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    shares = proportion(counts[list(columns)], area=counts.sum(axis=1))
    return shares.fillna(0.0)  # an image without labelled pixels has a share of 0 of every class


def _nearest(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.stack([((rows - centroid) ** 2).sum(axis=1) for centroid in centroids]).argmin(axis=0)


def _kmeans(rows: np.ndarray, number: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    seed = stable_hash("clusters", number) % 2**32
    return KMeans(number, n_init=RESTARTS, random_state=seed).fit(rows).cluster_centers_


def _silhouette(rows: np.ndarray, centroids: np.ndarray) -> float:
    from sklearn.metrics import silhouette_score

    numbers = _nearest(rows, centroids)
    return float(silhouette_score(rows, numbers)) if 2 <= len(np.unique(numbers)) < len(rows) else -1.0
