"""Regions drawn in VIA: the shapes against another rasteriser, the forms of its files, and the class of a region."""

import json

import numpy as np
import pytest

from rarepix.data.masks import read_mask
from rarepix.data.source import DataError, FaultyList
from rarepix.data.sources import open_source
from tests.data.sources.outlines import differs_within_a_pixel, inside
from tests.layouts import picture, save

SIZE = (40, 50)
UNEVEN = {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}
RECT = {"name": "rect", "x": 5, "y": 10, "width": 20, "height": 8}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes or {"kind": "cell"}}


def polygon(points):
    xs, ys = np.array(points).T.tolist()
    return {"name": "polygon", "all_points_x": xs, "all_points_y": ys}


def write(root, *regions, form="export", name="via.json", images=("a.png",)):
    for seed, image in enumerate(images):
        save(picture(seed, SIZE), root / image)
    listed = {str(number): row for number, row in enumerate(regions)} if form == "VIA 1" else list(regions)
    entries = {f"{image}123": {"filename": image, "size": 123, "regions": listed} for image in images}
    content = {"_via_settings": {}, "_via_img_metadata": entries} if form == "project" else entries
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(json.dumps(content))
    return root


def read(root, **parameters):
    return read_mask(open_source("via", root, **parameters).items("all")[0])


@pytest.mark.parametrize("form", ["export", "project", "VIA 1"])
def test_every_form_of_its_files_is_read(tmp_path, form):
    expected = np.zeros(SIZE, np.uint8)
    expected[10:18, 5:25] = 1
    assert (read(write(tmp_path, region(RECT), form=form)) == expected).all()


@pytest.mark.parametrize("seed", range(10))
def test_polygons_are_those_of_another_rasteriser_within_a_pixel(tmp_path, seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(rng.integers(3, 12))) * 2 * np.pi
    radii = rng.uniform(4, 18, len(angles))
    points = np.stack([25 + radii * np.cos(angles), 20 + radii * np.sin(angles)], 1)
    mask = read(write(tmp_path, region(polygon(points))))
    assert mask.any()
    assert differs_within_a_pixel(mask, inside(points, SIZE))


def test_circles_and_ellipses_are_round(tmp_path):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    circle = {"name": "circle", "cx": 25, "cy": 20, "r": 12}
    assert differs_within_a_pixel(read(write(tmp_path, region(circle))), (columns - 25) ** 2 + (rows - 20) ** 2 <= 144)
    ellipse = {"name": "ellipse", "cx": 25, "cy": 20, "rx": 15, "ry": 5, "theta": np.pi / 2}
    turned = ((rows - 20) / 15) ** 2 + ((columns - 25) / 5) ** 2 <= 1
    assert differs_within_a_pixel(read(write(tmp_path, region(ellipse))), turned)


def test_classes_are_an_attribute_of_the_regions(tmp_path):
    write(tmp_path, region(RECT, kind="rust", note="x"), region(RECT | {"y": 25}, kind="crack", note="y"))
    with pytest.raises(DataError, match=r"one attribute that is their class, but have kind, note: name it"):
        open_source("via", tmp_path)
    source = open_source("via", tmp_path, attribute="kind")
    assert source.labels.names == ("background", "crack", "rust")
    assert np.unique(read(tmp_path, attribute="kind")).tolist() == [0, 1, 2]


def test_an_attribute_called_class_is_the_class_and_a_ticked_box_is_a_name(tmp_path):
    write(tmp_path, region(RECT, note="x", label={"rust": True, "crack": False}))
    source = open_source("via", tmp_path)
    assert source.labels.names == ("background", "rust")
    assert "the class of a region is its attribute label" in source.assumed


def test_regions_without_attributes_are_one_class(tmp_path):
    write(tmp_path, {"shape_attributes": RECT, "region_attributes": {}})
    source = open_source("via", tmp_path)
    assert source.labels.names == ("background", "object")
    assert "regions have no attribute: one class" in source.assumed


