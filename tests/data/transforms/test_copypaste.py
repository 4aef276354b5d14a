"""Copy-paste on arrays worked by hand: all four borders, the corners, the ring, what is protected, the warp."""

import numpy as np
import pytest

from rarepix.data.transforms.copypaste import Cutout, cut_out, paste_region, seen, warp

IGNORE = 255
PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
SQUARE = np.ones((2, 2), bool)


def paste(region: np.ndarray, row: int, column: int, *, size=(5, 6), ring=0, protected=None):
    """Paste colour 9 with id 1 into colour 5 with id 0."""
    image, mask = np.full((*size, 3), 5, np.uint8), np.zeros(size, np.uint8)
    patch = np.full((*region.shape, 3), 9, np.uint8)
    found = paste_region(image, mask, patch, region, 1, row, column, ring=ring, ignore=IGNORE, protected=protected)
    assert (image == 5).all()  # what came in is left alone
    assert (mask == 0).all()
    assert (patch == 9).all()
    assert ((found[0] == 9).all(axis=2) == (found[1] == 1)).all()
    assert ((found[0] == 5).all(axis=2) == (found[1] != 1)).all()
    assert found[2] == (found[1] == 1).sum()
    return found[1]


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
def test_what_reaches_beyond_a_border_is_cut_off(row, column, expected):
    assert (paste(PLUS, row, column) == grid(expected)).all()


@pytest.mark.parametrize(("row", "column"), [(-3, 0), (5, 0), (0, -3), (0, 6), (-9, -9), (99, 99), (-3, 99)])
def test_beyond_the_image_is_nothing(row, column):
    assert (paste(PLUS, row, column, ring=2) == 0).all()


@pytest.mark.parametrize(
    ("row", "column", "ring", "expected"),
    [
        (1, 2, 1, "0xxxx0 0x11x0 0x11x0 0xxxx0 000000"),
        (0, 0, 1, "11x000 11x000 xxx000 000000 000000"),
        (3, 4, 1, "000000 000000 000xxx 000x11 000x11"),
        (-1, 2, 1, "0x11x0 0xxxx0 000000 000000 000000"),
        (1, -1, 2, "xxx000 1xx000 1xx000 xxx000 xxx000"),
        (2, 2, 9, "xxxxxx xxxxxx xx11xx xx11xx xxxxxx"),
    ],
)
def test_the_ring_is_a_square_around_every_covered_pixel(row, column, ring, expected):
    assert (paste(SQUARE, row, column, ring=ring) == grid(expected)).all()


def test_the_ring_lies_around_the_region_and_not_around_its_box():
    corner = np.zeros((3, 4), bool)
    corner[0, 0] = True
    assert (paste(corner, 1, 1, ring=1) == grid("xxx000 x1x000 xxx000 000000 000000")).all()


def test_what_is_cut_off_has_no_ring():
    """The pixel that lies above the image would have reached into it by its ring."""
    column = np.array([[True], [False], [False], [True]])
    assert (paste(column, -1, 3, ring=1) == grid("000000 00xxx0 00x1x0 00xxx0 000000")).all()


def test_protected_pixels_stay_under_the_paste_and_its_ring():
    protected = np.zeros((5, 6), bool)
    protected[1, :3] = True
    protected[4, 2] = True
    assert (paste(SQUARE, 1, 2, ring=1, protected=protected) == grid("00xxx0 0001x0 0x11x0 0xxxx0 000000")).all()


def test_a_protected_pixel_has_no_ring_of_its_own():
    protected = np.ones((5, 6), bool)
    protected[0, 0] = False
    assert (paste(np.ones((5, 6), bool), 0, 0, ring=1, protected=protected) == grid("100000" + " 000000" * 4)).all()


def test_the_colours_are_those_of_the_patch():
    image, mask = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    patch = np.arange(27, dtype=np.uint8).reshape(3, 3, 3) + 100
    found, ids, _ = paste_region(image, mask, patch, PLUS, 7, 2, -1, ring=0, ignore=IGNORE)
    assert (found[2, 0] == patch[0, 1]).all()
    assert (found[3, 0] == patch[1, 1]).all()
    assert (found[3, 1] == patch[1, 2]).all()
    assert found.any(axis=2).sum() == 3
    assert np.argwhere(ids == 7).tolist() == [[2, 0], [3, 0], [3, 1]]


@pytest.mark.parametrize(
    ("row", "column", "count"), [(1, 2, 5), (-1, 2, 4), (3, 4, 3), (-2, 0, 1), (-2, -2, 0), (9, 9, 0), (-9, 0, 0)]
)
def test_seen_is_what_a_paste_would_cover(row, column, count):
    assert seen(PLUS, row, column, (5, 6), None) == count == (paste(PLUS, row, column) == 1).sum()


def test_seen_leaves_out_what_is_protected():
    protected = np.zeros((5, 6), bool)
    protected[2, 3] = True
    assert seen(PLUS, 1, 2, (5, 6), protected) == 4


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
        found = warp(disc, flip=True, scale=1.0, degrees=degrees)
        assert abs(found.region.sum() - 441) < 25
        assert (found.patch[found.region] == 200).all()  # nothing of a fill is mixed in at the rim
        rows, columns = np.nonzero(found.region)
        assert abs(rows.mean() - (found.region.shape[0] - 1) / 2) < 0.5
        assert abs(columns.mean() - (found.region.shape[1] - 1) / 2) < 0.5
