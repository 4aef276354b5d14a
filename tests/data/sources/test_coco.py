"""COCO annotations: pixels as pycocotools has them, categories, overlaps, crowds, and what is wrong with a file."""

import json
import re

import numpy as np
import pytest
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from rarepix.data.inventory.inspection import inspect_dataset
from rarepix.data.masks import read_mask
from rarepix.data.source import DataError, FaultyList
from rarepix.data.sources import open_source
from tests.data.sources.bars import no_bar
from tests.layouts import picture, save

SIZE = (6, 6)
SQUARE = [1, 1, 4, 1, 4, 3, 1, 3]
"""Columns 1 to 3, rows 1 and 2."""
CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 3, "name": "ant"}]


def annotation(number, segmentation, category=3, **more):
    return {"id": number, "image_id": 1, "category_id": category, "segmentation": segmentation, "iscrowd": 0} | more


def write(root, *annotations, categories=CATEGORIES, size=SIZE, name="train", images=("a.png",)):
    rows, columns = size
    entries = [{"id": n, "file_name": file, "height": rows, "width": columns} for n, file in enumerate(images, 1)]
    for seed, file in enumerate(images):
        save(picture(seed, size), root / name / file)
    content = {"images": entries, "annotations": list(annotations), "categories": categories}
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))
    return root


def read(root, **parameters):
    return read_mask(open_source("coco", root, **parameters).items("train")[0])


def test_a_polygon_by_hand(tmp_path):
    expected = np.zeros(SIZE, np.uint8)
    expected[1:3, 1:4] = 1
    assert (read(write(tmp_path, annotation(1, [SQUARE]))) == expected).all()


def test_run_lengths_by_hand(tmp_path):
    """Column by column: 7 pixels outside, 2 inside, 4 outside, 2 inside, and the rest outside."""
    expected = np.zeros(SIZE, np.uint8)
    expected[1:3, 1:3] = 1
    rle = {"size": [6, 6], "counts": [7, 2, 4, 2, 21]}
    assert (read(write(tmp_path, annotation(1, rle))) == expected).all()


def test_categories_become_classes_in_the_order_of_their_ids(tmp_path):
    write(tmp_path, annotation(1, [SQUARE], category=7))
    assert open_source("coco", tmp_path).labels.names == ("background", "ant", "cat")
    assert np.unique(read(tmp_path)).tolist() == [0, 2]


def test_classes_that_differ_in_case_are_two(tmp_path):
    write(
        tmp_path, annotation(1, [SQUARE], category=2), categories=[{"id": 1, "name": "Ant"}, {"id": 2, "name": "ant"}]
    )
    assert np.unique(read(tmp_path)).tolist() == [0, 2]


def test_a_category_called_background_is_the_background(tmp_path):
    write(tmp_path, annotation(1, [SQUARE], category=9), categories=[*CATEGORIES, {"id": 9, "name": "Background"}])
    assert open_source("coco", tmp_path).labels.names == ("background", "ant", "cat")
    assert not read(tmp_path).any()


def test_a_category_that_only_groups_others_is_left_out(tmp_path):
    grouped = [{"id": 0, "name": "pets", "supercategory": "none"}]
    grouped += [row | {"supercategory": "pets"} for row in CATEGORIES]
    write(tmp_path, annotation(1, [SQUARE]), categories=grouped)
    source = open_source("coco", tmp_path)
    assert source.labels.names == ("background", "ant", "cat")
    assert "category 'pets' only groups others" in source.assumed


def test_a_category_that_is_its_own_group_is_a_class_without_an_annotation_too(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]), categories=[row | {"supercategory": row["name"]} for row in CATEGORIES])
    source = open_source("coco", tmp_path)
    assert source.labels.names == ("background", "ant", "cat")
    assert "groups others" not in source.assumed