def test_a_file_beside_the_images_of_a_split_is_its_list(tmp_path):
    for split in ("train", "val"):
        write(tmp_path, region(RECT), name=f"{split}/via_region_data.json", images=())
        save(picture(0, SIZE), tmp_path / split / f"{split}.png")
        file = tmp_path / split / "via_region_data.json"
        file.write_text(json.dumps({"k": {"filename": f"{split}.png", "regions": [region(RECT)]}}))
    source = open_source("via", tmp_path)
    assert source.lists() == ["all", "train", "val"]
    assert [item.id for item in source.items("val")] == ["val"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (region({"name": "polyline", "all_points_x": [1], "all_points_y": [1]}), "must be a polygon, .* is a polyline"),
        (region({"name": "point", "cx": 1, "cy": 1}), "must be a polygon, rect, circle or ellipse, but is a point"),
        (region({"name": "rect", "x": 1, "y": 1}), "must have 'width' for its shape rect"),
        (region(polygon([[1, 1], [5, 5]])), "must have at least three corners"),
        (region(RECT | UNEVEN), "must have numbers for its shape polygon"),
        (region({"name": "circle", "cx": 1, "cy": 1, "r": "x"}), "must have numbers for "),
        (region(polygon([[60, 1], [70, 1], [70, 9]])), "must lie in its image of 50×40"),
        (region(RECT, kind=""), "must have the attribute kind, its class, but has none"),
    ],
)  # fmt: skip
def test_a_wrong_region_is_named(tmp_path, wrong, message):
    with pytest.raises(DataError, match=f"via.json: region 2 of a.png {message}"):
        read(write(tmp_path, region(RECT), wrong))


@pytest.mark.parametrize("regions", ["none", [1], {"0": "polygon"}])
def test_a_file_whose_regions_are_no_regions_is_refused(tmp_path, regions):
    save(picture(0, SIZE), tmp_path / "a.png")
    (tmp_path / "via.json").write_text(json.dumps({"a": {"filename": "a.png", "regions": regions}}))
    with pytest.raises(DataError, match=r"via.json must have shape_attributes and .* has not for those of a.png"):
        open_source("via", tmp_path, annotations="via.json")


def test_an_image_that_is_listed_twice_is_named(tmp_path):
    write(tmp_path, region(RECT))
    entry = {"filename": "a.png", "regions": [region(RECT)]}
    (tmp_path / "via.json").write_text(json.dumps({"a": entry, "b": entry}))
    with pytest.raises(FaultyList, match=r"via.json must list every image once, but lists more often: a.png"):
        open_source("via", tmp_path).items("all")


@pytest.mark.parametrize("wrong", [None, 5, {"shape_attributes": None}, {"region_attributes": []}])
def test_a_region_that_is_none_is_refused(tmp_path, wrong):
    write(tmp_path, region(RECT), wrong)
    with pytest.raises(DataError, match=r"via.json must have shape_attributes and .* has not for those of a.png"):
        open_source("via", tmp_path)


def test_an_image_whose_regions_are_null_has_none(tmp_path):
    write(tmp_path, region(RECT), images=("a.png", "b.png"))
    content = json.loads((tmp_path / "via.json").read_text())
    content["b.png123"]["regions"] = None
    (tmp_path / "via.json").write_text(json.dumps(content))
    first, second = open_source("via", tmp_path).items("all")
    assert read_mask(first).any()
    assert not read_mask(second).any()


def test_a_file_that_was_cut_off_is_named_instead_of_its_list_being_left_out(tmp_path):
    write(tmp_path, region(RECT), name="train/via_region_data.json", images=("train/a.png",))
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "via_region_data.json").write_text('{"a.png123": {"filename"')
    with pytest.raises(DataError, match=r"val/via_region_data.json must be JSON"):
        open_source("via", tmp_path)
