"""Augmentation: what moves moves in image and mask alike, and what is filled is ignored."""

import cv2
import numpy as np
import pytest

from rarepix.data.transforms.augment import Augment, build_augment, resize_by
from rarepix.data.transforms.settings import AugmentConfig, CropConfig
from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.settings import ConfigError

STILL = {"flip": 0.0, "brightness": 0.0}
IGNORE = 255
LABELS = LabelSpace(names=("ground", "a", "b", "c", "d"), background=0)


def sample(rows: int = 64, columns: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """An image whose first channel is its mask, so that what moves together can be seen."""
    mask = np.random.default_rng(0).integers(0, 5, (rows // 8, columns // 8), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    image = np.stack([mask * 40, np.arange(mask.size).reshape(mask.shape) % 251, mask], axis=-1).astype(np.uint8)
    return image, mask


def build(crop: tuple[int, int] | None = None, **config) -> Augment:
    return build_augment(AugmentConfig(**(STILL | config)), CropConfig(size=crop), labels=LABELS)


def apply(augment: Augment, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    image, mask = augment.transform_geometry(image, mask, seed)
    return augment.transform_colour(image, seed), mask


def run(seed: int = 0, **config) -> tuple[np.ndarray, np.ndarray]:
    return apply(build(**config), *sample(), seed)


def test_nothing_asked_nothing_done():
    image, mask = sample()
    result = run()
    assert (result[0] == image).all()
    assert (result[1] == mask).all()


def test_flip():
    image, mask = sample()
    result = run(flip=1.0)
    assert (result[0] == image[:, ::-1]).all()
    assert (result[1] == mask[:, ::-1]).all()


def test_flip_is_as_frequent_as_it_is_said_to_be():
    _, mask = sample()
    augment = build(flip=0.25)
    flipped = sum((augment.transform_geometry(*sample(), seed)[1] != mask).any() for seed in range(200))
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


@pytest.mark.parametrize(
    "config",
    [
        {"rotate": 45},
        {"scale": 0.5},
        {"scale": (0.3, 0.9)},
        {"shift": 0.2},
        {"rotate": 30, "scale": 0.5, "shift": 0.1, "crop": (32, 64)},
    ],
)
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
    augment = build(scale=0.5)
    sides = []
    for seed in range(20):
        _, mask = augment.transform_geometry(np.repeat(square[..., None], 3, 2), square, seed)
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
        result = run(seed, brightness=0.3)
        assert (result[1] == mask).all()
        changed += (result[0] != image).any()
    assert 3 <= changed <= 17  # half of the images


def share_of_ones(seed: int, **config) -> float:
    """Share of a window that is filled by what fills a fourth of the image."""
    square = np.zeros((128, 128), np.uint8)
    square[32:96, 32:96] = 1
    _, mask = build(**config).transform_geometry(np.repeat(square[..., None], 3, 2), square, seed)
    return (mask == 1).mean()


def test_with_a_crop_the_image_is_resized_and_then_cut():
    assert share_of_ones(0, crop=(128, 128), scale=(2.0, 2.0)) > 0.4  # of a square as large as the window
    augment, ones = build(crop=(128, 128), scale=(0.5, 0.5)), np.ones((128, 128), np.uint8)
    _, shrunk = augment.transform_geometry(np.repeat(ones[..., None], 3, 2), ones, 0)
    assert (shrunk == 1).sum() == 64 * 64
    assert (shrunk == IGNORE).sum() == 128 * 128 - 64 * 64


def test_a_number_is_the_range_around_one():
    for seed in range(5):
        one, other = run(seed, scale=0.4), run(seed, scale=(0.6, 1.4))
        assert (one[0] == other[0]).all()
        assert (one[1] == other[1]).all()


def test_shift_moves_by_at_most_its_share():
    mask = np.zeros((100, 200), np.uint8)
    mask[50, 100] = 1
    places = set()
    for seed in range(40):
        _, moved = build(shift=0.1).transform_geometry(np.zeros((100, 200, 3), np.uint8), mask, seed)
        (row,), (column,) = np.nonzero(moved == 1)
        assert abs(row - 50) <= 10
        assert abs(column - 100) <= 20
        places.add((row > 50, column > 100))
    assert len(places) == 4


def test_texture_changes_as_many_images_as_it_says_and_no_mask():
    image, mask = sample()
    augment = build(texture=0.5)
    result = [apply(augment, image, mask, seed) for seed in range(60)]
    assert all((other == mask).all() for _, other in result)
    assert 18 <= sum((other != image).any() for other, _ in result) <= 42
    assert len({other.tobytes() for other, _ in result}) > 15


def test_texture_leaves_the_scene_to_be_seen():
    image, _ = sample()
    augment = build(texture=1.0)
    away = [np.abs(augment.transform_colour(image, seed).astype(int) - image).mean() for seed in range(60)]
    assert max(away) < 50


def test_colour_does_not_follow_geometry():
    augment = build(flip=0.5, brightness=0.3)
    image, mask = sample()
    pairs = {
        (
            (augment.transform_geometry(image, mask, seed)[1] != mask).any(),
            (augment.transform_colour(image, seed) != image).any(),
        )
        for seed in range(60)
    }
    assert len(pairs) == 4


def test_resize_keeps_image_and_mask_together():
    mask = np.zeros((10, 20), np.uint8)
    mask[4:6, 8:12] = 1
    for factor, size in ((2.0, (20, 40)), (0.5, (5, 10)), (1.26, (13, 25))):
        image, result = resize_by(np.repeat(mask[..., None], 3, 2) * 200, mask, factor)
        assert result.shape == size == image.shape[:2]
        assert set(np.unique(result)) == {0, 1}
        assert ((image[..., 0] > 100) == (result == 1)).mean() > 0.96
        assert (np.argwhere(result).mean(0) + 0.5) / size == pytest.approx([0.5, 0.5], abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (90, 2)])
@pytest.mark.parametrize("crop", [None, (32, 64)])
def test_images_of_a_few_pixels(shape, crop):
    augment = build(**ALL | {"crop": crop, "scale": (0.1, 2.0)})
    for seed in range(20):
        image, mask = apply(augment, np.zeros((*shape, 3), np.uint8), np.ones(shape, np.uint8), seed)
        assert image.shape[:2] == mask.shape == (crop or shape)


ALL = {"flip": 0.5, "scale": 0.3, "rotate": 20, "shift": 0.05, "brightness": 0.3, "texture": 0.5, "crop": (32, 64)}


def test_the_seed_decides_alone():
    augment = build(**ALL)
    first = apply(augment, *sample(), 7)
    for seed in range(5):
        apply(augment, *sample(), seed)
    for result in (apply(augment, *sample(), 7), run(7, **ALL)):
        assert (result[0] == first[0]).all()
        assert (result[1] == first[1]).all()


def test_seeds_differ():
    assert len({run(seed, **ALL)[0].tobytes() for seed in range(20)}) == 20


def test_what_came_is_left_alone():
    image, mask = sample()
    augment = build(**ALL)
    for seed in range(5):
        apply(augment, image, mask, seed)
    assert (image == sample()[0]).all()
    assert (mask == sample()[1]).all()


def layered(layers: int, rows: int = 64, columns: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """An image of one light colour, so that what is filled can be seen, and layers that tell the same."""
    _, ids = sample(rows, columns)
    mask = np.stack([ids % 2 == number % 2 for number in range(layers)], axis=2).astype(np.uint8)
    return np.full((rows, columns, 3), 200, np.uint8), mask


EVERYTHING = {
    "flip": 0.5, "scale": 0.5, "rotate": 30, "shift": 0.1, "warp": 0.5, "brightness": 0.2, "tone": 0.5, "hue": 0.5,
    "texture": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("layers", [1, 3, 5, 9])
@pytest.mark.parametrize("crop", [None, (32, 64)])
def test_layers_move_as_ids_do(layers, crop):
    """Each layer is what the ids give, whether it is the first or the ninth, also in what is filled."""
    augment = build(**EVERYTHING, crop=crop)
    image, ids = sample()
    for seed in range(8):
        shown, moved = augment.transform_geometry(image, ids, seed)
        mask = np.stack([ids % 2 == number % 2 for number in range(layers)], axis=2).astype(np.uint8)
        other, result = augment.transform_geometry(image, mask, seed)
        assert result.shape == (*shown.shape[:2], layers)
        assert (other == shown).all()
        for number in range(layers):
            expected = np.where(moved == IGNORE, IGNORE, moved % 2 == number % 2)
            assert (result[..., number] == expected).all()


@pytest.mark.parametrize("layers", [0, 1, 3, 5, 9])
def test_what_a_warp_fills_is_ignored_in_every_layer(layers):
    image, mask = layered(layers or 1, 128, 192)
    mask = mask if layers else mask[..., 0]
    filled, augment = [], build(warp=1.0)
    for seed in range(40):
        shown, result = augment.transform_geometry(image, mask, seed)
        black = shown[..., 0] < 90  # more filled than not
        ignored = (result == IGNORE).reshape(*black.shape, -1)
        assert (ignored == ignored[..., :1]).all()
        assert (black & ~ignored[..., 0]).sum() <= 2  # where rounding goes one way in the image, another in the mask
        filled.append(black.mean())
    assert np.mean(np.array(filled) > 0.001) > 0.4
    assert max(filled) > 0.1


def test_warps_bend_and_are_as_frequent_as_they_are_said_to_be():
    image, mask = sample()
    augment = build(warp=0.25)
    result = [augment.transform_geometry(image, mask, seed) for seed in range(200)]
    warped = [pair for pair in result if (pair[0] != image).any()]
    assert 25 < len(warped) < 75
    inside = [other != IGNORE for _, other in warped]
    agree = [
        (np.abs(one[..., 0].astype(int) - other * 40)[here] < 20).mean()
        for (one, other), here in zip(warped, inside, strict=True)
    ]
    assert min(agree) > 0.7


@pytest.mark.parametrize("crop", [None, (64, 96)])
def test_motion_is_as_frequent_as_it_is_said_to_be(crop):
    image, mask = sample()
    moving = {"scale": (0.5, 0.6), "rotate": 20, "shift": 0.1}
    for probability, least, most in ((0.0, 0, 0), (0.3, 35, 85), (1.0, 200, 200)):
        augment = build(crop, **moving, motion=probability)
        moved = [(augment.transform_geometry(image, mask, seed)[1] != mask).any() for seed in range(200)]
        assert least <= sum(moved) <= most
    always, often = build(crop, **moving), build(crop, **moving, motion=0.5)
    for seed in range(20):  # and where it moves it moves alike
        one, other = always.transform_geometry(image, mask, seed)[1], often.transform_geometry(image, mask, seed)[1]
        assert (other == one).all() or (other == mask).all()


def test_whole_images_have_the_size_of_the_crop():
    square = np.zeros((128, 256), np.uint8)
    square[32:96, 64:192] = 1  # a fourth of the image
    augment = build((64, 64), scale=(2.0, 2.0), whole=0.3)
    result = [augment.transform_geometry(np.repeat(square[..., None], 3, 2), square, seed) for seed in range(200)]
    assert all((image.shape, mask.shape) == ((64, 64, 3), (64, 64)) for image, mask in result)
    whole = [mask for _, mask in result if (mask[16:48, 16:48] == 1).all() and mask.sum() == 32 * 32]
    assert 35 <= len(whole) <= 85
    layers = np.repeat(square[..., None], 5, 2)
    assert augment.transform_geometry(np.repeat(square[..., None], 3, 2), layers, 0)[1].shape == (64, 64, 5)


def test_whole_images_need_a_crop():
    with pytest.raises(
        ConfigError, match=r"augment\.whole=0\.3 resizes whole images to crop\.size, .* give crop\.size"
    ):
        build(whole=0.3)


@pytest.mark.parametrize("key", ["tone", "hue"])
def test_other_colours_are_as_frequent_as_they_are_said_to_be(key):
    image, mask = sample()
    image[..., 0] += 40  # gamma leaves black as it is
    augment = build(**{key: 0.5})
    result = [apply(augment, image, mask, seed) for seed in range(100)]
    assert all((other == mask).all() for _, other in result)
    assert 28 <= sum((other != image).any() for other, _ in result) <= 70
    assert max(np.abs(other.astype(int) - image).mean() for other, _ in result) < 60


def test_tones_change_grey_alone():
    grey = np.full((8, 8, 3), 100, np.uint8)
    shown = [build(tone=1.0).transform_colour(grey, seed) for seed in range(40)]
    assert all((image == image[..., :1]).all() for image in shown)
    assert len({image.tobytes() for image in shown}) > 15


SOFT = LabelSpace(names=("background", "a"), background=0, task=Task.BINARY, scale=SOFT_SCALE)
SOFT_LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL, scale=SOFT_SCALE)
GEOMETRY = [
    {"flip": 1.0},
    {"rotate": 45},
    {"scale": 0.5},
    {"shift": 0.2},
    {"warp": 1.0},
    {"rotate": 30, "scale": 0.5, "shift": 0.1, "warp": 0.5, "crop": (32, 64)},
    {"whole": 1.0, "crop": (32, 64)},
]


def ramp() -> tuple[np.ndarray, np.ndarray]:
    """An image that is 20 more than its soft mask, so that what is filled differs, and the mask: a slope of shares."""
    mask = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint8)
    return np.repeat((mask + 20)[..., None], 3, axis=2), mask


def apply_soft(config: dict, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = SOFT if mask.ndim == 2 else SOFT_LAYERS
    config = STILL | config
    crop = CropConfig(size=config.pop("crop", None))
    return build_augment(AugmentConfig(**config), crop, labels=labels).transform_geometry(image, mask, seed)


@pytest.mark.parametrize("config", GEOMETRY)
def test_shares_move_with_their_image_and_what_is_filled_is_ignored(config):
    for seed in range(6):
        image, mask = apply_soft(config, *ramp(), seed)
        inside = mask != IGNORE
        assert inside.mean() > 0.3
        # without the rim: there the image is mixed with what is filled, and the mask is not
        whole = cv2.erode(np.pad(inside, 2).astype(np.uint8), np.ones((5, 5)))[2:-2, 2:-2] > 0
        assert np.abs(image[..., 0].astype(int) - 20 - mask)[whole].max() <= 3
        assert mask[inside].max() <= ramp()[1].max()


@pytest.mark.parametrize("config", GEOMETRY)
def test_ignored_pixels_do_not_bleed_into_shares(config):
    """All that counts is the share 0.3; an ignored pixel that was interpolated would be seen."""
    random = np.random.default_rng(0)
    mask = np.full((64, 96, 2), 76, np.uint8)
    mask[random.random((16, 24, 2)).repeat(4, 0).repeat(4, 1) < 0.3] = IGNORE
    image = np.zeros((64, 96, 3), np.uint8)
    for seed in range(6):
        _, result = apply_soft(config, image, mask, seed)
        assert (result.ndim, result.shape[2]) == (3, 2)
        counted = result != IGNORE
        assert 0.3 < counted.mean() < 0.9
        assert np.abs(result[counted].astype(int) - 76).max() <= 2  # rounded up to twice


def test_a_flipped_soft_mask_is_exact():
    image, mask = ramp()
    mask[3, 4], mask[5, 6] = IGNORE, SOFT_SCALE
    result = apply_soft({"flip": 1.0}, image, mask, 0)
    assert (result[0] == image[:, ::-1]).all()
    assert (result[1] == mask[:, ::-1]).all()


def test_resize_by_interpolates_shares():
    image, mask = np.zeros((1, 2, 3), np.uint8), np.array([[0, 100]], np.uint8)
    assert resize_by(image, mask, 2.0, soft=True)[1].tolist() == [[0, 25, 75, 100]] * 2


def test_a_crop_is_centred_where_the_share_is_above_one_half():
    mask = np.full((200, 200), 127, np.uint8)
    mask[150, 40] = 128
    config = CropConfig(size=(32, 32), kind="class_centred")
    augment = build_augment(AugmentConfig(**STILL), config, labels=SOFT)
    _, window = augment.transform_geometry(np.zeros((200, 200, 3), np.uint8), mask, 0)
    assert window[16, 16] == 128
