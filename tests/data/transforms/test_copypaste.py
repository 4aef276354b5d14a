"""Copy-paste on arrays: borders, corners, ignored margin, protected pixels, warp, locations and cache, by hand."""

import numpy as np
import pytest

from rarepix.data.transforms.copypaste import (
    MAX_LOCATIONS,
    Cutout,
    CutoutCache,
    cut_out,
    find_location,
    paste_region,
    sample_allowed_pixels,
    visible_pixels,
    warp,
)
from rarepix.seeding import generator

IGNORE = 255
PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
SQUARE = np.ones((2, 2), bool)
ALLOWED = np.zeros(256, np.uint8)
ALLOWED[0] = 1


def paste(region: np.ndarray, row: int, column: int, *, size=(5, 6), margin=0, protected=None):
    """Paste colour 9 with id 1 into colour 5 with id 0."""
    image, mask = np.full((*size, 3), 5, np.uint8), np.zeros(size, np.uint8)
    patch = np.full((*region.shape, 3), 9, np.uint8)
    result = paste_region(
        image, mask, patch, region, 1, row, column, ignore_margin=margin, ignore=IGNORE, protected=protected
    )
    assert (image == 5).all()  # inputs are not modified
    assert (mask == 0).all()
    assert (patch == 9).all()
    assert ((result[0] == 9).all(axis=2) == (result[1] == 1)).all()
    assert ((result[0] == 5).all(axis=2) == (result[1] != 1)).all()
    assert result[2] == (result[1] == 1).sum()
    return result[1]


def grid(text: str) -> np.ndarray:
    """Rows of 0, 1 and x (ignored)."""
    return np.array([[{"0": 0, "1": 1, "x": IGNORE}[letter] for letter in row] for row in text.split()], np.uint8)


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        (1, 2, "000000 000100 001110 000100 000000"),
        (-1, 2, "001110 000100 000000 000000 000000"),  # top
        (3, 2, "000000 000000 000000 000100 001110"),  # bottom
        (1, -1, "000000 100000 110000 100000 000000"),  # left
        (1, 4, "000000 000001 000011 000001 000000"),  # right
        (-1, -1, "110000 100000 000000 000000 000000"),
        (-1, 4, "000011 000001 000000 000000 000000"),
        (3, -1, "000000 000000 000000 100000 110000"),
        (3, 4, "000000 000000 000000 000001 000011"),
        (-2, 0, "010000 000000 000000 000000 000000"),
        (-2, -2, "000000 000000 000000 000000 000000"),  # only a corner of the box, which is not of the region
    ],
)
def test_pixels_outside_the_image_are_cut_off(row, column, expected):
    assert (paste(PLUS, row, column) == grid(expected)).all()


@pytest.mark.parametrize(("row", "column"), [(-3, 0), (5, 0), (0, -3), (0, 6), (-9, -9), (99, 99), (-3, 99)])
def test_a_region_outside_the_image_changes_nothing(row, column):
    assert (paste(PLUS, row, column, margin=2) == 0).all()


@pytest.mark.parametrize(
    ("row", "column", "margin", "expected"),
    [
        (1, 2, 1, "0xxxx0 0x11x0 0x11x0 0xxxx0 000000"),
        (0, 0, 1, "11x000 11x000 xxx000 000000 000000"),
        (3, 4, 1, "000000 000000 000xxx 000x11 000x11"),
        (-1, 2, 1, "0x11x0 0xxxx0 000000 000000 000000"),
        (1, -1, 2, "xxx000 1xx000 1xx000 xxx000 xxx000"),
        (2, 2, 9, "xxxxxx xxxxxx xx11xx xx11xx xxxxxx"),
    ],
)
def test_the_margin_is_a_square_around_every_covered_pixel(row, column, margin, expected):
    assert (paste(SQUARE, row, column, margin=margin) == grid(expected)).all()


def test_the_margin_is_around_the_region_not_around_its_box():
    corner = np.zeros((3, 4), bool)
    corner[0, 0] = True
    assert (paste(corner, 1, 1, margin=1) == grid("xxx000 x1x000 xxx000 000000 000000")).all()


def test_pixels_that_are_cut_off_have_no_margin():
    """The pixel that lies above the image would reach into it by its margin."""
    column = np.array([[True], [False], [False], [True]])
    assert (paste(column, -1, 3, margin=1) == grid("000000 00xxx0 00x1x0 00xxx0 000000")).all()


