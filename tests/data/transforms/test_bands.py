"""Transforms of images of any bands: each band is transformed as it would be alone, and none is lost."""

import numpy as np
import pytest

from rarepix.data.bands import Bands
from rarepix.data.transforms.augment import build_augment, resize_by
from rarepix.data.transforms.copypaste import cut_out, paste_region, warp
from rarepix.data.transforms.crops import cut
from rarepix.data.transforms.mixing import classmix
from rarepix.data.transforms.resizing import resize_image
from rarepix.data.transforms.settings import AugmentConfig, CropConfig
from rarepix.labels import LabelSpace
from rarepix.settings import ConfigError

LABELS = LabelSpace(names=("ground", "block"), background=0)
RNG = np.random.default_rng(0)
MASK = (RNG.random((48, 64)) > 0.9).astype(np.uint8)
BLOCK = np.zeros((48, 64), np.uint8)
BLOCK[10:30, 20:50] = 1

any_bands = pytest.mark.parametrize("bands", [1, 2, 4, 5, 13, 16])
any_type = pytest.mark.parametrize("dtype", [np.uint8, np.float32])


def random_image(bands: int, dtype) -> np.ndarray:
    image = RNG.random((48, 64, bands))
    return (image * 255).astype(np.uint8) if dtype == np.uint8 else image.astype(np.float32)


@any_bands
@any_type
@pytest.mark.parametrize("size", [(20, 30), (90, 100), (20, 100)])
def test_bands_are_resized_each_by_itself(bands, dtype, size):
    image = random_image(bands, dtype)
    resized = resize_image(image, size)
    assert (resized.shape, resized.dtype) == ((*size, bands), dtype)
    for band in range(bands):
        alone = resize_image(np.ascontiguousarray(image[..., band]), size)
        assert np.abs(resized[..., band].astype(float) - alone).max() <= (1 if dtype == np.uint8 else 1e-5)
    assert resize_by(image, MASK, 0.5)[0].shape == (24, 32, bands)


@any_bands
@any_type
def test_geometry_moves_every_band_like_the_mask(bands, dtype):
    """All bands of the image are its mask, so that they must stay so, but for interpolated pixels at its border."""
    full = 255 if dtype == np.uint8 else 1
    image = np.repeat(BLOCK[..., None] * full, bands, axis=2).astype(dtype)
    config = AugmentConfig(flip=0.5, scale=0.2, rotate=20, shift=0.1, warp=0.5)
    augment = build_augment(config, CropConfig(size=(32, 32)), labels=LABELS, bands=Bands(channels=bands))
    for seed in range(5):
        moved, mask = augment.transform_geometry(image, BLOCK, seed)
        assert (moved.shape, moved.dtype) == ((32, 32, bands), dtype)
        on, counted = moved > full / 2, mask != LABELS.ignore
        assert ((on == (mask == 1)[..., None])[counted]).mean() > 0.9
        assert (moved == moved[..., :1]).all()


@any_bands
@any_type
def test_colour_keeps_shape_type_and_range(bands, dtype):
    config = AugmentConfig(brightness=0.2, tone=1.0, texture=1.0)
    augment = build_augment(config, CropConfig(), labels=LABELS, bands=Bands(channels=bands))
    image = random_image(bands, dtype)
    for seed in range(20):
        changed = augment.transform_colour(image, seed)
        assert (changed.shape, changed.dtype) == (image.shape, dtype)
        assert changed.min() >= 0
        assert changed.max() <= (255 if dtype == np.uint8 else 1)


def test_hue_is_refused_for_other_than_three_bands():
    with pytest.raises(ConfigError, match=r"data\.channels must be 3, but it is 4: leave augment\.hue out"):
        build_augment(AugmentConfig(hue=0.1), CropConfig(), labels=LABELS, bands=Bands(channels=4))


@any_bands
@any_type
def test_pastes_and_crops_take_all_bands(bands, dtype):
    image, donor = random_image(bands, dtype), random_image(bands, dtype)
    cutout = cut_out(donor, BLOCK, 1)
    same = warp(cutout, flip=False, scale=1, degrees=0)
    pasted, _, pixels = paste_region(image, MASK, same.patch, same.region, 1, 2, 3, ignore_margin=0, ignore=255)
    assert pixels == 20 * 30
    assert np.allclose(pasted[2:22, 3:33], donor[10:30, 20:50], atol=1e-4)
    assert np.array_equal(pasted[22:], image[22:])
    assert warp(cutout, flip=True, scale=0.5, degrees=30).patch.shape[2] == bands
    mixed, _ = classmix((image, MASK), (donor, BLOCK), BLOCK)
    assert np.array_equal(mixed, np.where(BLOCK[..., None] == 1, donor, image))
    window, _ = cut(image, MASK, (-5, -5), (64, 96), ignore=255)
    assert np.array_equal(window[5:53, 5:69], image)
    assert not window[:5].any()
