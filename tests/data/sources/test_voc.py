"""The VOC layout: with and without a description, and with everything that can be missing."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from rarepix.data.inventory import read_mask
from rarepix.data.source import DataError, MissingFiles
from rarepix.data.sources import open_source
from rarepix.data.sources.voc import VOC_CLASSES, VocSource
from rarepix.labels import Task
from tests.layouts import save

LISTS = "ImageSets/Segmentation"


def describe(root, **description) -> None:
    (root / "dataset.json").write_text(json.dumps(description))


def test_what_the_description_says(tiny_voc):
    source = VocSource(tiny_voc)
    labels = source.labels
    assert (source.name, source.root) == ("tiny", tiny_voc)
    assert labels.names == ("ground", "block", "stripe", "dot")
    assert (labels.background, labels.ignore, labels.rare, labels.task) == (0, 255, ("dot",), Task.MULTICLASS)
    assert labels.palette[1] == (200, 60, 60)
    assert source.assumed == ""


def test_items_are_in_the_order_of_the_list(tiny_voc):
    items = VocSource(tiny_voc).items("val")
    assert [item.id for item in items] == [f"img{number:02}" for number in range(18, 24)]
    assert items[0].image == tiny_voc / "JPEGImages" / "img18.jpg"
    assert items[0].mask.path == tiny_voc / "SegmentationClass" / "img18.png"


def test_lists_are_all_that_are_there(damaged_voc):
    (damaged_voc / LISTS / "all.txt").write_text("")
    assert VocSource(damaged_voc).lists() == ["all", "train", "val"]


def test_without_a_description_it_is_voc_2012(damaged_voc):
    (damaged_voc / "dataset.json").unlink()
    source = VocSource(damaged_voc)
    assert source.name == "damaged"
    assert source.labels.names == VOC_CLASSES
    assert (source.labels.count, source.labels.names[15], source.labels.background) == (21, "person", 0)
    assert source.assumed.startswith(f"{damaged_voc} has no dataset.json: ids 0 to 20 are taken for")
    assert f'write {damaged_voc}/dataset.json, such as {{"classes": [' in source.assumed


def test_classes_alone_are_enough(damaged_voc):
    describe(damaged_voc, classes=["road", "car"])
    labels = VocSource(damaged_voc).labels
    assert (labels.names, labels.background, labels.ignore, labels.rare) == (("road", "car"), None, 255, ())


def test_a_binary_task(damaged_voc):
    describe(damaged_voc, classes=["plate", "defect"], task="binary", ignore_index=None)
    labels = VocSource(damaged_voc).labels
    assert (labels.task, labels.channels, labels.background) == (Task.BINARY, 1, 0)
    assert (labels.rare, labels.ignore) == (("defect",), 255)
    describe(damaged_voc, classes=["plate", "defect"], task="binary", rare_classes=["plate"])
    assert VocSource(damaged_voc).labels.rare == ("plate",)


def test_images_may_be_png(damaged_voc):
    Image.open(damaged_voc / "JPEGImages" / "img00.jpg").save(damaged_voc / "JPEGImages" / "img00.png")
    (damaged_voc / "JPEGImages" / "img00.jpg").unlink()
    assert VocSource(damaged_voc).items("train")[0].image.name == "img00.png"


def test_blank_lines_and_windows_line_ends(damaged_voc):
    (damaged_voc / LISTS / "odd.txt").write_bytes(b"img03\r\n\r\n  img01\r\n")
    assert [item.id for item in VocSource(damaged_voc).items("odd")] == ["img03", "img01"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", r"odd\.txt must name at least one image, but is empty"),
        ("\n \n", r"odd\.txt must name at least one image, but is empty"),
        ("img01\nimg02\nimg01\n", r"odd\.txt must name each image once, but names these more often: img01"),
        ("img01 1\nimg02 -1\n", r"odd\.txt must hold one image id a line .*, but its first line is 'img01 1'"),
        (
            "img01\nimg99\n",
            r"odd\.txt needs an image and a mask, but missing: .*img99\.jpg, .*img99\.png: add them, or take",
        ),
    ],
)
def test_refuses_lists(damaged_voc, lines, message):
    (damaged_voc / LISTS / "odd.txt").write_text(lines)
    with pytest.raises(DataError, match=message):
        VocSource(damaged_voc).items("odd")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("img01\n".encode("utf-16"), r"odd\.txt must be UTF-8 text, .*, but byte 0 is 0xff: save it as UTF-8"),
        ("img01\n".encode("utf-16-le"), r"odd\.txt must be UTF-8 text, .*, but it holds zero bytes: save it as UTF-8"),
        ("straße\n".encode("latin-1"), r"odd\.txt must be UTF-8 text, .*, but byte 4 is 0xdf: save it as UTF-8"),
        (b"img01," * 100, r"every id in .*odd\.txt must name files .*, but: .*File name too long.*: correct the id"),
    ],
)
def test_refuses_lists_that_are_no_text_of_ids(damaged_voc, content, message):
    (damaged_voc / LISTS / "odd.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        VocSource(damaged_voc).items("odd")


def test_a_folder_that_is_called_like_a_list(damaged_voc):
    (damaged_voc / LISTS / "odd.txt").mkdir()
    with pytest.raises(DataError, match=r"odd\.txt must be a file that can be read, but: Is a directory: repair it"):
        VocSource(damaged_voc).items("odd")


def test_a_byte_order_mark_and_blanks_in_names(damaged_voc):
    for folder, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        (damaged_voc / folder / f"img03.{suffix}").rename(damaged_voc / folder / f"my image.{suffix}")
    (damaged_voc / LISTS / "odd.txt").write_text("img01\nmy image\n", encoding="utf-8-sig")
    assert [item.id for item in VocSource(damaged_voc).items("odd")] == ["img01", "my image"]


def test_a_list_that_is_not_there(tiny_voc):
    with pytest.raises(DataError, match=r"test\.txt must exist, but does not: this dataset has the lists train, val"):
        VocSource(tiny_voc).items("test")


def test_a_missing_mask_is_named(damaged_voc):
    (damaged_voc / "SegmentationClass" / "img05.png").unlink()
    with pytest.raises(
        DataError, match=r"needs an image and a mask, but missing: [^ ]*SegmentationClass/img05\.png: add them"
    ):
        VocSource(damaged_voc).items("train")


def test_missing_files_come_with_all_items(damaged_voc):
    (damaged_voc / "SegmentationClass" / "img05.png").unlink()
    with pytest.raises(MissingFiles) as caught:
        VocSource(damaged_voc).items("train")
    assert [item.id for item in caught.value.items] == [f"img{number:02}" for number in range(18)]


def test_many_missing_files_are_counted(damaged_voc):
    for file in (damaged_voc / "SegmentationClass").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"img04\.png and 13 more: add them"):
        VocSource(damaged_voc).items("train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"dataset\.json: Invalid JSON: EOF"),
        (
            '{"classes": ["a"], "classes": ["b"]}',
            r"dataset\.json must give every key once, but gives classes more often",
        ),
        ("[]", r"dataset\.json: Input should be an object"),
        ('{"classes": "road"}', r"dataset\.json: classes: Input should be a valid array, but got 'road'"),
        ("{}", r"dataset\.json: classes must be given, but is not"),
        ('{"classes": []}', r"dataset\.json: classes: List should have at least 1 item"),
        ('{"classes": [0, 1]}', r"dataset\.json: classes\.0: Input should be a valid string, but got 0"),
        ('{"classes": ["a"], "name": 5}', r"dataset\.json: name: Input should be a valid string, but got 5"),
        (
            '{"classes": ["a", "b"], "palette": [[1, 2, 3]]}',
            r"palette must have a colour for each of the 2 class",
        ),
        ('{"classes": ["a"], "palette": ["#000000"]}', r"dataset\.json: palette\.0: Input should be a valid array"),
        (
            '{"classes": ["a"], "palette": [[1, 2, 256]]}',
            r"palette\.0\.2: Input should be less than or",
        ),
        ('{"classes": ["a", "a"]}', r"dataset\.json: class names must be given and differ"),
        ('{"classes": ["a", "b"], "ignore_index": 1}', r"dataset\.json: the ignore id must be from 2 to 255"),
        (
            '{"classes": ["a", "b"], "rare_classes": ["c"]}',
            r"dataset\.json: rare classes must be among \['a', 'b'\], but got",
        ),
        (
            '{"classes": ["a", "b"], "task": "regression"}',
            r"dataset\.json: task: Input should be 'binary', 'multiclass'",
        ),
        ('{"classes": ["a", "b"], "task": "multilabel"}', r"one id a pixel, .* but is multilabel: .* source lesions"),
        (
            '{"classes": ["a", "b"], "soft": true}',
            r"soft masks go with task binary or multilabel .* multiclass",
        ),
        (
            '{"classes": ["a", "b"], "task": "binary", "soft": true}',
            r"masks in VOC layout hold ids, so soft must be false, but is true: .* source lesions",
        ),
        ('{"classes": ["a", "b", "c"], "task": "binary"}', r"dataset\.json: a binary task must have two classes"),
    ],
)
def test_refuses_descriptions(damaged_voc, text, message):
    (damaged_voc / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=message):
        VocSource(damaged_voc)


def test_refuses_a_folder_of_another_layout(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    message = r"must hold a dataset in VOC layout, but has no SegmentationClass, no ImageSets/Segmentation"
    with pytest.raises(FileNotFoundError, match=message):
        open_source("voc", tmp_path)


def test_refuses_no_folder(tmp_path):
    todo = r": draw the demo data with 'rarepix demo-data data/demo', or give the folder of your own"
    with pytest.raises(FileNotFoundError, match=rf"must be a folder, but \S+nowhere does not exist{todo}"):
        open_source("voc", tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match=rf"must be a folder, but \S+file is a file{todo}"):
        open_source("voc", tmp_path / "file")


def test_refuses_an_unknown_layout(tiny_voc):
    with pytest.raises(ValueError, match=r"unknown data\.source 'vok': did you mean 'voc'\? valid: "):
        open_source("vok", tiny_voc)


def rename_all(folder, suffix: str) -> None:
    for file in list(folder.iterdir()):
        with Image.open(file) as image:
            image.save(file.with_suffix(f".{file.stem[-1]}"), format="TIFF" if "tif" in suffix.lower() else "PNG")
        file.with_suffix(f".{file.stem[-1]}").rename(file.with_suffix(suffix))
        file.unlink()


@pytest.mark.parametrize("suffix", [".PNG", ".tif", ".TIFF"])
def test_images_and_masks_of_any_lossless_format(damaged_voc, suffix):
    expected = [read_mask(item) for item in VocSource(damaged_voc).items("train")]
    rename_all(damaged_voc / "SegmentationClass", suffix)
    rename_all(damaged_voc / "JPEGImages", suffix)
    items = VocSource(damaged_voc).items("train")
    assert [item.id for item in items] == [f"img{number:02}" for number in range(18)]
    assert {file.suffix for item in items for file in (item.image, *item.mask.files)} == {suffix}
    assert all((read_mask(item) == mask).all() for item, mask in zip(items, expected, strict=True))


def test_a_mask_as_jpeg_is_named_but_not_read(damaged_voc):
    mask = damaged_voc / "SegmentationClass" / "img00.png"
    Image.open(mask).convert("L").save(mask.with_suffix(".jpg"))
    mask.unlink()
    with pytest.raises(MissingFiles, match=r"img00\.png: add them, .* \(there is img00\.jpg: rename or convert it\)"):
        VocSource(damaged_voc).items("train")


def test_lines_with_suffixes_and_folders(damaged_voc):
    (damaged_voc / LISTS / "odd.TXT").write_text("img03.jpg\nJPEGImages/img01.jpg\nimg02.png\nimg00\n")
    assert "odd" in VocSource(damaged_voc).lists()
    assert [item.id for item in VocSource(damaged_voc).items("odd")] == ["img03", "img01", "img02", "img00"]
    (damaged_voc / LISTS / "odd.TXT").write_text("img03.jpg\nimg03\n")
    with pytest.raises(DataError, match=r"odd\.TXT must name each image once, but names these more often: img03"):
        VocSource(damaged_voc).items("odd")


def test_names_with_blanks_everywhere(damaged_voc):
    for folder, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        for number in (3, 4):
            file = damaged_voc / folder / f"img{number:02}.{suffix}"
            file.rename(file.with_name(f"my image {number}.{suffix}"))
    (damaged_voc / LISTS / "odd.txt").write_text("my image 3\nmy image 4.jpg\n")
    assert [item.id for item in VocSource(damaged_voc).items("odd")] == ["my image 3", "my image 4"]


def test_companions_of_macos_are_no_lists(damaged_voc):
    (damaged_voc / LISTS / "._train.txt").write_bytes(b"\0\5\x16\7Mac OS X")
    assert VocSource(damaged_voc).lists() == ["train", "val"]


def write_masks(root, *masks: list[int]) -> VocSource:
    """Replace the dataset by one of two classes with masks of one row each, and return its source."""
    describe(root, classes=["plate", "defect"], task="binary")
    for folder in ("JPEGImages", "SegmentationClass"):
        shutil.rmtree(root / folder)
    for number, mask in enumerate(masks):
        save(np.array([mask], np.uint8), root / "SegmentationClass" / f"m{number}.png")
        save(np.zeros((1, len(mask), 3), np.uint8), root / "JPEGImages" / f"m{number}.jpg")
    (root / LISTS / "train.txt").write_text("".join(f"m{number}\n" for number in range(len(masks))))
    return VocSource(root)


@pytest.mark.parametrize(
    ("masks", "read", "held"),
    [
        ([[0, 255], [0, 255]], [[0, 1], [0, 1]], "2 of 2"),
        ([[0, 255], [0, 1], [255, 255]], [[0, 1], [0, 1], [1, 1]], "2 of 3"),
        ([[0, 1], [0, 0]], [[0, 1], [0, 0]], None),
        ([[0, 1, 255], [0, 0, 255]], [[0, 1, 255], [0, 0, 255]], None),  # 255 is around objects: ignored
    ],
)
def test_two_classes_saved_as_0_and_255(damaged_voc, masks, read, held):
    source = write_masks(damaged_voc, *masks)
    assert [read_mask(item)[0].tolist() for item in source.items("train")] == read
    told = f"{held} masks in {damaged_voc}/SegmentationClass hold 255, and none holds both 1 and 255: 255 is taken for"
    assert source.assumed.startswith(told) if held else not source.assumed


def test_255_is_ignored_where_the_description_says_so(damaged_voc):
    write_masks(damaged_voc, [0, 255], [0, 1])
    describe(damaged_voc, classes=["plate", "defect"], task="binary", ignore_index=255)
    source = VocSource(damaged_voc)
    assert [read_mask(item)[0].tolist() for item in source.items("train")] == [[0, 255], [0, 1]]
    assert source.assumed == ""


def test_masks_written_anew_are_looked_at_anew(damaged_voc):
    assert write_masks(damaged_voc, [0, 255]).assumed
    assert not write_masks(damaged_voc, [0, 1, 255]).assumed
