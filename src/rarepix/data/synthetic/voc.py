"""A drawn dataset in Pascal VOC layout: five object classes of steeply falling frequency, and exact labels.

Classes are assigned to images by quota, not by chance, so that both lists have every class in about the same share.
Each picture is a function of (seed, index, its classes): pictures are drawn in any order and in parallel.
"""

from pathlib import Path

import numpy as np

from rarepix.data.synthetic.objects import PAINTERS
from rarepix.data.synthetic.scenes import paint_scene
from rarepix.data.synthetic.voc_files import check_sizes, describe, draw_once
from rarepix.seeding import generator

#: Share of the images that show a class; an image may show several.
PRESENCE = {"tree": 0.65, "boulder": 0.35, "sheep": 0.18, "kite": 0.09, "beacon": 0.047}
EMPTY_SHARE = 0.08
TEST_SHARE = 0.25
RARE_CLASSES = ("kite", "beacon")
FEWEST_IMAGES = 4


def draw_voc(root: Path, *, images: int = 320, size: tuple[int, int] = (128, 160), seed: int = 0) -> Path:
    """Draw the demo dataset into *root*, unless it is there already, and return *root*.

    ``train.txt`` lists the pool for cross-validation (3 images of 4), ``val.txt`` the held-out test images, and
    ``trainval.txt`` both. *size* is (H, W) in pixels. Every class is in both lists; below 60 images the rarest
    class is therefore less rare than PRESENCE says. The folder appears under its name only when it is complete.

    Raises:
        ValueError: there are too few images or too small ones.
        FileExistsError: *root* holds something other than this very dataset.
    """
    check_sizes(images, size, fewest=FEWEST_IMAGES)
    lists, shown = _plan(images, seed)
    description = describe("demo", ["background", *PAINTERS], RARE_CLASSES, images=images, size=size, seed=seed)

    def paint(index: int) -> tuple[np.ndarray, np.ndarray]:
        return paint_scene(generator(seed, "scene", index), shown[index], size)

    return draw_once(root, description, lists, paint)


def assign_classes(
    rng: np.random.Generator, quotas: dict[str, int], count: int, *, empty_share: float = EMPTY_SHARE
) -> list[list[str]]:
    """Return the classes of each of *count* images, so that ``quotas[name]`` images show a class.

    A share *empty_share* of the images is empty and comes last; the others show something as far as the quotas suffice.
    """
    shown: list[list[str]] = [[] for _ in range(count)]
    filled = shown[: count - int(empty_share * count)]
    names = [name for name, quota in quotas.items() for _ in range(min(quota, len(filled)))]
    for name in rng.permutation(names).tolist():
        without_class = [classes for classes in filled if name not in classes]
        candidates = [classes for classes in without_class if not classes] or without_class
        candidates[rng.integers(len(candidates))].append(name)
    return shown


def _plan(images: int, seed: int) -> tuple[dict[str, list[int]], dict[int, list[str]]]:
    """Choose the indices of each list, and the classes each index shows (in the order of PAINTERS)."""
    rng = generator(seed, "plan")
    order = rng.permutation(images).tolist()
    held_out = round(TEST_SHARE * images)
    lists = {"val": order[:held_out], "train": order[held_out:], "trainval": order}
    quotas: dict[str, dict[str, int]] = {"val": {}, "train": {}}
    for name, share in PRESENCE.items():
        total = max(2, int(share * images))
        quotas["val"][name] = max(1, round(TEST_SHARE * total))
        quotas["train"][name] = total - quotas["val"][name]
    shown: dict[int, list[str]] = {}
    for part, quota in quotas.items():
        for index, classes in zip(lists[part], assign_classes(rng, quota, len(lists[part])), strict=True):
            shown[index] = sorted(classes, key=list(PAINTERS).index)
    return lists, shown
