"""Images beside masks: which folders, which pairs, which lists, and what values mean."""

import json

import numpy as np
import pytest
from PIL import Image

from rarepix.data.masks import read_mask
from rarepix.data.source import DataError, FaultyList
from rarepix.data.sources import open_source
from rarepix.labels import Task
from tests.layouts import lines, picture, save

SIZE = (6, 6)
OBJECT = np.zeros(SIZE, np.uint8)
OBJECT[1:3, 2:5] = 1


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("RAREPIX_CACHE", str(tmp_path_factory.mktemp("cache")))


def write_pairs(root, *names, images="images", masks="masks", suffix="", ending=".png", values=OBJECT):
    for seed, name in enumerate(names):
        save(picture(seed, SIZE), root / images / f"{name}.png")
        save(values, root / masks / f"{name}{suffix}{ending}")
    return root


def ids(root, list_name="all", **parameters):
    return [item.id for item in open_source("folders", root, **parameters).items(list_name)]


@pytest.mark.parametrize(
    ("images", "masks"),
    [("images", "masks"), ("imgs", "labels"), ("JPEGImages", "SegmentationClass"), ("IMG", "GT"), ("image", "annot")],
)
def test_the_usual_names_of_folders_are_found(tmp_path, images, masks):
    assert ids(write_pairs(tmp_path, "a", "b", images=images, masks=masks)) == ["a", "b"]


def test_folders_of_other_names_are_named_by_the_recipe(tmp_path):
    write_pairs(tmp_path, "a", images="scans/raw", masks="scans/expert")
    assert ids(tmp_path, images="scans/raw", masks="scans/expert") == ["a"]
    with pytest.raises(FileNotFoundError, match=r"no folder of images and masks among its scans: name the folders"):
        ids(tmp_path)
    with pytest.raises(DataError, match=r"data.masks must name a folder in .*, but expert is none"):
        ids(tmp_path, images="scans/raw", masks="expert")


def test_folders_inside_are_part_of_the_id(tmp_path):
    write_pairs(tmp_path, "ward1/a", "ward2/a")
    assert ids(tmp_path) == ["ward1__a", "ward2__a"]


def test_images_that_would_get_one_id_are_refused(tmp_path):
    write_pairs(tmp_path, "ward1/a", "ward1__a")
    with pytest.raises(DataError, match=r"must have different names .* but these do not: ward1/a and ward1__a: rename"):
        ids(tmp_path)


@pytest.mark.parametrize("ending", [".jpg", ".JPEG", ".PNG", ".bmp", ".tif", ".TIFF", ".webp", ".Jpg"])
def test_images_have_any_ending_in_any_case(tmp_path, ending):
    save(picture(0, SIZE), tmp_path / "images" / f"a{ending}")
    save(OBJECT, tmp_path / "masks" / "a.png")
    (item,) = open_source("folders", tmp_path).items("all")
    assert item.image.name == f"a{ending}"


@pytest.mark.parametrize("ending", [".PNG", ".bmp", ".tif", ".TIFF"])
def test_masks_have_any_ending_without_loss(tmp_path, ending):
    write_pairs(tmp_path, "a", ending=ending)
    (item,) = open_source("folders", tmp_path).items("all")
    assert (read_mask(item) == OBJECT).all()


@pytest.mark.parametrize("suffix", ["_mask", "_gt", "_label", "_seg", "-mask", "_Segmentation"])
def test_suffixes_of_masks_are_recognised(tmp_path, suffix):
    assert ids(write_pairs(tmp_path, "a", "b", suffix=suffix)) == ["a", "b"]


def test_a_suffix_that_is_not_known_is_named_by_the_recipe(tmp_path):
    write_pairs(tmp_path, "a", suffix="-expert2")
    with pytest.raises(DataError, match=r"images are called a; masks a-expert2: .*data.mask_suffix"):
        ids(tmp_path)
    assert ids(tmp_path, mask_suffix="-expert2") == ["a"]


def test_two_masks_of_every_image_are_not_chosen_from_in_silence(tmp_path):
    write_pairs(tmp_path, "a", "b", suffix="_mask")
    write_pairs(tmp_path, "a", "b", suffix="_label")
    with pytest.raises(DataError, match=r"'_mask' and with '_label' at their end fit equally well.*data.mask_suffix"):
        ids(tmp_path)
    source = open_source("folders", tmp_path, mask_suffix="_mask")
    assert "2 masks have no image and are left out: a_label.png, b_label.png" in source.assumed


def test_images_and_masks_may_lie_in_one_folder(tmp_path):
    save(picture(0, SIZE), tmp_path / "train" / "1_sat.jpg")
    save(OBJECT, tmp_path / "train" / "1_mask.png")
    assert ids(tmp_path, "train") == ["train__1_sat"]


