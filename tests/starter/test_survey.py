"""What is seen in a folder: which lists are used, which classes are rare or absent, which images belong together."""

import json
import shutil

import numpy as np
import pytest

from rarepix.data.source import DataError
from tests.layouts import picture, save, write_lesions
from tests.starter.folders import SMALL, survey, write_images

PIXELS = SMALL[0] * SMALL[1]


def test_lists_that_are_called_so_train_validate_and_test(tmp_path):
    names = [f"i{number}" for number in range(6)]
    lists = {"training": names[:3], "valid": names[3:5], "test": names[5:], "extreme_test": names[5:]}
    seen = survey(write_images(tmp_path, {name: [100] for name in names}, **lists))
    assert (seen.lists.train, seen.lists.val, seen.lists.test) == ("training", "valid", "test")
    assert (seen.folds, seen.training_images) == (None, 3)
    assert seen.lists.notes == ("further lists, for rarepix test --list: extreme_test",)


def test_without_lists_all_images_are_cut_into_folds(tmp_path):
    seen = survey(write_images(tmp_path, {f"i{number}": [100] for number in range(20)}))
    assert (*seen.lists[:3], seen.folds, seen.training_images) == ("all", None, None, 5, 16)


def test_a_list_that_shares_images_with_the_training_list_is_not_used(tmp_path):
    names = [f"i{number}" for number in range(8)]
    seen = survey(
        write_images(tmp_path, {name: [100] for name in names}, train=names[:6], val=names[5:], test=names[6:])
    )
    assert (*seen.lists[:3], seen.folds) == ("train", None, "test", 3)
    assert seen.lists.notes[0] == "the list val shares images with train and is not used"


def test_a_list_without_objects_cannot_validate(tmp_path):
    seen = survey(write_lesions(tmp_path))  # of its lists val is one image without any lesion
    assert (*seen.lists[:3], seen.folds, seen.training_images) == ("train", None, "test", 3, 2)
    assert seen.lists.notes == ("the list val holds no object, by which trials could be compared, and is not used",)
    assert seen.absent.in_some_block == ("soft exudate",)  # which one image of three holds


def test_several_lists_of_which_none_is_called_train_are_refused(tiny_voc, tmp_path):
    root = shutil.copytree(tiny_voc, tmp_path / "data")
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train.txt").rename(lists / "first.txt")
    (lists / "val.txt").rename(lists / "second.txt")
    with pytest.raises(DataError, match=r"must have a list called train, or one list .* but has first, second"):
        survey(root)


def test_too_few_images_to_train_and_validate_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"list all must hold at least 3 images, .* but holds 2"):
        survey(write_images(tmp_path, {"a": [100], "b": [100]}))


def test_classes_are_rare_by_their_pixels_or_their_images(tmp_path):
    """Of 11 images: class 1 has 10 % of every image; class 2 1 % of every image; class 3 half of one image."""
    common, few = round(0.1 * PIXELS), round(0.01 * PIXELS)
    images = {f"i{number}": [common, few, 0] for number in range(10)} | {"j": [common, few, PIXELS // 2]}
    (tmp_path / "images").mkdir()
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["background", "road", "pole", "tram"]}))
    seen = survey(write_images(tmp_path, images))
    assert seen.classes.loc["tram", "pixel_share"] > 0.04
    assert seen.rare.names == ("pole", "tram")
    assert seen.rare.reason == "below 2 % of the pixels, or in fewer than 10 % of the images"


def test_the_only_class_beside_the_background_is_rare_however_large(tmp_path):
    seen = survey(write_images(tmp_path, {f"i{number}": [PIXELS // 2] for number in range(6)}))
    assert seen.rare.names == ("object",)
    assert seen.rare.reason == "the only class beside the background"


def test_rare_classes_that_the_dataset_names_are_taken(tiny_voc):
    seen = survey(tiny_voc)
    assert (seen.rare.names, seen.rare.reason) == (("dot",), "the dataset names them (rare_classes)")


def test_a_class_that_no_training_image_holds_is_absent_and_not_rare(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["background", "road", "sign", "ghost"]}))
    seen = survey(write_images(tmp_path, {f"i{number}": [500, 20] for number in range(10)}))
    assert (seen.absent.everywhere, seen.absent.in_some_block) == (("ghost",), ())
    assert seen.rare.names == ("sign",)


def test_a_column_that_groups_all_images_is_found(tmp_path):
    images = {f"i{number:02}": [100] for number in range(12)}
    root = write_images(tmp_path, images)
    (root / "other.csv").write_text("image,patient\nnobody,1\n")
    rows = "".join(f"images/{name}.png,{number // 3},p{number // 3}\n" for number, name in enumerate(images))
    (root / "labels.csv").write_text(f"file,age,patient_id\n{rows}")
    seen = survey(root)
    assert seen.groups.config.model_dump() == {"file": "labels.csv", "column": "patient_id", "image": "file"}
    assert (seen.groups.count, seen.folds) == (4, 4)  # of four groups there are four folds
    assert str(seen.groups) == "4 groups by the column patient_id of labels.csv"


def test_images_that_are_nearly_equal_stay_together(tmp_path):
    images = {f"i{number:02}": [100] for number in range(12)}
    root = write_images(tmp_path, images)
    rough = np.kron(picture(7, (8, 16)), np.ones((4, 4, 1), np.uint8))
    save(rough, root / "images" / "i03.png")
    save(np.clip(rough.astype(int) + 3, 0, 255).astype(np.uint8), root / "images" / "i09.png")
    seen = survey(root)
    assert (seen.groups.config, seen.groups.count) == ("auto", 11)
    assert seen.groups.group_of["i03"] == seen.groups.group_of["i09"]


def test_a_test_list_without_labels_is_not_used(tmp_path):
    names = [f"i{number}" for number in range(8)]
    root = write_images(tmp_path, {name: [100, 100] for name in names}, train=names[:4], val=names[4:6], test=names[6:])
    for name in names[6:]:
        save(np.full(SMALL, 255, np.uint8), root / "masks" / f"{name}.png")
    seen = survey(root)
    assert seen.lists.test is None
    assert seen.lists.notes == ("the list test has no labels, as published ones may have none, and is not used",)


def test_parameters_of_a_source_are_kept(tmp_path):
    root = write_images(tmp_path, {f"i{number}": [100] for number in range(6)})
    (root / "masks" / "i3.png").unlink()
    (root / "dataset.json").write_text(json.dumps({"classes": ["background", "pore"]}))
    seen = survey(root, missing_mask="empty")
    assert seen.parameters == {"missing_mask": "empty"}
    assert seen.classes.loc["pore", "images"] == 5