@pytest.mark.parametrize("form", ["polygons", "uncompressed", "compressed"])
@pytest.mark.parametrize("seed", range(5))
def test_pixels_are_those_of_pycocotools(tmp_path, form, seed):
    """Random objects of one class, against what COCO's own reader makes of the same file."""
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(20, 60)), int(rng.integers(20, 60)))
    annotations = []
    for number in range(1, 5):
        if form == "polygons":
            polygons = [(rng.random(2 * rng.integers(3, 9)) * 0.98 * min(size)).round(2).tolist() for _ in range(2)]
            annotations.append(annotation(number, polygons))
            continue
        random = np.asfortranarray(rng.random(size) < 0.3, np.uint8)
        encoded = run_lengths.encode(random)["counts"].decode()
        changes = np.flatnonzero(np.diff(random.ravel(order="F"), prepend=0))
        counts = np.diff([0, *changes, random.size]).tolist()
        annotations.append(
            annotation(number, {"size": list(size), "counts": encoded if form == "compressed" else counts})
        )
    write(tmp_path, *annotations, size=size)
    theirs = COCO(tmp_path / "annotations" / "instances_train.json")
    expected = np.maximum.reduce([theirs.annToMask(row) for row in theirs.loadAnns(theirs.getAnnIds())])
    assert (read(tmp_path) == expected).all()


def test_the_smaller_object_is_on_top_and_overlaps_are_counted(tmp_path):
    small = [2, 1, 3, 1, 3, 3, 2, 3]
    expected = np.zeros(SIZE, np.uint8)
    expected[1:3, 1:4] = 2
    expected[1:3, 2] = 1
    for order in ((1, 2), (2, 1)):
        shapes = {1: annotation(1, [small], category=3), 2: annotation(2, [SQUARE], category=7)}
        source = open_source("coco", write(tmp_path, *(shapes[number] for number in order)))
        (item,) = source.items("train")
        assert (read_mask(item) == expected).all()
        assert item.mask.draw(SIZE).overlapping == 2
        assert "the smaller object is on top" in source.assumed


def test_the_inventory_tells_overlaps_and_what_is_cut(tmp_path):
    far = [[4, 4, 9, 4, 9, 9, 4, 9]]
    write(tmp_path, annotation(1, [[2, 1, 3, 1, 3, 3, 2, 3]]), annotation(2, [SQUARE], category=7), annotation(3, far))
    result = inspect_dataset(open_source("coco", tmp_path), ["train"], no_bar)
    assert result.problems == []
    assert [(problem.kind, problem.image) for problem in result.warnings] == [("objects that overlap", "a"),
        ("objects that reach beyond their image", "a")]  # fmt: skip
    assert result.warnings[0].message.startswith("2 pixels in 1 of 1 images are of several classes (a): where objects")
    assert result.warnings[1].message.startswith("1 objects in 1 of 1 images reach more than a pixel beyond")


def test_of_two_objects_of_one_size_the_later_is_on_top(tmp_path):
    write(tmp_path, annotation(1, [SQUARE], category=7), annotation(2, [SQUARE], category=3))
    assert np.unique(read(tmp_path)).tolist() == [0, 1]


def test_crowds_are_ignored_where_no_object_is(tmp_path):
    everything = {"size": [6, 6], "counts": [0, 36]}
    write(tmp_path, annotation(1, [SQUARE]), annotation(2, everything, iscrowd=1))
    mask = read(tmp_path)
    assert (int((mask == 1).sum()), int((mask == 255).sum())) == (6, 30)
    assert "1 regions of crowds (iscrowd) are ignored" in open_source("coco", tmp_path).assumed


def test_an_image_without_annotation_is_background_and_told(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]), images=("a.png", "b.png"))
    source = open_source("coco", tmp_path)
    assert not read_mask(source.items("train")[1]).any()
    assert "1 images have no annotation and are background only" in source.assumed


def test_an_annotation_file_lies_beside_the_images_of_its_split(tmp_path):
    for split in ("train", "valid"):
        write(tmp_path / "tmp", annotation(1, [SQUARE]), name=split, images=(f"{split}_1.jpg",))
        (tmp_path / split).mkdir()
        (tmp_path / "tmp" / "annotations" / f"instances_{split}.json").rename(
            tmp_path / split / "_annotations.coco.json"
        )
        (tmp_path / "tmp" / split / f"{split}_1.jpg").rename(tmp_path / split / f"{split}_1.jpg")
    source = open_source("coco", tmp_path)
    assert source.lists() == ["all", "train", "valid"]
    assert [item.id for item in source.items("all")] == ["train_1", "valid_1"]


