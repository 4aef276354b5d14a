"""ClassMix and CutMix on arrays worked by hand."""

import numpy as np
import pytest

from rarepix.data.transforms.crops import class_pixels
from rarepix.data.transforms.mixing import classmix, common_shape, cutmix, draw_half_of_classes, draw_rectangle
from rarepix.seeding import generator

IGNORE = 255


def pair(mask: np.ndarray, colour: int) -> tuple[np.ndarray, np.ndarray]:
    """An image whose first channel is its mask, and whose others tell whose it is."""
    mask = mask.astype(np.uint8)
    return np.stack([mask, np.full_like(mask, colour), np.full_like(mask, colour)], axis=-1), mask


TARGET = pair(np.zeros((2, 4)), 10)
DONOR = pair(np.array([[1, 1, 2, IGNORE], [3, 3, 2, IGNORE]]), 20)


def pixels_of(donor: tuple[np.ndarray, np.ndarray], classes: np.ndarray) -> np.ndarray:
    """Where the donor has any of *classes*, in the shape that it has in common with the target."""
    rows, columns = common_shape(TARGET, donor)
    return class_pixels(donor[1][:rows, :columns], classes)


@pytest.mark.parametrize(
    ("ids", "size"), [([4], 1), ([0, 4], 1), ([0, 1, 2], 2), ([0, 1, 2, 3], 2), ([0, 1, 2, 3, 4], 3), ([], 0)]
)
def test_draw_half_of_classes_rounded_up(ids, size):
    mask = np.array([[*ids, IGNORE]], np.uint8)
    drawn = [draw_half_of_classes(mask, generator(seed, "test"), ignore=IGNORE).tolist() for seed in range(60)]
    assert {len(set(classes)) for classes in drawn} == {size}
    assert set().union(*drawn) == set(ids)


def test_the_chosen_classes_come_with_all_their_pixels_where_they_are():
    image, mask = classmix(TARGET, DONOR, pixels_of(DONOR, np.array([1, 2])))
    assert mask.tolist() == [[1, 1, 2, 0], [0, 0, 2, 0]]
    assert (image[..., 0] == mask).all()
    assert image[..., 1].tolist() == [[20, 20, 20, 10], [10, 10, 20, 10]]


def test_ignored_pixels_of_the_donor_stay_where_they_are():
    _, mask = classmix(TARGET, DONOR, pixels_of(DONOR, np.array([1, 2, 3])))
    assert mask.tolist() == [[1, 1, 2, 0], [3, 3, 2, 0]]


def test_a_rectangle_comes_as_it_is():
    image, mask = cutmix(TARGET, DONOR, (slice(0, 1), slice(2, 4)))
    assert mask.tolist() == [[0, 0, 2, IGNORE], [0, 0, 0, 0]]
    assert image[..., 1].tolist() == [[10, 10, 20, 20], [10, 10, 10, 10]]


@pytest.mark.parametrize("shape", [(1, 3), (3, 2), (5, 5), (1, 1)])
def test_of_a_donor_of_another_size_counts_what_lies_over_the_image(shape):
    donor = pair(np.full(shape, 7), 30)
    image, mask = classmix(TARGET, donor, pixels_of(donor, np.array([7])))
    rows, columns = min(shape[0], 2), min(shape[1], 4)
    assert (mask[:rows, :columns] == 7).all()
    assert (mask == 7).sum() == rows * columns
    assert ((image[..., 1] == 30) == (mask == 7)).all()


def test_what_comes_in_is_left_alone():
    for result in (
        classmix(TARGET, DONOR, pixels_of(DONOR, np.array([1]))),
        cutmix(TARGET, DONOR, (slice(0, 1), slice(0, 1))),
    ):
        result[0][:], result[1][:] = 99, 99
        assert (TARGET[1] == 0).all()
        assert (TARGET[0][..., 1] == 10).all()
        assert (DONOR[0][..., 1] == 20).all()
        assert DONOR[1].tolist() == [[1, 1, 2, IGNORE], [3, 3, 2, IGNORE]]


def test_rectangles_have_the_share_and_shape_that_is_asked_for():
    shares, aspects, rows_seen = [], [], set()
    for seed in range(300):
        rows, columns = draw_rectangle((200, 300), (0.1, 0.4), generator(seed, "test"))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        assert 0 <= rows.start < rows.stop <= 200
        assert 0 <= columns.start < columns.stop <= 300
        shares.append(height * width / 60_000)
        aspects.append(height / width)
        rows_seen.add(rows.start)
    assert min(shares) > 0.098
    assert max(shares) < 0.402
    assert np.mean(shares) == pytest.approx(0.25, abs=0.03)
    assert 0.49 < min(aspects) < 0.55
    assert np.median(aspects) == pytest.approx(1, abs=0.2)
    assert max(aspects) > 1.5
    assert len(rows_seen) > 60


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_rectangles_of_narrow_images_stay_inside_and_are_never_empty(shape):
    for seed in range(30):
        rows, columns = draw_rectangle(shape, (0.1, 0.9), generator(seed, "test"))
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]
