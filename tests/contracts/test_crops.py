"""What every crop must do, whatever it is."""

import numpy as np
import pytest

from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.crops import CROPS
from rarepix.data.transforms.settings import CROP_PARAMETERS, AugmentConfig, CropConfig
from rarepix.labels import LabelSpace
from rarepix.seeding import generator

LABELS = LabelSpace(names=("ground", "a", "b", "c"), background=0, rare=("c",))
SIZE = (32, 64)
SHAPES = [(32, 64), (90, 130), (1, 1), (1, 200), (200, 1), (31, 65), (33, 63), (20, 30), (32, 200)]

pytestmark = pytest.mark.parametrize("kind", CROPS)


def coded(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image whose first channel tells the id and whose others tell the place; nothing in it is 0."""
    rows, columns = np.indices(mask.shape)
    return np.stack([mask // 2 + 1, rows + 1, columns + 1], axis=-1).astype(np.uint8), mask


def drawn(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Few large areas, a few pixels of the last class, and some that are ignored."""
    random = generator(0, "contract", *shape)
    mask = random.integers(0, 3, (shape[0] // 16 + 1, shape[1] // 16 + 1), dtype=np.uint8)
    mask = mask.repeat(16, 0).repeat(16, 1)[: shape[0], : shape[1]]
    mask[random.random(shape) < 0.001] = 3
    mask[random.random(shape) < 0.05] = LABELS.ignore
    return coded(mask)


def crop(kind: str, image: np.ndarray, mask: np.ndarray, seed: int, **parameters) -> tuple[np.ndarray, np.ndarray]:
    config = CropConfig(kind=kind, size=SIZE, **parameters)
    return build_augment(AugmentConfig(flip=0, brightness=0), config, labels=LABELS).transform_geometry(
        image, mask, seed
    )


def test_its_parameters_have_names(kind):
    assert set(CROPS) == set(CROP_PARAMETERS)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_a_window_of_image_and_mask_alike_and_the_rest_is_ignored(kind, shape):
    image, mask = drawn(shape)
    for seed in range(12):
        found_image, found_mask = crop(kind, image, mask, seed)
        assert (found_image.shape, found_mask.shape) == ((*SIZE, 3), SIZE)
        assert (found_image.dtype, found_mask.dtype) == (np.uint8, np.uint8)
        inside = found_image[..., 0] > 0
        assert (found_image[~inside] == 0).all()
        assert (found_mask[~inside] == LABELS.ignore).all()
        assert inside.sum() == min(shape[0], SIZE[0]) * min(shape[1], SIZE[1])  # as much of the image as fits
        rows, columns = (found_image[inside][:, channel].astype(int) - 1 for channel in (1, 2))
        assert (found_mask[inside] == mask[rows, columns]).all()
        assert (found_image[inside] == image[rows, columns]).all()
        window = np.argwhere(inside) - np.stack([rows, columns], axis=1)
        assert (window == window[0]).all()  # no pixel has moved against another


@pytest.mark.parametrize("fill", [0, 1, 255])
@pytest.mark.parametrize("shape", [(90, 130), (20, 30)])
def test_images_of_one_class_and_of_none(kind, shape, fill):
    found_image, found_mask = crop(kind, *coded(np.full(shape, fill, np.uint8)), 0)
    assert set(np.unique(found_mask[found_image[..., 0] > 0])) == {fill}


def test_the_seed_decides_alone_and_seeds_differ(kind):
    image, mask = drawn((90, 130))
    result = [crop(kind, image, mask, seed) for seed in range(30)]
    for seed, one in enumerate(result):
        assert all((a == b).all() for a, b in zip(one, crop(kind, image, mask, seed), strict=True))
    assert len({one[0].tobytes() for one in result}) > 20


def test_small_images_lie_at_every_place_of_the_window(kind):
    image, mask = coded(np.ones((29, 62), np.uint8))
    places = {tuple(np.argwhere(crop(kind, image, mask, seed)[1] == 1)[0].tolist()) for seed in range(200)}
    assert places == {(row, column) for row in range(4) for column in range(3)} or kind == "class_centred"
    assert all(0 <= row <= 3 and 0 <= column <= 2 for row, column in places)


def test_every_part_of_an_image_is_shown_sometime(kind):
    image, mask = drawn((36, 66))
    shown = np.zeros(mask.shape, bool)
    for seed in range(200):
        result, _ = crop(kind, image, mask, seed)
        shown[np.ix_(result[:, 0, 1].astype(int) - 1, result[0, :, 2].astype(int) - 1)] = True
    assert shown.all()


def test_what_comes_in_is_left_alone(kind):
    for shape in ((90, 130), (20, 30)):
        image, mask = drawn(shape)
        for seed in range(5):
            crop(kind, image, mask, seed)
        assert (image == drawn(shape)[0]).all()
        assert (mask == drawn(shape)[1]).all()
