"""Polyp folders: one training set, several test sets that use the same names."""

import numpy as np
import pytest

from rarepix.data.inventory import read_mask
from rarepix.data.source import DataError, MissingFiles
from rarepix.data.sources.polyp import PolypSource
from rarepix.labels import Task
from tests.layouts import picture, save, write_polyp


@pytest.fixture
def root(tmp_path):
    return write_polyp(tmp_path / "polyps")


def test_the_lists_are_those_of_the_training_set_and_every_test_set(root):
    source = PolypSource(root)
    assert source.lists() == ["CVC-300", "Kvasir", "all", "train", "val"]
    result = {name: [item.id for item in source.items(name)] for name in source.lists()}
    assert result == {
        "CVC-300": ["CVC-300_1"], "Kvasir": ["Kvasir_1"], "all": ["1", "2", "3"], "train": ["3", "1"], "val": ["2"]
    }  # fmt: skip


def test_it_is_binary(root):
    labels = PolypSource(root).labels
    assert (labels.names, labels.task, labels.rare) == (("background", "polyp"), Task.BINARY, ("polyp",))


def test_a_polyp_is_where_the_mask_is_above_127(root):
    source = PolypSource(root)
    mask = np.zeros((24, 32), np.uint8)
    mask[0, :3] = 127, 128, 255
    save(mask, root / "TrainDataset/masks/1.png")
    assert read_mask(source.items("train")[1])[0, :4].tolist() == [0, 1, 1, 0]
    assert read_mask(source.items("val")[0]).sum() == 8 * 10  # grey values in three channels
    jpeg = read_mask(source.items("Kvasir")[0])
    assert jpeg[6:18, 6:18].all()
    assert not jpeg[:, 24:].any()


def test_masks_of_colours_are_refused(root):
    save(picture(9), root / "TrainDataset/masks/1.png")
    with pytest.raises(
        DataError, match=r"1\.png must be an 8-bit grey image, .* above 127, but has mode 'RGB' with col"
    ):
        read_mask(PolypSource(root).items("train")[1])


def test_a_missing_mask_is_named(root):
    (root / "TestDataset/CVC-300/masks/1.png").unlink()
    with pytest.raises(MissingFiles, match=r"missing: [^ ]*CVC-300/masks/1\.png: add them"):
        PolypSource(root).items("CVC-300")


def test_a_test_set_without_images(root):
    (root / "TestDataset/CVC-300/images/1.png").unlink()
    with pytest.raises(DataError, match=r"CVC-300/images must hold images \(\.jpg, .*, but has none"):
        PolypSource(root).items("CVC-300")


def test_several_images_of_one_name(root):
    save(picture(9), root / "TestDataset/CVC-300/images/1.jpg")
    with pytest.raises(DataError, match=r"images must hold one file for each id, but for '1' there are 1\.jpg and"):
        PolypSource(root).items("CVC-300")


def test_a_training_set_alone(root):
    (root / "TestDataset").rename(root / "elsewhere")
    assert PolypSource(root).lists() == ["all", "train", "val"]


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "TrainDataset/images").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"must hold polyp folders, but TrainDataset has no masks"):
        PolypSource(tmp_path)


def test_files_of_macos_and_suffixes_in_capitals(root):
    for folder in ("TrainDataset/images", "TrainDataset/masks"):
        (root / folder / "1.png").rename(root / folder / "1.PNG")
        (root / folder / "._2.png").write_bytes(b"\0\5\x16\7Mac OS X")
    (root / "TrainDataset/._train.txt").write_bytes(b"\0\5\x16\7Mac OS X")
    source = PolypSource(root)
    assert source.lists() == ["CVC-300", "Kvasir", "all", "train", "val"]
    assert [item.image.name for item in source.items("all")] == ["1.PNG", "2.png", "3.png"]
