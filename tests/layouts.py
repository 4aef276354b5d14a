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