def test_companions_of_macos_are_no_images(tmp_path):
    write_pairs(tmp_path, "a")
    (tmp_path / "images" / "._a.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "masks" / "._a.png").write_bytes(b"\0\5\x16\7")
    assert ids(tmp_path) == ["a"]


def test_two_images_of_one_name_are_refused(tmp_path):
    write_pairs(tmp_path, "a")
    save(picture(1, SIZE), tmp_path / "images" / "a.jpg")
    with pytest.raises(DataError, match=r"must differ in their names .*: a.jpg and a.png: rename"):
        ids(tmp_path)


@pytest.mark.parametrize(
    ("images", "masks"),
    [("images/{}", "masks/{}"), ("{}/images", "{}/masks"), ("{}", "{}_masks"), ("{}", "{}annot")],
)
def test_splits_are_folders(tmp_path, images, masks):
    for split in ("train", "val"):
        write_pairs(tmp_path, "a", images=images.format(split), masks=masks.format(split))
    source = open_source("folders", tmp_path)
    assert source.lists() == ["all", "train", "val"]
    assert [item.id for item in source.items("all")] == ["train__a", "val__a"]
    assert [item.id for item in source.items("val")] == ["val__a"]


def test_lists_are_text_files(tmp_path):
    write_pairs(tmp_path, "a", "b", "c d")
    lines(tmp_path / "train.txt", "c d", "images/a.png masks/a.png")
    lines(tmp_path / "val.txt", "b.PNG")
    lines(tmp_path / "LICENSE.txt", "Free to use.")
    source = open_source("folders", tmp_path)
    assert source.lists() == ["all", "train", "val"]
    assert [item.id for item in source.items("train")] == ["c d", "a"]
    assert [item.id for item in source.items("val")] == ["b"]
    lines(tmp_path / "val.txt", "b", "x")
    with pytest.raises(DataError, match=r"val.txt must name an image, but 1 of 2 name none: x"):
        source.items("val")


def test_an_image_without_mask_is_empty_only_if_the_recipe_says_so(tmp_path):
    write_pairs(tmp_path, "a", "b", "c")
    (tmp_path / "masks" / "b.png").unlink()
    (tmp_path / "masks" / "c.png").write_bytes(b"")
    with pytest.raises(FaultyList, match=r"2 of 3 have none, or a file of no bytes: b, c: add them, or write "
                       r"data.missing_mask=empty") as caught:  # fmt: skip
        ids(tmp_path)
    assert [item.id for item in caught.value.items] == ["a"]
    items = open_source("folders", tmp_path, missing_mask="empty").items("all")
    assert [int(read_mask(item).sum()) for item in items] == [6, 0, 0]


def test_a_mask_without_image_is_told(tmp_path):
    write_pairs(tmp_path, "a", "b")
    (tmp_path / "images" / "b.png").unlink()
    assert "1 masks have no image and are left out: b.png" in open_source("folders", tmp_path).assumed


def test_what_has_no_partner_in_one_folder_is_told(tmp_path):
    for name in ("1_sat", "2_sat", "4"):
        save(picture(0, SIZE), tmp_path / "train" / f"{name}.jpg")
    for name in ("1", "2", "3"):
        save(OBJECT, tmp_path / "train" / f"{name}_mask.png")
    source = open_source("folders", tmp_path)
    assert [item.id for item in source.items("train")] == ["train__1_sat", "train__2_sat"]
    assert "1 masks have no image and are left out: 3_mask.png" in source.assumed
    assert "1 images have names that do not end as those of the others and are left out: 4.jpg" in source.assumed


def test_images_that_are_called_otherwise_than_most_are_told(tmp_path):
    write_pairs(tmp_path, "a", "b", suffix="_mask")
    for name in ("a", "b"):
        (tmp_path / "images" / f"{name}.png").rename(tmp_path / "images" / f"{name}_image.png")
    assert "images have" not in open_source("folders", tmp_path).assumed
    save(picture(0, SIZE), tmp_path / "images" / "c.png")
    assert "1 images have names that do not end as those of the others and are left out: c.png" in (
        open_source("folders", tmp_path).assumed
    )


def test_dataset_json_names_the_classes(tmp_path):
    write_pairs(tmp_path, "a")
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["background", "crack", "pore"]}))
    source = open_source("folders", tmp_path)
    assert (source.labels.names, source.assumed) == (("background", "crack", "pore"), "")


def test_without_it_classes_are_numbered_and_told(tmp_path):
    write_pairs(tmp_path, "a", values=OBJECT * 3)
    source = open_source("folders", tmp_path)
    assert source.labels.names == ("background", "class 1", "class 2", "class 3")
    assert "taken for 4 classes called by their numbers" in source.assumed


def test_masks_of_0_and_255_are_background_and_object(tmp_path):
    write_pairs(tmp_path, "a", values=OBJECT * 255)
    source = open_source("folders", tmp_path)
    assert source.labels.task is Task.BINARY
    assert (read_mask(source.items("all")[0]) == OBJECT).all()
    assert "255 is taken for class 1, 'object'" in source.assumed


