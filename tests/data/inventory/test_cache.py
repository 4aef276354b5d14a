"""Stored tables: found again by the content that they were made of, and made anew where they are damaged."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix.data.inventory import take_inventory
from rarepix.data.inventory.cache import content_key
from rarepix.data.inventory.objects import find_objects
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.labels import LabelSpace
from tests.data.inventory.conftest import LABELS, MASK


@pytest.fixture
def items(make):
    return [make("x"), make("y", np.zeros((2, 4), np.uint8))]


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def mark(cache) -> None:
    """Change the stored table, to tell it apart from a fresh count."""
    (stored,) = cache.iterdir()
    table = pd.read_parquet(stored)
    table.loc["x", "a"] = 1000
    table.to_parquet(stored)


def is_read_back(items, cache, labels=LABELS) -> bool:
    return take_inventory(items, labels, cache=cache).loc["x", "a"] == 1000


def test_it_is_read_back(items, cache):
    take_inventory(items, LABELS, cache=cache)
    mark(cache)
    assert is_read_back(items, cache)


def test_what_is_read_back_is_what_was_counted(items, cache):
    first, second = (take_inventory(items, LABELS, cache=cache) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_a_copy_elsewhere_and_other_times_are_the_same_content(items, cache, tmp_path):
    take_inventory(items, LABELS, cache=cache)
    mark(cache)
    (tmp_path / "copy").mkdir()
    copies = []
    for item in items:
        copy = Item(item.id, tmp_path / "copy" / item.image.name, IdMask(tmp_path / "copy" / item.mask.path.name))
        shutil.copyfile(item.image, copy.image)
        shutil.copyfile(item.mask.path, copy.mask.path)
        os.utime(copy.mask.path, (1, 1))
        copies.append(copy)
    assert is_read_back(copies, cache)


def test_one_other_pixel_is_another_content(items, cache):
    take_inventory(items, LABELS, cache=cache)
    mark(cache)
    before, times = items[0].mask.path.stat().st_size, items[0].mask.path.stat()
    changed = MASK.copy()
    changed[0, 0] = 1
    Image.fromarray(changed).save(items[0].mask.path)
    os.utime(items[0].mask.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert abs(items[0].mask.path.stat().st_size - before) < 5
    assert take_inventory(items, LABELS, cache=cache).loc["x"].tolist() == [1, 4, 1, 2, 2, 4]


def test_another_image_or_id_or_order_or_label_space_is_another_content(items):
    keys = [content_key(items, LABELS), content_key(items[::-1], LABELS)]
    keys.append(content_key(items, LabelSpace(names=("p", "q", "r"))))
    keys.append(content_key(items, LabelSpace(names=("a", "b", "c"), ignore=9)))
    keys.append(content_key([items[0], Item("z", items[1].image, items[1].mask)], LABELS))
    Image.new("RGB", (400, 200)).save(items[0].image)
    keys.append(content_key(items, LABELS))
    assert len(set(keys)) == len(keys)


def test_the_colours_of_classes_are_not_content(items):
    coloured = LabelSpace(names=("a", "b", "c"), palette=((1, 2, 3),) * 3, rare=("c",))
    assert content_key(items, coloured) == content_key(items, LABELS)


@pytest.mark.parametrize("wanted", [take_inventory, find_objects])
def test_a_damaged_file_is_made_anew(items, cache, wanted):
    good = wanted(items, LABELS, cache=cache)
    (stored,) = cache.iterdir()
    data = stored.read_bytes()
    rng = np.random.default_rng(0)
    flipped = [bytearray(data) for _ in range(20)]
    for bytes_ in flipped:
        bytes_[rng.integers(len(data))] ^= 0xFF
    for content in [b"", b"nothing", data[: len(data) // 2], data[:-1], *flipped]:
        stored.write_bytes(content)
        pd.testing.assert_frame_equal(wanted(items, LABELS, cache=cache), good)
    stored.write_bytes(b"nothing")
    wanted(items, LABELS, cache=cache)
    pd.testing.assert_frame_equal(pd.read_parquet(stored), good)


def test_a_table_of_something_else_is_made_anew(items, cache):
    good = take_inventory(items, LABELS, cache=cache)
    (stored,) = cache.iterdir()
    good.rename(index={"x": "other"}).to_parquet(stored)
    pd.testing.assert_frame_equal(take_inventory(items, LABELS, cache=cache), good)


def test_nothing_is_stored_of_a_bad_dataset(make, cache):
    with pytest.raises(DataError):
        take_inventory([make("x", np.full((2, 4), 9, np.uint8))], LABELS, cache=cache)
    assert not cache.exists()


def test_a_missing_mask_is_a_problem_not_a_traceback(items, cache):
    items[0].mask.path.unlink()
    with pytest.raises(DataError, match=r"x\.png must exist, but does not"):
        take_inventory(items, LABELS, cache=cache)
