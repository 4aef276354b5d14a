"""What every reader of a dataset layout must do, whatever it reads. Add a small dataset of the layout to ``ROOTS``."""

import numpy as np
import pytest

from rarepix.data.inventory import read_image, read_mask
from rarepix.data.source import DataError
from rarepix.data.sources import SOURCES, open_source
from rarepix.labels import LabelSpace

ROOTS = {"voc": "tiny_voc"}
"""Source → fixture that gives a folder of its layout with the lists ``train`` and ``val``."""


@pytest.fixture(params=SOURCES)
def source(request):
    return open_source(request.param, request.getfixturevalue(ROOTS[request.param]))


def test_says_what_it_is(source):
    assert source.name
    assert source.root.is_dir()
    assert isinstance(source.labels, LabelSpace)
    assert isinstance(source.assumed, str)


def test_every_list_is_named_and_can_be_had(source):
    names = source.lists()
    assert {"train", "val"} <= set(names)
    assert names == sorted(set(names))
    assert all(source.items(name) for name in names)


@pytest.mark.parametrize("name", ["train", "val"])
def test_items_are_files_with_ids_of_their_own(source, name):
    items = source.items(name)
    assert len({item.id for item in items}) == len(items) > 0
    assert all(item.image.is_file() and item.mask.is_file() for item in items)


def test_reading_twice_gives_the_same(source):
    assert source.items("train") == source.items("train")


def test_masks_fit_their_images_and_hold_known_ids(source):
    known = {*range(source.labels.count), source.labels.ignore}
    for item in source.items("val"):
        image, mask = read_image(item.image), read_mask(item.mask)
        assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
        assert image.shape == (*mask.shape, 3)
        assert set(np.unique(mask).tolist()) <= known


def test_an_unknown_list_is_refused_with_what_there_is(source):
    with pytest.raises(DataError, match=r"trian.*must exist.*train"):
        source.items("trian")


@pytest.mark.parametrize("name", SOURCES)
def test_a_folder_of_no_layout_is_refused(name, tmp_path):
    with pytest.raises((FileNotFoundError, DataError), match=str(tmp_path)):
        open_source(name, tmp_path)
