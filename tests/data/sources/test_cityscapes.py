"""Cityscapes: its splits, its classes, and annotations that are not there."""

import pytest

from rarepix.data.inventory import read_mask, take_inventory
from rarepix.data.source import DataError, MissingFiles
from rarepix.data.sources.cityscapes import CityscapesSource
from tests.layouts import picture, save, write_cityscapes


@pytest.fixture
def root(tmp_path):
    return write_cityscapes(tmp_path / "cityscapes")


def test_the_classes_are_the_nineteen_train_ids(root):
    labels = CityscapesSource(root).labels
    assert (labels.count, labels.background, labels.ignore) == (19, None, 255)
    assert [labels.names[number] for number in (0, 6, 11, 18)] == ["road", "traffic light", "person", "bicycle"]
    assert (labels.palette[13], labels.palette[10]) == ((0, 0, 142), (70, 130, 180))


def test_items_are_sorted_by_city(root):
    items = CityscapesSource(root).items("train")
    assert [item.id for item in items] == [
        "aachen_000000_000019", "aachen_000002_000019", "bochum_000001_000019"
    ]  # fmt: skip
    assert items[2].image == root / "leftImg8bit/train/bochum/bochum_000001_000019_leftImg8bit.png"
    assert items[2].mask.path == root / "gtFine/train/bochum/bochum_000001_000019_gtFine_labelTrainIds.png"
    assert read_mask(items[0])[0, 0] == 10


def test_the_counts_have_the_names_of_the_classes(root):
    source = CityscapesSource(root)
    row = take_inventory(source.items("val"), source.labels).loc["lindau_000003_000019"]
    assert {name: pixels for name, pixels in row.items() if pixels} == {
        "sky": 12 * 32, "car": 8 * 32, "border": 4 * 32, "height": 24, "width": 32
    }  # fmt: skip


def test_the_test_split_is_no_list_and_refused_since_nothing_in_it_is_annotated(root):
    source = CityscapesSource(root)
    assert source.lists() == ["train", "val"]
    with pytest.raises(DataError, match=r"the split 'test' must be annotated, .*nothing but ignored .* such as val"):
        source.items("test")


def test_an_annotated_test_split_is_a_list(root):
    mask = root / "gtFine/test/berlin/berlin_000004_000019_gtFine_labelTrainIds.png"
    save(picture(0)[..., 0] % 19, mask)
    assert CityscapesSource(root).lists() == ["test", "train", "val"]


def test_train_ids_that_were_not_made(root):
    for mask in (root / "gtFine/val").rglob("*.png"):
        mask.rename(mask.with_name(mask.name.replace("labelTrainIds", "labelIds")))
    source = CityscapesSource(root)
    assert source.lists() == ["train"]
    with pytest.raises(DataError, match=r"gtFine/val must hold annotations .*: make them with createTrainIdLabelImgs"):
        source.items("val")


def test_a_split_without_annotations(root):
    (root / "leftImg8bit/extra").mkdir()
    with pytest.raises(DataError, match=r"gtFine/extra must hold annotations .*, but has none: use another list"):
        CityscapesSource(root).items("extra")


def test_a_split_without_images(root):
    for image in (root / "leftImg8bit/val").rglob("*.png"):
        image.unlink()
    with pytest.raises(DataError, match=r"leftImg8bit/val must hold images .*, but has none: unpack leftImg8bit"):
        CityscapesSource(root).items("val")


def test_a_missing_mask_is_named(root):
    (root / "gtFine/train/aachen/aachen_000002_000019_gtFine_labelTrainIds.png").unlink()
    with pytest.raises(
        MissingFiles, match=r"missing: [^ ]*aachen_000002_000019_gtFine_labelTrainIds\.png: add"
    ) as caught:
        CityscapesSource(root).items("train")
    assert len(caught.value.items) == 3


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "gtFine").mkdir()
    with pytest.raises(FileNotFoundError, match=r"must hold Cityscapes, but has no leftImg8bit"):
        CityscapesSource(tmp_path)


def test_other_suffixes_and_files_of_macos(root):
    image = root / "leftImg8bit/val/lindau/lindau_000003_000019_leftImg8bit.png"
    image.with_name(f"._{image.name}").write_bytes(b"\0\5\x16\7Mac OS X")
    image.rename(image.with_suffix(".PNG"))
    mask = root / "gtFine/val/lindau/lindau_000003_000019_gtFine_labelTrainIds.png"
    mask.rename(mask.with_suffix(".PNG"))
    (item,) = CityscapesSource(root).items("val")
    assert (item.id, item.image.suffix, item.mask.path.suffix) == ("lindau_000003_000019", ".PNG", ".PNG")
