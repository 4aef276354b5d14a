"""Datasets of a few small images in every layout, written by hand."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (24, 32)
"""Rows and columns of every image."""
LESIONS = {"haemorrhage": "HE", "exudate": "EX", "soft exudate": "SE"}
LESION_BOXES = {
    "a": {"HE": (2, 2, 6, 8), "EX": (4, 4, 10, 10)},  # they overlap
    "b": {"EX": (0, 0, 3, 3), "SE": (20, 25, 24, 32)},
    "c": {"HE": (10, 10, 12, 14)},
    "d": {},
    "e": {"SE": (5, 5, 9, 9), "HE": (12, 20, 20, 30)},
}
"""Image → code of a lesion → top, left, bottom and right of its box."""


def save(array: np.ndarray, file: Path) -> None:
    """Write an image, and the folders that it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file)


def picture(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An image of noise."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def box(top: int, left: int, bottom: int, right: int, value: int = 255) -> np.ndarray:
    """A mask with one box."""
    mask = np.zeros(SIZE, np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def lines(file: Path, *names: str) -> None:
    """Write a list."""
    file.write_text("".join(f"{name}\n" for name in names))


def write_cityscapes(root: Path) -> Path:
    """Two cities to train on, one to validate on; a test split without annotations, as it is published."""
    for split, city, number in (
        ("train", "aachen", 0),
        ("train", "bochum", 1),
        ("train", "aachen", 2),
        ("val", "lindau", 3),
        ("test", "berlin", 4),
    ):
        name = f"{city}_{number:06}_000019"
        save(picture(number), root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
        mask = box(0, 0, 12, 32, 10) + box(12, 0, 20, 32, 13)  # sky above cars
        mask[20:] = 255
        mask = np.full_like(mask, 255) if split == "test" else mask
        save(mask, root / "gtFine" / split / city / f"{name}_gtFine_labelTrainIds.png")
    return root


def write_published_lesions(root: Path) -> Path:
    """A folder for each image; lesions are 127 or 255, in files that are called by their names."""
    names = {code: name for name, code in LESIONS.items()}
    for seed, (image, boxes) in enumerate(LESION_BOXES.items()):
        save(picture(seed), root / "images_24x32" / f"{image}.jpg")
        (root / "lesion_segs_24x32" / image).mkdir(parents=True)
        for number, (code, place) in enumerate(boxes.items()):
            mask = box(*place, value=(127, 255)[number % 2])
            save(mask, root / "lesion_segs_24x32" / image / f"{names[code]}.png")
    lines(root / "classes.txt", *(f"{name},{code}" for name, code in LESIONS.items()))
    _lesion_lists(root)
    return root


def write_lesions(root: Path) -> Path:
    """A folder for each lesion; 0 and 1 in palette files, described by ``dataset.json``."""
    for seed, (image, boxes) in enumerate(LESION_BOXES.items()):
        save(picture(seed), root / "images" / f"{image}.jpg")
        for code in LESIONS.values():
            mask = Image.fromarray(box(*boxes[code], value=1) if code in boxes else np.zeros(SIZE, np.uint8))
            mask.putpalette([0, 0, 0, 200, 60, 60])
            (root / "masks" / code).mkdir(parents=True, exist_ok=True)
            mask.save(root / "masks" / code / f"{image}.png")
    description = {"name": "eyes", "task": "multilabel", "ignore_index": None}
    description |= {"classes": [*LESIONS], "codes": [*LESIONS.values()]}
    (root / "dataset.json").write_text(json.dumps(description))
    (root / "LICENSE.txt").write_text("Free to use.\n")
    _lesion_lists(root)
    return root


def _lesion_lists(root: Path) -> None:
    lines(root / "train.txt", "a", "b", "c")
    lines(root / "val.txt", "d")
    lines(root / "test.txt", "e")


def write_polyp(root: Path) -> Path:
    """A training set with its lists, and two test sets that use one of its names; masks of colours, grey and JPEG."""
    train = root / "TrainDataset"
    for seed, name in enumerate(("1", "2", "3")):
        save(picture(seed), train / "images" / f"{name}.png")
        save(box(2, 2, 10, 12), train / "masks" / f"{name}.png")
    save(np.repeat(box(2, 2, 10, 12, 200)[..., None], 3, 2), train / "masks" / "2.png")
    lines(train / "train.txt", "3", "1")
    lines(train / "val.txt", "2.png")  # as published
    for seed, (folder, end) in enumerate((("Kvasir", "jpg"), ("CVC-300", "png"))):
        save(picture(5 + seed), root / "TestDataset" / folder / "images" / f"1.{end}")
        save(box(4, 4, 20, 20), root / "TestDataset" / folder / "masks" / f"1.{end}")
    return root


def write_folders(root: Path) -> Path:
    """Images and masks in folders of splits; masks of ids with a suffix, one of them empty."""
    for seed, (split, name) in enumerate((("train", "a"), ("train", "ward1/b"), ("val", "c"))):
        save(picture(seed), root / "images" / split / f"{name}.jpg")
        save(box(2, 2, 10, 12, 1) + box(12, 20, 20, 30, 2) * (seed > 0), root / "masks" / split / f"{name}_mask.png")
    (root / "dataset.json").write_text(json.dumps({"classes": ["background", "pore", "crack"]}))
    return root


def write_colours(root: Path) -> Path:
    """Splits with colour masks beside them, of which one has a palette, and a table with what is ignored."""
    colours = {0: (0, 0, 0), 1: (200, 0, 0), 2: (0, 0, 200)}
    for seed, (split, name) in enumerate((("train", "a"), ("train", "b"), ("val", "c"))):
        save(picture(seed), root / split / f"{name}.png")
        mask = Image.fromarray(box(2, 2, 10, 12, 1) + box(12, 20, 20, 30, 2))
        mask.putpalette([value for colour in colours.values() for value in colour])
        (root / f"{split}_labels").mkdir(exist_ok=True)
        (mask if name == "b" else mask.convert("RGB")).save(root / f"{split}_labels" / f"{name}_L.png")
    lines(root / "class_dict.csv", "name,r,g,b", "background,0,0,0", "sign,200,0,0", "Void,0,0,200")
    return root


def write_coco(root: Path) -> Path:
    """Two annotation files; a polygon, run lengths of a crowd, and an image without objects."""
    rows, columns = SIZE
    polygon = {"id": 1, "image_id": 1, "category_id": 5, "segmentation": [[2, 2, 12, 2, 12, 10, 2, 10]], "iscrowd": 0}
    counts = [rows * 20, rows * 2, rows * (columns - 22)]
    crowd = polygon | {"id": 2, "segmentation": {"size": [*SIZE], "counts": counts}, "iscrowd": 1}
    other = polygon | {"id": 3, "category_id": 2, "segmentation": [[8, 8, 20, 8, 14, 20]]}
    for seed, (split, names) in enumerate((("train", ("a", "b")), ("val", ("c",)))):
        images = [{"id": n, "file_name": f"{name}.png"} for n, name in enumerate(names, 1)]
        for image in images:
            save(picture(seed + image["id"]), root / "images" / split / image["file_name"])
        content = {"images": images, "annotations": [polygon, crowd, other]}
        content |= {"categories": [{"id": 5, "name": "scratch"}, {"id": 2, "name": "dent"}]}
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return root


def write_run_lengths(root: Path) -> Path:
    """Two tables in the way of Severstal, with several rows an image and one without object."""
    rows = ("ImageId,ClassId,EncodedPixels", "a.jpg,1,1 30 100 5", "a.jpg,4,20 9", "b.jpg,4,")
    for seed, (split, of_split) in enumerate((("train", rows), ("val", (rows[0], "c.jpg,1,700 60")))):
        for name in sorted({row.partition(",")[0] for row in of_split[1:]}):
            save(picture(seed), root / f"{split}_images" / name)
        lines(root / f"{split}.csv", *of_split)
    return root


def write_via(root: Path) -> Path:
    """A file beside the images of each split, with a polygon above a circle; an image without regions."""
    polygon = {"name": "polygon", "all_points_x": [2, 20, 10], "all_points_y": [2, 4, 20]}
    circle = {"name": "circle", "cx": 12, "cy": 12, "r": 4}
    regions = [
        {"shape_attributes": polygon, "region_attributes": {"class": "leaf"}},
        {"shape_attributes": circle, "region_attributes": {"class": "spot"}},
    ]
    for seed, (split, names) in enumerate((("train", ("a", "b")), ("val", ("c",)))):
        entries = {name: {"filename": f"{name}.jpg", "regions": regions if name != "b" else []} for name in names}
        for name in names:
            save(picture(seed), root / split / f"{name}.jpg")
        (root / split / "via_region_data.json").write_text(json.dumps(entries))
    return root


def write_yolo(root: Path) -> Path:
    """A box and a polygon in a text file for each image; an empty one."""
    labels = {"a": ("0 0.5 0.5 0.25 0.5", "1 0.1 0.1 0.6 0.1 0.6 0.9"), "b": (), "c": ("1 0.5 0.5 1 1",)}
    for seed, (split, name) in enumerate((("train", "a"), ("train", "b"), ("val", "c"))):
        save(picture(seed), root / "images" / split / f"{name}.jpg")
        (root / "labels" / split).mkdir(parents=True, exist_ok=True)
        lines(root / "labels" / split / f"{name}.txt", *labels[name])
    (root / "data.yaml").write_text("names: [nut, bolt]\n")
    return root
