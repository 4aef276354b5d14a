"""The drawn dataset of full-background images: most hold no class, and what holds none has an empty mask."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.synthetic import draw_full_background
from rarepix.data.synthetic.full_background import CLASSES, EMPTY_SHARE, UNLABELLED, _only_classes, _plan

IGNORE = 255
LISTS = {"train": 36, "val": 12, "test": 12}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_full_background(tmp_path_factory.mktemp("drawn") / "set", images=60, size=(64, 80))


def masks(root: Path, name: str) -> np.ndarray:
    """Masks of a list, N H W."""
    ids = (root / "ImageSets" / "Segmentation" / f"{name}.txt").read_text().split()
    return np.stack([np.asarray(Image.open(root / "SegmentationClass" / f"{i}.png")) for i in ids])


@pytest.mark.parametrize(("name", "count"), LISTS.items())
def test_every_list_has_both_classes_and_mostly_empty_images(drawn, name, count):
    found = masks(drawn, name)
    has_class = np.array([[(mask == id_).any() for id_ in (1, 2)] for mask in found])
    assert len(found) == count
    assert (~has_class.any(axis=1)).sum() == int(EMPTY_SHARE * count)
    assert has_class.sum(axis=0).tolist() == [round(share * count) for share in CLASSES.values()]


def test_an_empty_image_has_background_only(drawn):
    found = np.concatenate([masks(drawn, name) for name in LISTS])
    empty = ~np.isin(found, (1, 2)).any(axis=(1, 2))
    assert not found[empty].any()  # no rim of a tree, either


def test_trees_and_boulders_are_as_common_without_a_class_as_with_one():
    _, shown = _plan(2000, seed=0)
    for name, share in UNLABELLED.items():
        for with_class in (False, True):
            among = [name in names for names in shown.values() if bool(set(names) & set(CLASSES)) == with_class]
            assert np.mean(among) == pytest.approx(share, abs=0.04)


def test_rims_stay_around_classes_alone():
    """Ids of ``paint_scene``: 1 tree, 3 sheep, 5 beacon."""
    mask = np.array([[1, 255, 0, 0], [255, 255, 0, 0], [0, 0, 255, 255], [0, 0, 255, 3], [5, 255, 255, 255]], np.uint8)
    expected = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 255, 255], [0, 0, 255, 1], [2, 255, 255, 255]]
    assert _only_classes(mask).tolist() == expected


def test_the_layout_is_recognised_and_its_classes_are_rare(drawn):
    source = open_source("auto", drawn)
    assert source.labels.names == ("background", "sheep", "beacon")
    assert source.labels.rare == ("sheep", "beacon")
    assert {name: len(source.items(name)) for name in source.lists()} == LISTS


def test_too_few_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="images must be at least 20"):
        draw_full_background(tmp_path / "set", images=19)
