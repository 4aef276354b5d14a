"""Write a drawn dataset in Pascal VOC layout: whole or not at all, and not again where it is already."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from rarepix.data.source import DataError
from rarepix.data.synthetic.scenes import BORDER

SMALLEST_SIDE = 64
Paint = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""Index of an image → the picture, H W 3 uint8, and its class ids, H W uint8; called from several threads."""


def check_sizes(images: int, size: tuple[int, int], *, fewest: int) -> None:
    """Raise ``DataError`` if there are fewer *images* than *fewest*, or *size* (H, W) is too small to draw in."""
    if images < fewest or min(size) < SMALLEST_SIDE:
        raise DataError(
            f"images must be at least {fewest} and both sides of size at least {SMALLEST_SIDE}, "
            f"but got {images=} and {size=}: draw more or larger images"
        )


def describe(
    name: str, classes: Sequence[str], rare: Sequence[str], *, images: int, size: tuple[int, int], seed: int
) -> dict:
    """Return what ``dataset.json`` holds of a drawn dataset, whose first class is the background."""
    return {
        "name": name,
        "layout": "voc",
        "task": "multiclass",
        "num_classes": len(classes),
        "ignore_index": BORDER,
        "background": 0,
        "classes": list(classes),
        "palette": palette()[: len(classes)].tolist(),
        "rare_classes": list(rare),
        "image_size": [size[1], size[0]],
        "images": images,
        "seed": seed,
    }


def draw_once(root: Path, description: dict, lists: Mapping[str, Sequence[int]], paint: Paint) -> Path:
    """Draw the described dataset into *root*, unless it is there already, and return *root*.

    *lists* are the indices of the images of each list. The folder appears under its name only when it is complete.

    Raises:
        FileExistsError: *root* holds something other than this very dataset.
    """
    root = Path(root)
    if _is_drawn(root, description):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as scratch:
        folder = Path(scratch) / root.name
        _draw(folder, description, lists, paint)
        try:
            folder.replace(root)
        except OSError:
            if not _is_drawn(root, description):  # otherwise another process has finished the same dataset meanwhile
                raise
    return root


def palette() -> np.ndarray:
    """The colour map of Pascal VOC, (256, 3) uint8: bit k of an id's octal digits is bit 7 - k of red, green, blue."""
    bits = (np.arange(256)[:, None] >> np.arange(24)) & 1
    return np.packbits(bits.reshape(256, 8, 3), axis=1)[:, 0]


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
    wanted = {key: description[key] for key in ("name", "images", "image_size", "seed")}
    actual = {key: present.get(key) for key in wanted} if isinstance(present, dict) else "no readable dataset.json"
    raise FileExistsError(
        f"{root} must be absent, empty, or hold the drawn dataset with {wanted}, but holds other files ({actual}): "
        "choose another folder, or remove this one if it is not needed"
    )


def _draw(folder: Path, description: dict, lists: Mapping[str, Sequence[int]], paint: Paint) -> None:
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    names = [f"{description['name']}_{index:06d}" for index in range(description["images"])]

    def draw(index: int) -> None:
        picture, labels = paint(index)
        Image.fromarray(picture).save(folder / "JPEGImages" / f"{names[index]}.jpg", quality=92)
        mask = Image.fromarray(labels, mode="P")
        mask.putpalette(palette().tobytes())
        mask.save(folder / "SegmentationClass" / f"{names[index]}.png")

    # Threads are enough: numpy, OpenCV and Pillow release the interpreter for most of the work.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, range(len(names))))
    for name, indices in lists.items():
        text = "".join(f"{names[index]}\n" for index in sorted(indices))
        (folder / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