def test_0_and_1_in_some_masks_and_0_and_255_in_others_are_read_alike_and_told(tmp_path):
    write_pairs(tmp_path, "a", "b")
    save(OBJECT * 255, tmp_path / "masks" / "b.png")
    source = open_source("folders", tmp_path)
    assert all((read_mask(item) == OBJECT).all() for item in source.items("all"))
    assert "1 of 2 masks in" in source.assumed
    assert "hold 255, and none holds both 1 and 255: 255 is taken for class 1, 'object'" in source.assumed
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["good", "crack"]}))
    source = open_source("folders", tmp_path)
    assert all((read_mask(item) == OBJECT).all() for item in source.items("all"))
    assert "255 is taken for class 1, 'crack'" in source.assumed


def test_255_is_ignored_where_a_mask_holds_1_as_well(tmp_path):
    write_pairs(tmp_path, "a", "b")
    both = OBJECT.copy()
    both[5] = 255
    save(both, tmp_path / "masks" / "b.png")
    assert (read_mask(open_source("folders", tmp_path).items("all")[1]) == both).all()


def test_grey_values_of_classes_are_named(tmp_path):
    grey = OBJECT * 128
    grey[5] = 200
    write_pairs(tmp_path, "a", values=grey)
    with pytest.raises(DataError, match=r"hold 0, 128, 200: name the value .*data.values: \[0, 128, 200\]"):
        ids(tmp_path)
    source = open_source("folders", tmp_path, values=(0, 128, 200))
    mask = read_mask(source.items("all")[0])
    assert source.labels.names == ("background", "class 128", "class 200")
    assert np.bincount(mask.ravel()).tolist() == [24, 6, 6]
    wrong = open_source("folders", tmp_path, values=(0, 128)).items("all")[0]
    with pytest.raises(DataError, match=r"a.png must have the values 0, 128 .* but also has 200"):
        read_mask(wrong)


def test_zero_is_ignore_moves_every_id_down(tmp_path):
    values = OBJECT * 2
    values[5, :2] = 1
    write_pairs(tmp_path, "a", values=values)
    source = open_source("folders", tmp_path, zero_is_ignore=True)
    mask = read_mask(source.items("all")[0])
    assert source.labels.names == ("class 1", "class 2")
    assert (int((mask == 0).sum()), int((mask == 1).sum()), int((mask == 255).sum())) == (2, 6, 28)


def test_grey_masks_saved_as_colours_are_read(tmp_path):
    write_pairs(tmp_path, "a", values=np.repeat(OBJECT[..., None] * 255, 3, axis=2))
    source = open_source("folders", tmp_path)
    assert (read_mask(source.items("all")[0]) == OBJECT).all()


def test_jpeg_masks_are_one_object_or_refused(tmp_path):
    write_pairs(tmp_path, "a", values=np.kron(OBJECT, np.full((8, 8), 255, np.uint8)), ending=".jpg")
    Image.new("RGB", (48, 48)).save(tmp_path / "images" / "a.png")
    source = open_source("folders", tmp_path)
    assert (read_mask(source.items("all")[0])[4::8, 4::8] == OBJECT).all()
    assert "values above 127" in source.assumed
    write_pairs(tmp_path / "low", "a", values=np.kron(OBJECT, np.full((8, 8), 1, np.uint8)), ending=".jpg")
    Image.new("RGB", (48, 48)).save(tmp_path / "low" / "images" / "a.png")
    assert (read_mask(open_source("folders", tmp_path / "low").items("all")[0])[4::8, 4::8] == OBJECT).all()
    save(OBJECT, tmp_path / "masks" / "b.png")
    save(picture(1, SIZE), tmp_path / "images" / "b.png")
    with pytest.raises(DataError, match=r"b.png must have the values 0, 255 .* but also has 1"):
        read_mask(open_source("folders", tmp_path).items("all")[1])
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["background", "crack", "pore"]}))
    with pytest.raises(DataError, match=r"masks of 3 classes must be saved without loss, but some .* are JPEG"):
        open_source("folders", tmp_path)


def test_masks_are_looked_at_once(tmp_path):
    """What was found is stored under the state of the files, and made again when one changes."""
    write_pairs(tmp_path, "a", values=OBJECT * 3)
    assert open_source("folders", tmp_path).labels.count == 4
    save(np.pad(OBJECT * 4, 0), tmp_path / "masks" / "a.bmp")
    (tmp_path / "masks" / "a.png").unlink()
    assert open_source("folders", tmp_path).labels.count == 5


def test_255_is_the_second_of_two_classes_that_dataset_json_names(tmp_path):
    write_pairs(tmp_path, "a", values=OBJECT * 255)
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["good", "crack"]}))
    source = open_source("folders", tmp_path)
    assert (read_mask(source.items("all")[0]) == OBJECT).all()
    assert "255 is taken for class 1, 'crack'; if it means ignored, write \"ignore_index\": 255" in source.assumed
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["good", "crack"], "ignore_index": 255}))
    assert (read_mask(open_source("folders", tmp_path).items("all")[0]) == OBJECT * 255).all()


def test_masks_of_colours_are_refused_with_the_source_that_reads_them(tmp_path):
    write_pairs(tmp_path, "a", values=picture(3, SIZE))
    with pytest.raises(DataError, match=r"a.png must be a grey or palette image .* \(source: colours\)"):
        open_source("folders", tmp_path)
