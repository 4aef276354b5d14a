"""A drawn dataset in Pascal VOC layout: five object classes of steeply falling frequency, and exact labels.

Classes are assigned to images by quota, not by chance, so that both lists have every class in about the same share.
Each picture is a function of (seed, index, its classes): pictures are drawn in any order and in parallel.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from rarepix.data.source import DataError
from rarepix.data.synthetic.objects import PAINTERS
from rarepix.data.synthetic.scenes import BORDER, paint_scene
from rarepix.seeding import generator

#: Share of the images that show a class; an image may show several.
PRESENCE = {"tree": 0.65, "boulder": 0.35, "sheep": 0.18, "kite": 0.09, "beacon": 0.047}
EMPTY_SHARE = 0.08
TEST_SHARE = 0.25
RARE_CLASSES = ("kite", "beacon")
FEWEST_IMAGES = 4
SMALLEST_SIDE = 64


def draw_voc(root: Path, *, images: int = 320, size: tuple[int, int] = (128, 160), seed: int = 0) -> Path:
    """Draw the demo dataset into *root*, unless it is there already, and return *root*.

    ``train.txt`` lists the pool for cross-validation (3 images of 4), ``val.txt`` the held-out test images, and
    ``trainval.txt`` both. *size* is (H, W) in pixels. Every class is in both lists; below 60 images the rarest
    class is therefore less rare than PRESENCE says. The folder appears under its name only when it is complete.

    Raises:
        ValueError: there are too few images or too small ones.
        FileExistsError: *root* holds something other than this very dataset.
    """
    if images < FEWEST_IMAGES or min(size) < SMALLEST_SIDE:
        raise DataError(
            f"images must be at least {FEWEST_IMAGES} and both sides of size at least {SMALLEST_SIDE}, "
            f"but got {images=} and {size=}: draw more or larger images"
        )
    root = Path(root)
    description = _describe(images, size, seed)
    if _is_drawn(root, description):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as scratch:
        folder = Path(scratch) / root.name
        _draw(folder, description)
        try:
            folder.replace(root)
        except OSError:
            if not _is_drawn(root, description):  # otherwise another process has finished the same dataset meanwhile
                raise
    return root


def assign_classes(rng: np.random.Generator, quotas: dict[str, int], count: int) -> list[list[str]]:
    """Return the classes of each of *count* images, so that ``quotas[name]`` images show a class.

    EMPTY_SHARE of the images are empty and come last; the others show something as far as the quotas suffice.
    """
    shown: list[list[str]] = [[] for _ in range(count)]
    filled = shown[: count - int(EMPTY_SHARE * count)]
    names = [name for name, quota in quotas.items() for _ in range(min(quota, len(filled)))]
    for name in rng.permutation(names).tolist():
        without_class = [classes for classes in filled if name not in classes]
        candidates = [classes for classes in without_class if not classes] or without_class
        candidates[rng.integers(len(candidates))].append(name)
    return shown


def palette() -> np.ndarray:
    """The colour map of Pascal VOC, (256, 3) uint8: bit k of an id's octal digits is bit 7 - k of red, green, blue."""
    bits = (np.arange(256)[:, None] >> np.arange(24)) & 1
    return np.packbits(bits.reshape(256, 8, 3), axis=1)[:, 0]


def _describe(images: int, size: tuple[int, int], seed: int) -> dict:
    classes = ["background", *PAINTERS]
    return {
        "name": "demo",
        "layout": "voc",
        "task": "multiclass",
        "num_classes": len(classes),
        "ignore_index": BORDER,
        "background": 0,
        "classes": classes,
        "palette": palette()[: len(classes)].tolist(),
        "rare_classes": list(RARE_CLASSES),
        "image_size": [size[1], size[0]],
        "images": images,
        "seed": seed,
    }


def _is_drawn(root: Path, description: dict) -> bool:
    """Whether *root* holds the described dataset; False if nothing is there."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        present = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        present = None
    if present == description:
        return True
    wanted = {key: description[key] for key in ("images", "image_size", "seed")}
    actual = {key: present.get(key) for key in wanted} if isinstance(present, dict) else "no readable dataset.json"
    raise FileExistsError(
        f"{root} must be absent, empty, or hold the drawn dataset with {wanted}, but holds other files ({actual}): "
        "choose another folder, or remove this one if it is not needed"
    )


def _draw(folder: Path, description: dict) -> None:
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    images, seed, (w, h) = description["images"], description["seed"], description["image_size"]
    lists, shown = _plan(images, seed)
    names = [f"demo_{index:06d}" for index in range(images)]

    def draw(index: int) -> None:
        picture, labels = paint_scene(generator(seed, "scene", index), shown[index], (h, w))
        Image.fromarray(picture).save(folder / "JPEGImages" / f"{names[index]}.jpg", quality=92)
        mask = Image.fromarray(labels, mode="P")
        mask.putpalette(palette().tobytes())
        mask.save(folder / "SegmentationClass" / f"{names[index]}.png")

    # Threads are enough: numpy, OpenCV and Pillow release the interpreter for most of the work.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, range(images)))
    for name, indices in lists.items():
        text = "".join(f"{names[index]}\n" for index in sorted(indices))
        (folder / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


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
