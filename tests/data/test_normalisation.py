"""Mean and standard deviation of bands: by hand, over images of several sizes, and cached with their content."""

import numpy as np
import pytest
import tifffile

from rarepix.data.bands import Bands
from rarepix.data.normalisation import measure_normalisation
from rarepix.data.source import Item


def item(path, pixels: np.ndarray, bands: Bands) -> Item:
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    return Item(path.stem, path, None, bands)


def test_every_pixel_counts_alike_whatever_the_size_of_its_image(tmp_path):
    bands = Bands(channels=2)
    small = item(tmp_path / "small.tif", np.full((1, 1, 2), (51, 0), np.uint8), bands)
    large = item(tmp_path / "large.tif", np.full((1, 3, 2), (255, 102), np.uint8), bands)
    measured = measure_normalisation([small, large])
    assert measured.mean == pytest.approx([(0.2 + 3) / 4, 3 * 0.4 / 4])
    assert measured.std == pytest.approx([0.8 * 3**0.5 / 4, 0.4 * 3**0.5 / 4])
    assert measured.outside == 0


def test_values_outside_the_range_are_counted_and_measured_as_its_ends(tmp_path):
    deep = item(tmp_path / "deep.tif", np.array([[[0, 100], [50, 250]]], np.uint16), Bands(channels=2, range=(50, 150)))
    measured = measure_normalisation([deep])
    assert measured.mean == pytest.approx([0, 0.75])
    assert measured.std == pytest.approx([1, 0.25])  # a band that is the same everywhere is not divided by 0
    assert measured.outside == pytest.approx(2 / 4)


def test_the_cache_knows_the_images_by_their_content(tmp_path):
    for value in (10, 20):  # files of one name and length
        for _ in range(2):
            image = item(tmp_path / "image.tif", np.full((4, 5, 4), value, np.uint8), Bands(channels=4))
            assert measure_normalisation([image], cache=tmp_path).mean == pytest.approx([value / 255] * 4)
    assert len(list(tmp_path.glob("*.parquet"))) == 2
