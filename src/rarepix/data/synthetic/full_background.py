"""A drawn dataset of three classes in which most images hold none: background, sheep, beacon.

Trees and boulders stand in any image and count as background, so that an empty image is not an empty landscape and a
false alarm has something to be raised by. Each picture is a function of (seed, index, its classes).
"""

from pathlib import Path

import cv2
import numpy as np

from rarepix.data.synthetic.objects import PAINTERS
from rarepix.data.synthetic.scenes import BORDER, paint_scene
from rarepix.data.synthetic.voc import assign_classes
from rarepix.data.synthetic.voc_files import check_sizes, describe, draw_once
from rarepix.seeding import generator

CLASSES = {"sheep": 0.25, "beacon": 0.2}
"""Class → share of the images that show it; an image may show both."""
UNLABELLED = {"tree": 0.5, "boulder": 0.4}
"""Object that counts as background → share of the images that show it, whatever their classes."""
EMPTY_SHARE = 0.6
"""Share of the images without any class."""
LISTS = {"test": 0.2, "val": 0.2}
"""List → its share of the images; ``train`` has the rest."""
FEWEST_IMAGES = 20


def draw_full_background(root: Path, *, images: int = 320, size: tuple[int, int] = (128, 160), seed: int = 0) -> Path:
    """Draw the dataset into *root* in Pascal VOC layout, unless it is there already, and return *root*.

    ``train.txt``, ``val.txt`` and ``test.txt`` each hold images of both classes, of either alone and of none. *size* is
    (H, W) in pixels. The folder appears under its name only when it is complete.

    Raises:
        DataError: there are too few images or too small ones.
        FileExistsError: *root* holds something other than this very dataset.
    """
    check_sizes(images, size, fewest=FEWEST_IMAGES)
    lists, shown = _plan(images, seed)
    classes = ["background", *CLASSES]
    description = describe("full_background", classes, CLASSES, images=images, size=size, seed=seed)

    def paint(index: int) -> tuple[np.ndarray, np.ndarray]:
        picture, mask = paint_scene(generator(seed, "scene", index), shown[index], size)
        return picture, _only_classes(mask)

    return draw_once(root, description, lists, paint)


def _plan(images: int, seed: int) -> tuple[dict[str, list[int]], dict[int, list[str]]]:
    """Choose the indices of each list, and what each image shows (in the order of PAINTERS)."""
    rng = generator(seed, "plan")
    order = rng.permutation(images).tolist()
    lists = {name: [order.pop() for _ in range(round(share * images))] for name, share in LISTS.items()}
    lists["train"] = order
    shown: dict[int, list[str]] = {}
    for indices in lists.values():
        quotas = {name: max(1, round(share * len(indices))) for name, share in CLASSES.items()}
        of_classes = assign_classes(rng, quotas, len(indices), empty_share=EMPTY_SHARE)
        for index, names in zip(indices, of_classes, strict=True):
            further = [name for name, share in UNLABELLED.items() if rng.random() < share]
            shown[index] = sorted([*names, *further], key=list(PAINTERS).index)
    return lists, shown


def _only_classes(mask: np.ndarray) -> np.ndarray:
    """Return a mask of ``paint_scene``, H W, with ids of CLASSES: other objects are background, and so are their rims.

    A rim that touches an object of a class stays, so that its outline is ignored as in the demo.
    """
    names = list(PAINTERS)
    ids = np.zeros(BORDER + 1, np.uint8)
    ids[[names.index(name) + 1 for name in CLASSES]] = np.arange(len(CLASSES)) + 1
    of_class = ids[mask]
    near = cv2.dilate((of_class > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where((mask == BORDER) & near, np.uint8(BORDER), of_class)
