"""Datasets of every task in which half of the images hold nothing but what looks a little like something."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.labels import Task
from tests.layouts import lines, save

IMAGES, LISTED = 110, 80
"""Images of a dataset; the first are in the list ``train``, the others in the list ``val``."""
CLASSES = {"crack": (220, 60, 60), "dot": (60, 220, 60)}


def drawn_image(number: int, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return image *number*, and which of its pixels are of each class, H W K bool; sizes of images differ."""
    random = np.random.default_rng(number)
    size = int(random.integers(33, 48)), int(random.integers(33, 64))
    image = random.normal(90, 15, (*size, 3))
    names = list(CLASSES)[: 1 if task is Task.BINARY else 2]
    layers = np.zeros((*size, len(names)), bool)
    for position, name in enumerate(names):
        top, left = (int(random.integers(2, side - 16)) for side in size)
        side = int(random.integers(6, 14))
        box = slice(top, top + side), slice(left, left + side)
        colour, is_there = np.array(CLASSES[name]), number % 2 == 0 and random.random() < 0.75
        if is_there:
            layers[box][..., position] = True
            image[box] = colour
        elif random.random() < 0.6:  # a distraction: the colour is between that of the class and the background
            image[box] = 90 + (colour - 90) * random.uniform(0.2, 0.9)
    return np.clip(image + random.normal(0, 10, image.shape), 0, 255).astype(np.uint8), layers


def write(root: Path, task: Task) -> tuple[Path, str]:
    """Write a dataset of *task*, with the lists train and val; return its folder and its source."""
    names = [f"img{number:03}" for number in range(IMAGES)]
    many = task is Task.MULTILABEL
    pictures, lists = (root / "images", root) if many else (root / "JPEGImages", root / "ImageSets" / "Segmentation")
    lists.mkdir(parents=True)
    for number, name in enumerate(names):
        image, layers = drawn_image(number, task)
        save(image, pictures / f"{name}.{'png' if many else 'jpg'}")
        if many:
            for position, code in enumerate(CLASSES):
                save(layers[..., position].astype(np.uint8), root / "masks" / code / f"{name}.png")
        else:
            ids = (layers * np.arange(1, layers.shape[2] + 1)).max(axis=2).astype(np.uint8)
            mask = Image.fromarray(ids, mode="P")
            mask.putpalette([0, 0, 0, *(value for colour in CLASSES.values() for value in colour)])
            (root / "SegmentationClass").mkdir(exist_ok=True)
            mask.save(root / "SegmentationClass" / f"{name}.png")
    lines(lists / "train.txt", *names[:LISTED])
    lines(lists / "val.txt", *names[LISTED:])
    if many:
        lines(lists / "test.txt", names[-1])
        description = {"classes": [*CLASSES], "codes": [*CLASSES], "ignore_index": None}
    else:
        classes = ["nothing", *CLASSES][: 2 if task is Task.BINARY else 3]
        palette = [[0, 0, 0], *CLASSES.values()][: len(classes)]
        description = {"classes": classes, "palette": palette, "ignore_index": 255, "background": 0}
    (root / "dataset.json").write_text(json.dumps({"name": "empties", "task": str(task), **description}))
    return root, "lesions" if many else "voc"
