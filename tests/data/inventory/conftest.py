"""Masks small enough to count by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarepix.data.masks import IdMask
from rarepix.data.source import Item
from rarepix.labels import LabelSpace

LABELS = LabelSpace(names=("a", "b", "c"))
MASK = np.array([[0, 0, 1, 255], [2, 1, 1, 255]], np.uint8)


@pytest.fixture
def make(tmp_path: Path):
    """Write an image and a mask, and return the item."""

    def write(name: str, mask: np.ndarray = MASK, size: tuple[int, int] | None = None, mode: str = "L") -> Item:
        item = Item(name, tmp_path / f"{name}.jpg", IdMask(tmp_path / f"{name}.png"))
        Image.new("RGB", size or mask.shape[::-1]).save(item.image)
        Image.fromarray(mask).convert(mode).save(item.mask.path)
        return item

    return write