def test_protected_pixels_are_kept_under_the_paste_and_its_margin():
    protected = np.zeros((5, 6), bool)
    protected[1, :3] = True
    protected[4, 2] = True
    assert (paste(SQUARE, 1, 2, margin=1, protected=protected) == grid("00xxx0 0001x0 0x11x0 0xxxx0 000000")).all()


def test_a_protected_pixel_has_no_margin_of_its_own():
    protected = np.ones((5, 6), bool)
    protected[0, 0] = False
    assert (paste(np.ones((5, 6), bool), 0, 0, margin=1, protected=protected) == grid("100000" + " 000000" * 4)).all()


def test_the_colours_are_those_of_the_patch():
    image, mask = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    patch = np.arange(27, dtype=np.uint8).reshape(3, 3, 3) + 100
    result, ids, _ = paste_region(image, mask, patch, PLUS, 7, 2, -1, ignore_margin=0, ignore=IGNORE)
    assert (result[2, 0] == patch[0, 1]).all()
    assert (result[3, 0] == patch[1, 1]).all()
    assert (result[3, 1] == patch[1, 2]).all()
    assert result.any(axis=2).sum() == 3
    assert np.argwhere(ids == 7).tolist() == [[2, 0], [3, 0], [3, 1]]


@pytest.mark.parametrize(
    ("row", "column", "count"), [(1, 2, 5), (-1, 2, 4), (3, 4, 3), (-2, 0, 1), (-2, -2, 0), (9, 9, 0), (-9, 0, 0)]
)
def test_visible_pixels_are_those_that_a_paste_covers(row, column, count):
    assert visible_pixels(PLUS, row, column, (5, 6), None) == count == (paste(PLUS, row, column) == 1).sum()


def test_protected_pixels_are_not_visible():
    protected = np.zeros((5, 6), bool)
    protected[2, 3] = True
    assert visible_pixels(PLUS, 1, 2, (5, 6), protected) == 4


def scene() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((8, 10), np.uint8)
    mask[2:5, 3:9] = grid("010000 111110 000010")
    image = np.arange(240, dtype=np.uint8).reshape(8, 10, 3)
    return image, mask


def test_cut_out_is_the_smallest_box():
    image, mask = scene()
    cutout = cut_out(image, mask, 1)
    assert (cutout.region == grid("01000 11111 00001").astype(bool)).all()
    assert (cutout.patch == image[2:5, 3:8]).all()
    assert cutout.centre == (3.5 / 8, 5.5 / 10)
    cutout.patch[:], cutout.region[:] = 0, False
    assert (image == scene()[0]).all()
    assert (mask == scene()[1]).all()


def test_cut_out_of_nothing_is_none():
    assert cut_out(*scene(), 3) is None


def turned(**how) -> Cutout:
    return warp(cut_out(*scene(), 1), **{"flip": False, "scale": 1.0, "degrees": 0.0} | how)


def test_a_warp_that_does_nothing():
    before, after = cut_out(*scene(), 1), turned()
    assert (before.patch == after.patch).all()
    assert (before.region == after.region).all()
    assert before.centre == after.centre


def test_mirrored():
    before, after = cut_out(*scene(), 1), turned(flip=True)
    assert (after.patch == before.patch[:, ::-1]).all()
    assert (after.region == before.region[:, ::-1]).all()
    assert after.centre == (3.5 / 8, 1 - 5.5 / 10)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, -1), (180, 2), (-90, 1)])
def test_turned_clockwise(degrees, quarters):
    before, after = cut_out(*scene(), 1), turned(degrees=degrees)
    assert (after.region == np.rot90(before.region, quarters)).all()
    assert np.abs(after.patch.astype(int) - np.rot90(before.patch, quarters)).max() <= 1


def test_mirrored_first_and_turned_then():
    before, after = cut_out(*scene(), 1), turned(flip=True, degrees=90)
    assert (after.region == np.rot90(before.region[:, ::-1], -1)).all()


def test_resized():
    before = cut_out(*scene(), 1)
    twice = turned(scale=2.0)
    assert (twice.region == before.region.repeat(2, 0).repeat(2, 1)).all()
    assert twice.patch.shape == (6, 10, 3)
    assert turned(scale=0.5).region.shape == (2, 3)
    assert turned(scale=0.01).region.shape == (1, 1)


