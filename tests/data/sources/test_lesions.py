"""Lesion folders: both layouts say the same, a missing file is an absent lesion, and nothing is passed over."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rarepix.data.inventory import read_mask, take_inventory
from rarepix.data.masks import LayerMask
from rarepix.data.source import DataError, MissingFiles
from rarepix.data.sources import open_source
from rarepix.data.sources.lesions import MERGED_LABELS, LesionSource, read_description
from rarepix.labels import SOFT_SCALE, Task
from tests.layouts import LESION_BOXES, LESIONS, SIZE, box, lines, save, write_lesions, write_published_lesions

WRITERS = {"image": write_published_lesions, "lesion": write_lesions}


@pytest.fixture(params=WRITERS)
def root(request, tmp_path):
    return WRITERS[request.param](tmp_path / "eyes")


@pytest.fixture
def published(tmp_path):
    return write_published_lesions(tmp_path / "eyes")


@pytest.fixture
def described(tmp_path):
    return write_lesions(tmp_path / "eyes")


def describe(root, **changes) -> None:
    file = root / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def expected(image: str) -> np.ndarray:
    boxes = LESION_BOXES[image]
    return np.stack([box(*boxes[code], 1) if code in boxes else np.zeros(SIZE) for code in LESIONS.values()], axis=2)


def test_every_lesion_is_a_layer(root):
    source = LesionSource(root)
    assert (source.name, source.labels.names) == ("eyes", tuple(LESIONS))
    assert (source.labels.task, source.labels.background, source.labels.channels) == (Task.MULTILABEL, None, 3)
    for name in source.lists():
        for item in source.items(name):
            assert (read_mask(item) == expected(item.id)).all()


def test_merged_is_their_union(root):
    source = LesionSource(root, merge=True)
    assert source.labels == MERGED_LABELS
    assert (source.labels.task, source.labels.channels, source.labels.rare) == (Task.BINARY, 1, ("lesion",))
    for item in source.items("train"):
        assert (read_mask(item) == expected(item.id).max(axis=2)).all()
    table = take_inventory(source.items("train"), source.labels)
    assert table.loc["a", "lesion"] == 4 * 6 + 6 * 6 - 2 * 4
    assert table.loc["a", ["background", "lesion"]].sum() == 24 * 32


def test_a_file_that_is_not_there_is_an_absent_lesion(published):
    (item,) = LesionSource(published).items("val")
    assert item.mask == LayerMask((None, None, None))
    assert item.mask.files == ()
    assert read_mask(item).shape == (*SIZE, 3)
    assert not read_mask(item).any()
    assert not read_mask(LesionSource(published, merge=True).items("val")[0]).any()


def test_a_folder_that_is_not_there_is_an_image_without_lesions(published):
    (published / "lesion_segs_24x32/d").rmdir()
    assert LesionSource(published).items("val")[0].mask.files == ()


def test_a_binary_description_merges(described):
    describe(described, task="binary")
    assert LesionSource(described).labels == MERGED_LABELS


def test_grey_values_that_count(published):
    """The first lesion of each image is written with 127, the second with 255."""
    assert "every grey value above 0 of a mask is taken for its lesion" in LesionSource(published).assumed
    (published / "dataset.json").write_text(json.dumps({"classes": [*LESIONS], "above": 127}))
    source = LesionSource(published)
    assert source.assumed == ""
    table = take_inventory(source.items("train"), source.labels)
    assert table.loc["a"].tolist()[:3] == [0, 36, 0]


def test_soft_lesions(published):
    """The first lesion of each image is written with 127, the second with 255."""
    (published / "dataset.json").write_text(json.dumps({"classes": [*LESIONS], "soft": True}))
    source = LesionSource(published)
    assert (source.labels.scale, source.labels.task, source.assumed) == (SOFT_SCALE, Task.MULTILABEL, "")
    mask = read_mask(source.items("train")[0])
    assert [np.unique(mask[..., number]).tolist() for number in range(3)] == [[0, 127], [0, 254], [0]]
    assert take_inventory(source.items("train"), source.labels).loc["a"].tolist()[:3] == [0, 36, 0]
    merged = open_source("lesions", published, merge=True)
    assert merged.labels == replace(MERGED_LABELS, scale=SOFT_SCALE)
    assert np.unique(read_mask(merged.items("train")[0])).tolist() == [0, 127, 254]


def test_lists_are_the_files_of_words(described):
    assert LesionSource(described).lists() == ["test", "train", "val"]  # the licence is none
    lines(described / "fold1.txt", "a", "c")
    assert "fold1" in LesionSource(described).lists()


def test_folders_may_be_named(described):
    (described / "images").rename(described / "photographs")
    (described / "masks").rename(described / "expert 2")
    describe(described, images="photographs", masks="expert 2")
    assert len(LesionSource(described).items("train")) == 3


def test_files_may_be_called_by_name_or_code(published):
    folder = published / "lesion_segs_24x32" / "a"
    (folder / "haemorrhage.png").rename(folder / "HE.png")
    assert (read_mask(LesionSource(published).items("train")[0]) == expected("a")).all()


def test_class_names_alone_are_enough(described):
    (described / "dataset.json").unlink()
    lines(described / "class_names.txt", *LESIONS.values())
    assert LesionSource(described).labels.names == tuple(LESIONS.values())


def test_a_missing_image_is_named(root):
    next(root.glob("images*/b.jpg")).unlink()
    with pytest.raises(MissingFiles, match=r"missing: [^ ]*b\.jpg: add them"):
        LesionSource(root).items("train")


def test_a_lesion_that_is_not_named(root):
    folder = root / "lesion_segs_24x32" / "b" if (root / "lesion_segs_24x32").is_dir() else root / "masks" / "drusen"
    save(box(0, 0, 2, 2), folder / ("drusen.png" if folder.name == "b" else "b.png"))
    with pytest.raises(DataError, match=r"must be of a lesion that is named \(.*\), but .* is of 'drusen': name it"):
        LesionSource(root).items("train")


def test_a_lesion_with_two_masks(published):
    folder = published / "lesion_segs_24x32" / "a"
    shutil.copyfile(folder / "haemorrhage.png", folder / "HE.png")
    with pytest.raises(DataError, match=r"must have one mask in an image, but has .*HE\.png and .*haemorrhage\.png"):
        LesionSource(published).items("train")


def test_masks_that_are_called_otherwise(described):
    for file in (described / "masks/SE").iterdir():
        file.rename(file.with_name(f"{file.stem}_SE.png"))
    with pytest.raises(
        DataError, match=r"called like their images, but none of those in .*masks/SE is \(a_SE\.png, …\)"
    ):
        LesionSource(described).items("train")


def test_masks_of_another_format(described):
    expected = read_mask(LesionSource(described).items("train")[1])
    save(255 * expected[..., 2], described / "masks/SE/b.TIF")
    (described / "masks/SE/b.png").unlink()
    assert (read_mask(LesionSource(described).items("train")[1]) == expected).all()
    (described / "masks/SE/a.png").rename(described / "masks/SE/a.jpg")
    with pytest.raises(DataError, match=r"must be \.png, \.bmp, \.tif, .* files, but there is .*a\.jpg: convert it"):
        LesionSource(described).items("train")


def test_folders_of_neither_lesions_nor_images(described):
    for code in LESIONS.values():
        (described / "masks" / code).rename(described / "masks" / f"{code}2")
    with pytest.raises(DataError, match=r"must hold a folder for each lesion \(HE, .*but holds EX2, HE2, SE2: rename"):
        LesionSource(described).items("train")


def test_layers_of_different_sizes(described):
    save(np.zeros((5, 5), np.uint8), described / "masks/EX/b.png")
    with pytest.raises(DataError, match=r"one size, but .*EX/b\.png has 5×5 and .*HE/b\.png has 32×24: put"):
        take_inventory(LesionSource(described).items("train"), LesionSource(described).labels)


@pytest.mark.parametrize(("missing", "message"), [("images", r"no folder images"), ("masks", r"no folder masks")])
def test_folders_that_are_not_there(described, missing, message):
    shutil.rmtree(described / missing)
    with pytest.raises(FileNotFoundError, match=message):
        LesionSource(described)


def test_several_folders_that_could_be_meant(published):
    (published / "images_12x16").mkdir()
    with pytest.raises(
        DataError, match=r"one folder of images, but has images_12x16, images_24x32: name .*\"images\":"
    ):
        LesionSource(published)


def test_dataset_json_comes_first(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["a", "b"], "codes": ["A", "B"], "above": 5}))
    (tmp_path / "classes.txt").write_text("c\n")
    description = read_description(tmp_path)
    assert (description.numbers(), description.above) == ({"a": 0, "b": 1, "A": 0, "B": 1}, 5)


@pytest.mark.parametrize("file", ["classes.txt", "class_names.txt"])
@pytest.mark.parametrize(("text", "numbers"), [("a\n\nb b \n", {"a": 0, "b b": 1}), ("a,A\n", {"a": 0, "A": 0})])
def test_names_in_a_text_file(tmp_path, file, text, numbers):
    (tmp_path / file).write_text(text)
    assert read_description(tmp_path).numbers() == numbers


def test_refuses_text_files_of_another_encoding(tmp_path):
    (tmp_path / "classes.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError, match=r"classes\.txt must be UTF-8 text"):
        read_description(tmp_path)


@pytest.mark.parametrize("text", ["", "a,b,c\n", "a,A\nb\n", "a,\n"])
def test_refuses_text_files(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(DataError, match=r"classes\.txt must hold a name, or a name and its code"):
        read_description(tmp_path)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"classes": ["a"], "codes": ["A", "B"]}, r"codes must name each of the 1 classes, but has 2"),
        ({"classes": ["a"], "task": "multiclass"}, r"task must be multilabel or binary, since lesions overlap"),
        ({"classes": ["background", "a"]}, r"classes must be the lesions alone, but one is background: leave it out"),
        ({"classes": ["a", "b"], "codes": ["x", "x"]}, r"codes must tell the classes apart, but 'x' is of 'a' and 'b'"),
        ({"classes": ["a", "b"], "codes": ["b", "c"]}, r"codes must tell the classes apart, but 'b' is of 'b' and 'a'"),
        ({"classes": ["a"], "above": 255}, r"above: Input should be less than 255"),
        ({"classes": ["a"], "above": 0, "soft": True}, r"above cuts grey values that are shares where soft is true"),
        ({"classes": ["a"], "task": "multiclass", "soft": True}, r"task must be multilabel or binary, since lesions"),
        ({"classes": ["a"], "soft": "yes"}, r"soft: Input should be a valid boolean"),
    ],
)
def test_refuses_descriptions(tmp_path, description, message):
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(DataError, match=rf"dataset\.json: {message}"):
        read_description(tmp_path)


def test_soft_lesions_have_the_usual_ignore_id(described):
    describe(described, soft=True, ignore_index=9)
    with pytest.raises(DataError, match=r"dataset\.json: soft masks go with .* the ignore id 255, but .* ignore id 9"):
        LesionSource(described)


def test_refuses_a_folder_without_names(tmp_path):
    with pytest.raises(DataError, match=r"has no dataset\.json, no classes\.txt and no class_names\.txt: write"):
        read_description(tmp_path)


def test_lists_of_names_with_blanks(described):
    for file in [described / "images/a.jpg", *described.glob("masks/*/a.png")]:
        file.rename(file.with_stem("left eye"))
    (described / "train.txt").write_text("left eye\n")
    (described / "._val.txt").write_bytes(b"\0\5\x16\7Mac OS X")
    source = LesionSource(described)
    assert source.lists() == ["test", "train", "val"]  # and not the licence
    assert [item.id for item in source.items("train")] == ["left eye"]