def test_lists_that_share_names_have_the_list_in_their_ids(tmp_path):
    for split in ("train", "val"):
        write(tmp_path, annotation(1, [SQUARE]), name=split)
    source = open_source("coco", tmp_path)
    assert [item.id for item in source.items("all")] == ["train__a", "val__a"]
    assert {item.image.parent.name for item in source.items("all")} == {"train", "val"}


def test_an_image_in_two_lists_is_one_image(tmp_path):
    """So that a training and a validation list that overlap are refused."""
    write(tmp_path, annotation(1, [SQUARE]), images=("a.png", "b.png"))
    (tmp_path / "train").rename(tmp_path / "images")
    content = json.loads((tmp_path / "annotations" / "instances_train.json").read_text())
    other = tmp_path / "annotations" / "instances_val.json"
    content["annotations"][0]["id"] = 9
    other.write_text(json.dumps(content | {"images": content["images"][:1]}))
    source = open_source("coco", tmp_path)
    assert [[item.id for item in source.items(name)] for name in ("train", "val")] == [["a", "b"], ["a"]]
    assert [item.id for item in source.items("all")] == ["a", "b"]
    content["annotations"][0]["category_id"] = 7
    other.write_text(json.dumps(content))
    with pytest.raises(FaultyList, match=r"the same objects in every list, but in .*val.json these have others: a: c"):
        open_source("coco", tmp_path).items("all")


def test_two_names_that_are_found_to_be_one_file_are_refused(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]), images=("a.png", "b/a.png"))
    assert [item.id for item in open_source("coco", tmp_path).items("train")] == ["a", "b__a"]
    (tmp_path / "train" / "b" / "a.png").unlink()
    with pytest.raises(FaultyList, match=r"must be a file of its own, .* one: a.png and b/a.png \(.*train/a.png\)"):
        open_source("coco", tmp_path).items("train")


def test_boxes_are_masks_only_if_the_recipe_says_so(tmp_path):
    write(tmp_path, annotation(4, [], bbox=[1, 1, 3, 2]))
    with pytest.raises(DataError, match=r"annotation 4 must have an outline .*, but has a box only \(data.boxes=fill"):
        read(tmp_path)
    expected = np.zeros(SIZE, np.uint8)
    expected[1:3, 1:4] = 1
    assert (read(tmp_path, boxes="fill") == expected).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (annotation(9, [[1, 1, 4, 1, 4]]), "must have x and y .* has 5 numbers, which is odd"),
        (annotation(9, [[1, 1, 4, 4]]), "must have at least three corners, but polygon 1 of 1 has 2"),
        (annotation(9, [SQUARE, [8, 8, 9, 8, 9, 9]]), r"must lie in its image of 6×6 .* polygon 2 of 2 spans"),
        (annotation(9, [[1, 1, 4, None, 4, 3]]), "must have numbers for corners"),
        (annotation(9, []), "must have at least three corners"),
        (annotation(9, {"size": [6, 6], "counts": [30, 7]}), "must have run lengths that sum to 36.*sum to 37"),
        (annotation(9, {"size": [6, 6], "counts": [30, 3]}), "must have run lengths that sum to 36.*sum to 33"),
        (annotation(9, {"size": [6, 6], "counts": [40, -4]}), "must have run lengths .* hold -4"),
        (annotation(9, {"size": [5, 6], "counts": [30]}), r"must have run lengths for its image of 6×6 .*6×5"),
        (annotation(9, {"size": [6, 6], "counts": "o~"}), "must have compressed run lengths.*'~'"),
        (annotation(9, {"size": [6, 6]}), "must have polygons, or run lengths with size and counts"),
        (annotation(9, [SQUARE], category=5), r"must be of a category \(3, 7\), but has 5"),
    ],
)  # fmt: skip
def test_a_wrong_annotation_is_named(tmp_path, wrong, message):
    with pytest.raises(DataError, match=f"instances_train.json: annotation 9 {message}"):
        read(write(tmp_path, annotation(1, [SQUARE]), wrong))


