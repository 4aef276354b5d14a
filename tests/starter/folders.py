"""Looking at folders in tests: without a bar, without files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rarepix.starter import Survey, look
from tests.layouts import lines, picture, save

SMALL = (32, 64)


@contextmanager
def no_bar(what: str, total: int) -> Iterator:
    """A bar that shows nothing."""
    yield lambda done: None


def survey(root: Path | str, source: str = "auto", **parameters: object) -> Survey:
    """Return what is in a folder that nothing is wrong with."""
    result, seen = look(str(root), source, parameters, no_bar)
    assert result.problems == []
    return seen


def write_images(
    root: Path, pixels: dict[str, list[int]], *, size: tuple[int, int] = SMALL, **lists: list[str]
) -> Path:
    """Write images of noise with masks; *pixels* are those of the classes 1, 2, … of every image, *lists* its lists."""
    for seed, (name, of_image) in enumerate(pixels.items()):
        ids = np.repeat(np.arange(1, len(of_image) + 1, dtype=np.uint8), of_image)
        mask = np.zeros(size[0] * size[1], np.uint8)
        mask[: len(ids)] = ids
        save(picture(seed, size), root / "images" / f"{name}.png")
        save(mask.reshape(size), root / "masks" / f"{name}.png")
    for name, of_list in lists.items():
        lines(root / f"{name}.txt", *of_list)
    return root