def test_a_turned_square_keeps_its_pixels_and_its_colour():
    disc = Cutout(np.full((21, 21, 3), 200, np.uint8), np.ones((21, 21), bool), (0.5, 0.5))
    for degrees in (10, 45, -170):
        result = warp(disc, flip=True, scale=1.0, degrees=degrees)
        assert abs(result.region.sum() - 441) < 25
        assert (result.patch[result.region] == 200).all()  # nothing of a fill is mixed in at the rim
        rows, columns = np.nonzero(result.region)
        assert abs(rows.mean() - (result.region.shape[0] - 1) / 2) < 0.5
        assert abs(columns.mean() - (result.region.shape[1] - 1) / 2) < 0.5


def square_cutout(side: int) -> Cutout:
    """A region of side × side pixels, four bytes each."""
    return Cutout(np.zeros((side, side, 3), np.uint8), np.ones((side, side), bool), (0.5, 0.5))


def test_a_cutout_is_made_once():
    cache, made = CutoutCache(), []

    def make():
        made.append(square_cutout(4))
        return made[-1]

    assert cache.get("a", make) is cache.get("a", make) is made[0]
    assert cache.get("b", make) is made[1]
    assert len(made) == len(cache) == 2
    assert cache.bytes == 2 * 64


def test_that_a_class_is_absent_is_cached_too():
    cache = CutoutCache()
    assert cache.get("a", lambda: None) is None
    assert cache.get("a", lambda: square_cutout(4)) is None
    assert cache.bytes == 0


def test_the_least_recently_used_cutout_is_removed_first():
    cache = CutoutCache(limit=3 * 64)
    for key in "abc":
        cache.get(key, lambda: square_cutout(4))
    cache.get("a", lambda: None)
    cache.get("d", lambda: square_cutout(4))
    assert (len(cache), cache.bytes) == (3, 192)
    made = []
    for key in "acd":
        cache.get(key, lambda key=key: made.append(key))
    assert made == []
    cache.get("b", lambda: made.append("b"))
    assert made == ["b"]


def test_a_cutout_larger_than_the_limit_is_returned_and_not_cached():
    cache = CutoutCache(limit=100)
    assert cache.get("a", lambda: square_cutout(50)).region.shape == (50, 50)
    assert (len(cache), cache.bytes) == (0, 0)


def sampled_pixels(mask: np.ndarray, count: int = 100) -> np.ndarray:
    return np.concatenate([sample_allowed_pixels(mask, ALLOWED, generator(seed, "test")) for seed in range(count)])


@pytest.mark.parametrize("share", [1.0, 0.5, 0.002])
def test_allowed_pixels_are_sampled_uniformly_whatever_their_share(share):
    """Four corners of allowed pixels of one size in an image of other ids."""
    side = round(100 * share**0.5)
    mask = np.ones((200, 300), np.uint8)
    for rows in (slice(side), slice(-side, None)):
        for columns in (slice(side), slice(-side, None)):
            mask[rows, columns] = 0
    sampled = sampled_pixels(mask)
    assert len(sampled) == 100 * MAX_LOCATIONS
    assert (mask.ravel()[sampled] == 0).all()
    corners = np.bincount(2 * (sampled // 300 >= 100) + (sampled % 300 >= 150), minlength=4)
    assert corners / len(sampled) == pytest.approx([0.25] * 4, abs=0.062)  # 4 standard errors


def test_no_allowed_pixels():
    assert len(sampled_pixels(np.ones((20, 30), np.uint8))) == 0
    assert set(sampled_pixels(np.zeros((1, 1), np.uint8))) == {0}


def test_pixels_of_a_window_of_a_larger_array():
    mask = np.ones((50, 60), np.uint8)
    mask[10:20, 5:9] = 0
    view = mask[8:24, 3:13]
    assert (view.ravel()[sampled_pixels(view)] == 0).all()


def test_at_a_location_half_of_the_region_is_visible():
    """A bar of eight pixels, an image of which half is protected, and one allowed pixel."""
    bar = Cutout(np.zeros((1, 8, 3), np.uint8), np.ones((1, 8), bool), (0.5, 0.5))
    protected = np.zeros((1, 16), bool)
    protected[0, 8:] = True
    locations = {
        find_location(bar, (1, 16), np.zeros(8, int), protected, generator(seed, "test")) for seed in range(100)
    }
    assert locations == {(0, 0), (0, -1), (0, -2), (0, -3), (0, -4)}
    assert find_location(bar, (1, 16), np.full(8, 15), protected | True, generator(0, "test")) is None
    assert find_location(bar, (1, 16), None, protected, generator(0, "test")) == (0, 4)
    protected[0, 7] = True
    assert find_location(bar, (1, 16), None, protected, generator(0, "test")) is None
