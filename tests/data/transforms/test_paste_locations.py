"""Places: drawn evenly, and only where enough is seen."""

import numpy as np
import pytest

from rarepix.data.transforms.copypaste import Cutout
from rarepix.data.transforms.paste_locations import TRIES, draw_pixels, find_place
from rarepix.seeding import generator

GROUND = np.zeros(256, np.uint8)
GROUND[0] = 1


def pixels(mask: np.ndarray, count: int = 100) -> np.ndarray:
    return np.concatenate([draw_pixels(mask, GROUND, generator(seed, "test")) for seed in range(count)])


@pytest.mark.parametrize("share", [1.0, 0.5, 0.002])
def test_pixels_are_drawn_evenly_from_the_ground_however_much_there_is(share):
    """Four corners of ground of one size in an image that is otherwise something else."""
    side = round(100 * share**0.5)
    mask = np.ones((200, 300), np.uint8)
    for rows in (slice(side), slice(-side, None)):
        for columns in (slice(side), slice(-side, None)):
            mask[rows, columns] = 0
    found = pixels(mask)
    assert len(found) == 100 * TRIES
    assert (mask.ravel()[found] == 0).all()
    corners = np.bincount(2 * (found // 300 >= 100) + (found % 300 >= 150), minlength=4)
    assert corners / len(found) == pytest.approx([0.25] * 4, abs=0.062)  # 4 standard errors


def test_no_ground_no_pixels():
    assert len(pixels(np.ones((20, 30), np.uint8))) == 0
    assert set(pixels(np.zeros((1, 1), np.uint8))) == {0}


def test_pixels_of_a_window_of_a_larger_array():
    mask = np.ones((50, 60), np.uint8)
    mask[10:20, 5:9] = 0
    view = mask[8:24, 3:13]
    assert (view.ravel()[pixels(view)] == 0).all()


def test_a_place_is_one_where_half_of_the_region_is_seen():
    """Of a bar of eight pixels, a protected half, and one place on which it may be put."""
    bar = Cutout(np.zeros((1, 8, 3), np.uint8), np.ones((1, 8), bool), (0.5, 0.5))
    kept = np.zeros((1, 16), bool)
    kept[0, 8:] = True
    places = {find_place(bar, (1, 16), np.zeros(8, int), kept, generator(seed, "test")) for seed in range(100)}
    assert places == {(0, 0), (0, -1), (0, -2), (0, -3), (0, -4)}
    assert find_place(bar, (1, 16), np.full(8, 15), kept | True, generator(0, "test")) is None
    assert find_place(bar, (1, 16), None, kept, generator(0, "test")) == (0, 4)
    kept[0, 7] = True
    assert find_place(bar, (1, 16), None, kept, generator(0, "test")) is None