def test_all_faults_are_found_in_one_run_of_the_inventory(tmp_path):
    write(
        tmp_path,
        annotation(1, [[1, 1, 4, 1, 4]]),
        annotation(2, [SQUARE], category=5),
        annotation(3, [SQUARE], image_id=77),
        annotation(4, {"size": [6, 6], "counts": [40]}, image_id=2),
        images=("a.png", "b.png", "c.png"),
    )
    (tmp_path / "train" / "c.png").unlink()
    result = inspect_dataset(open_source("coco", tmp_path), ["train"], no_bar)
    messages = "\n".join(problem.message for problem in result.problems)
    assert "annotation 3 (image_id 77)" in messages
    assert "annotation 1 must have x and y of every corner" in messages
    assert "annotation 2 must be of a category" in messages
    assert "annotation 4 must have run lengths" in messages
    assert "c.png must exist" in messages
    assert len(result.problems) == 4


def test_a_polygon_that_reaches_beyond_the_image_is_cut_and_counted(tmp_path):
    write(tmp_path, annotation(1, [[4, 4, 9, 4, 9, 9, 4, 9]]))
    (item,) = open_source("coco", tmp_path).items("train")
    drawing = item.mask.draw(SIZE)
    assert (int(drawing.mask.sum()), drawing.clipped) == (4, 1)


def test_an_image_that_is_listed_twice_is_named(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]))
    file = tmp_path / "annotations" / "instances_train.json"
    content = json.loads(file.read_text())
    content["images"].append({"id": 1, "file_name": "b.png"})
    file.write_text(json.dumps(content))
    with pytest.raises(FaultyList, match=r"must list every image once, but lists more often: 1 \(b.png\)"):
        open_source("coco", tmp_path).items("train")


def test_files_must_agree_in_their_categories(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]))
    write(tmp_path, annotation(1, [SQUARE]), name="val", categories=[{"id": 3, "name": "bee"}])
    with pytest.raises(DataError, match=r"must have the same categories, but .*val.json calls category 3 'bee'"):
        open_source("coco", tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"images": []}'])
def test_a_file_that_is_no_coco_is_refused_when_it_is_named(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=r"x.json must "):
        open_source("coco", tmp_path, annotations="x.json")
    error, message = (
        (DataError, "must be JSON") if content == "{" else (FileNotFoundError, "must hold COCO annotations")
    )
    with pytest.raises(error, match=message):
        open_source("coco", tmp_path)


@pytest.mark.parametrize("wrong", [{"image_id": [1]}, {"category_id": [3]}, {"category_id": {}}])
def test_an_id_that_is_a_list_is_refused(tmp_path, wrong):
    write(tmp_path, annotation(1, [SQUARE]), annotation(2, [SQUARE], **wrong))
    key, value = next(iter(wrong.items()))
    with pytest.raises(DataError, match=rf"one id each in its annotations, but one has {key} {re.escape(repr(value))}"):
        open_source("coco", tmp_path)


def test_a_file_that_was_cut_off_is_named_instead_of_its_list_being_left_out(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]))
    file = tmp_path / "annotations" / "instances_val.json"
    file.write_text((tmp_path / "annotations" / "instances_train.json").read_text()[:60])
    with pytest.raises(DataError, match=r"instances_val.json must be JSON"):
        open_source("coco", tmp_path)
    assert open_source("coco", tmp_path, annotations="annotations/*train.json").lists() == ["all", "train"]


def test_the_inventory_tells_a_fault_of_a_file_once(tmp_path):
    write(tmp_path, annotation(1, [SQUARE]), annotation(2, [SQUARE], image_id=9))
    source = open_source("coco", tmp_path)
    problems = inspect_dataset(source, source.lists(), no_bar).problems
    assert [problem.message.count("annotation 2 (image_id 9)") for problem in problems] == [1]


def test_a_corner_far_beyond_the_image_is_refused_before_it_is_drawn(tmp_path):
    write(tmp_path, annotation(1, [[1, 1, 1e9, 1, 4, 3]]))
    with pytest.raises(DataError, match=r"annotation 1 must have corners near its image, but polygon 1 of 1 has one"):
        read(tmp_path)
