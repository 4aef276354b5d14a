"""Augmentation: what moves moves in image and mask alike, and what is filled is ignored."""

import numpy as np
import pytest

from rarepix.data.augment import build_augment
from rarepix.data.settings import AugmentConfig

STILL = {"flip": 0.0, "brightness": 0.0}
IGNORE = 255


def sample(rows: int = 64, columns: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """An image whose first channel is its mask, so that what moves together can be seen."""
    mask = np.random.default_rng(0).integers(0, 5, (rows // 8, columns // 8), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    image = np.stack([mask * 40, np.arange(mask.size).reshape(mask.shape) % 251, mask], axis=-1).astype(np.uint8)
    return image, mask


def run(seed: int = 0, **config) -> tuple[np.ndarray, np.ndarray]:
    return build_augment(AugmentConfig(**(STILL | config)), ignore=IGNORE)(*sample(), seed)


def test_nothing_asked_nothing_done():
    image, mask = sample()
    found = run()
    assert (found[0] == image).all()
    assert (found[1] == mask).all()


def test_flip():
    image, mask = sample()
    found = run(flip=1.0)
    assert (found[0] == image[:, ::-1]).all()
    assert (found[1] == mask[:, ::-1]).all()


def test_flip_is_as_frequent_as_it_is_said_to_be():
    _, mask = sample()
    augment = build_augment(AugmentConfig(flip=0.25, brightness=0.0), ignore=IGNORE)
    flipped = sum((augment(*sample(), seed)[1] != mask).any() for seed in range(200))
    assert 200 * 0.25 - 25 < flipped < 200 * 0.25 + 25  # 4 standard errors


def test_crop_is_a_window_of_rows_and_columns():
    image, mask = sample()
    tops = set()
    for seed in range(8):
        found_image, found_mask = run(seed, crop=(32, 64))
        assert (found_image.shape, found_mask.shape) == ((32, 64, 3), (32, 64))
        places = [
            (top, left)
            for top in range(33)
            for left in range(33)
            if (image[top : top + 32, left : left + 64] == found_image).all()
            and (mask[top : top + 32, left : left + 64] == found_mask).all()
        ]
        assert len(places) == 1
        tops |= {*places}
    assert len(tops) > 4


@pytest.mark.parametrize("config", [{"rotate": 45}, {"scale": 0.5}, {"rotate": 30, "scale": 0.3, "crop": (32, 32)}])
def test_what_moves_moves_together_and_what_is_filled_is_ignored(config):
    filled = 0
    for seed in range(10):
        image, mask = run(seed, **config)
        assert set(np.unique(mask)) <= {0, 1, 2, 3, 4, IGNORE}
        inside = mask != IGNORE
        filled += (~inside).sum()
        agree = np.abs(image[..., 0].astype(int) - mask * 40)[inside] < 20
        assert agree.mean() > 0.8  # the image is interpolated along edges, the mask is not
    assert filled > 0


def test_shrinking_fills_the_rim_and_enlarging_nothing():
    shrunk = 0
    for seed in range(20):
        _, mask = run(seed, scale=0.4)
        if (mask == IGNORE).mean() > 0.1:
            shrunk += 1
            assert (mask[[0, -1]] == IGNORE).all()
            assert (mask[:, [0, -1]] == IGNORE).all()
            assert (mask[24:40, 36:60] != IGNORE).all()
    assert 4 <= shrunk <= 16


def test_scale_keeps_the_shape_of_things():
    square = np.zeros((96, 96), np.uint8)
    square[32:64, 32:64] = 1
    augment = build_augment(AugmentConfig(**STILL, scale=0.5), ignore=IGNORE)
    sides = []
    for seed in range(20):
        _, mask = augment(np.repeat(square[..., None], 3, 2), square, seed)
        rows, columns = np.flatnonzero((mask == 1).any(1)), np.flatnonzero((mask == 1).any(0))
        sides.append((len(rows), len(columns)))
    assert all(abs(height - width) <= 1 for height, width in sides)
    assert min(sides)[0] < 26 < 38 < max(sides)[0]
    assert min(sides)[0] >= 15
    assert max(sides)[0] <= 49


def test_brightness_leaves_the_mask_alone():
    image, mask = sample()
    changed = 0
    for seed in range(20):
        found = run(seed, brightness=0.3)
        assert (found[1] == mask).all()
        changed += (found[0] != image).any()
    assert 3 <= changed <= 17  # half of the images


ALL = {"flip": 0.5, "scale": 0.3, "rotate": 20, "brightness": 0.3, "crop": (32, 64)}


def test_the_seed_decides_alone():
    augment = build_augment(AugmentConfig(**ALL), ignore=IGNORE)
    first = augment(*sample(), 7)
    for seed in range(5):
        augment(*sample(), seed)
    again, elsewhere = augment(*sample(), 7), build_augment(AugmentConfig(**ALL), ignore=IGNORE)(*sample(), 7)
    for found in (again, elsewhere):
        assert (found[0] == first[0]).all()
        assert (found[1] == first[1]).all()


def test_seeds_differ():
    found = {run(seed, **ALL)[0].tobytes() for seed in range(20)}
    assert len(found) == 20


def test_what_came_is_left_alone():
    image, mask = sample()
    augment = build_augment(AugmentConfig(**ALL), ignore=IGNORE)
    for seed in range(5):
        augment(image, mask, seed)
    assert (image == sample()[0]).all()
    assert (mask == sample()[1]).all()
