"""Which layout a folder holds, or which it could be and what is missing."""

import json
import shutil

import numpy as np
import pytest

from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.sources.recognition import recognise
from rarepix.settings import ConfigError
from tests import layouts
from tests.layouts import box, picture, save


def test_auto_is_the_reader_of_the_layout_that_fits(tmp_path):
    root = layouts.write_lesions(tmp_path / "eyes")
    assert open_source("auto", root).items("train") == open_source("lesions", root).items("train")
    assert open_source("auto", root, merge=True).labels.names == ("background", "lesion")
    with pytest.raises(ConfigError, match="the source lesions takes merge, but got values"):
        open_source("auto", root, values=(0, 255))


def test_a_table_of_colours_goes_before_indices(tmp_path):
    """CVAT exports the layout of VOC, and says in labelmap.txt what the colours mean."""
    root = layouts.write_colours(tmp_path / "signs")
    (root / "JPEGImages").mkdir()
    (root / "SegmentationClass").mkdir()
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split in ("train", "val"):
        names = sorted(file.stem for file in (root / split).iterdir())
        layouts.lines(root / "ImageSets" / "Segmentation" / f"{split}.txt", *names)
        for name in names:
            (root / split / f"{name}.png").rename(root / "JPEGImages" / f"{name}.png")
            (root / f"{split}_labels" / f"{name}_L.png").rename(root / "SegmentationClass" / f"{name}.png")
        shutil.rmtree(root / split)
        shutil.rmtree(root / f"{split}_labels")
    assert recognise(root).source == "colours"
    assert open_source("auto", root).lists() == ["all", "train", "val"]
    (root / "class_dict.csv").unlink()
    assert recognise(root).source == "voc"


def test_annotations_go_before_masks_and_this_is_told(tmp_path):
    root = layouts.write_coco(tmp_path / "parts")
    for name in ("train/a", "train/b", "val/c"):
        save(box(2, 2, 10, 12, 1), root / "masks" / f"{name}.png")
    assert recognise(root) == ("coco", ("folders",))
    assert "is read as coco, but could be folders, too: name data.source" in open_source("auto", root).assumed


def test_two_layouts_of_one_rank_are_not_chosen_from(tmp_path):
    root = layouts.write_coco(tmp_path / "both")
    layouts.write_cityscapes(root)
    with pytest.raises(DataError, match=r"several ways: cityscapes \(leftImg8bit, gtFine\); coco .*: name the one"):
        recognise(root)


def test_what_is_missing_is_said_for_every_layout_that_it_could_be(tmp_path):
    save(picture(0), tmp_path / "JPEGImages" / "a.jpg")
    (tmp_path / "SegmentationClass").mkdir()
    with pytest.raises(
        DataError, match=r"voc: has JPEGImages, SegmentationClass; lacks ImageSets/Segmentation"
    ) as caught:
        recognise(tmp_path)
    assert "folders: has folders of images and masks; lacks pairs (" in str(caught.value)


def test_masks_of_colours_need_a_table(tmp_path):
    save(picture(0), tmp_path / "images" / "a.jpg")
    save(picture(1), tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=r"folders: .*theirs are colours.* colours: .*lacks a table of colours"):
        recognise(tmp_path)
    colours = np.unique(picture(1).reshape(-1, 3), axis=0).tolist()
    table = {f"c{number}": colour for number, colour in enumerate(colours[:5])}
    (tmp_path / "colormap.json").write_text(json.dumps(table))
    assert recognise(tmp_path).source == "colours"


def test_a_dataset_inside_the_folder_is_named(tmp_path):
    layouts.write_polyp(tmp_path / "download" / "polyps")
    with pytest.raises(DataError, match=r"one inside it is: read .*download/polyps as polyp"):
        recognise(tmp_path / "download")


def test_a_folder_of_something_else_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"such as images beside masks, but holds notes.txt"):
        recognise(tmp_path)


def test_a_file_for_each_image_is_no_annotation_file(tmp_path):
    """labelme writes them; they are not all opened to find out."""
    root = layouts.write_folders(tmp_path / "parts")
    (root / "annotations").mkdir()
    for number in range(60):
        (root / "annotations" / f"{number}.json").write_text("{}")
    assert recognise(root).source == "folders"


def test_an_empty_mask_does_not_hide_that_masks_are_colours(tmp_path):
    for name, colour in (("a", (0, 0, 0)), ("b", (200, 0, 0))):
        save(picture(0), tmp_path / "images" / f"{name}.jpg")
        save(np.kron(box(2, 2, 10, 12, 1)[..., None], np.array(colour, np.uint8)), tmp_path / "masks" / f"{name}.png")
    layouts.lines(tmp_path / "class_dict.csv", "name,r,g,b", "background,0,0,0", "sign,200,0,0")
    assert recognise(tmp_path).source == "colours"
