"""Images and masks in another size, whatever the number of layers."""

import cv2
import numpy as np
import pytest

from rarepix.data.transforms.resizing import fitted, resize_image, resize_mask


@pytest.mark.parametrize(
    ("shape", "wanted", "size"),
    [
        ((100, 200), (30, 40), (30, 40)),
        ((100, 200), 50, (25, 50)),
        ((200, 100), 50, (50, 25)),
        ((100, 201), 50, (25, 50)),
        ((10, 20), 100, (50, 100)),
        ((1, 500), 20, (1, 20)),
    ],
)
def test_fitted(shape, wanted, size):
    assert fitted(shape, wanted) == size


def test_smaller_is_the_mean_of_an_area_and_larger_is_between():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = [[[40], [80]], [[0], [120]]]
    assert resize_image(image, (2, 2))[..., 0].tolist() == [[60, 0], [0, 0]]
    ramp = np.repeat(np.array([[0, 100]], np.uint8)[..., None], 3, 2)
    assert resize_image(ramp, (1, 4))[0, :, 1].tolist() == [0, 25, 75, 100]
    assert resize_image(ramp, (1, 2)) is ramp


@pytest.mark.parametrize("layers", [None, 1, 3, 5, 9])
@pytest.mark.parametrize("size", [(4, 6), (7, 29), (24, 11), (12, 18)])
def test_a_mask_has_the_nearest_pixel_of_every_layer(layers, size):
    shape = (12, 18) if layers is None else (12, 18, layers)
    mask = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(size, shape, strict=False))
    expected = mask[np.ix_(rows.astype(int), columns.astype(int))]
    result = resize_mask(mask, size)
    assert result.shape == expected.shape
    assert (result == expected).all()


@pytest.mark.parametrize("layers", [None, 1, 3, 5])
def test_a_soft_mask_is_resized_like_an_image(layers):
    row = [0, 100]
    mask = np.array([row], np.uint8) if layers is None else np.repeat(np.array([row], np.uint8)[..., None], layers, 2)
    result = resize_mask(mask, (1, 4), soft=True)
    assert result.shape == (1, 4, *mask.shape[2:])
    for layer in [result] if layers is None else result.transpose(2, 0, 1):
        assert layer.tolist() == [[0, 25, 75, 100]]
    assert resize_mask(mask, (1, 2), soft=True) is mask


def test_shares_of_an_area_are_averaged():
    mask = np.array([[40, 80, 254, 254], [0, 120, 254, 254]], np.uint8)
    assert resize_mask(mask, (1, 2), soft=True).tolist() == [[60, 254]]


def test_an_ignored_pixel_does_not_bleed_into_shares():
    mask = np.array([[40, 255, 0, 8, 255, 9], [80, 60, 255, 255, 255, 255]], np.uint8)
    assert resize_mask(mask, (1, 3), soft=True).tolist() == [[60, 4, 255]]  # of four pixels at least two must count
    wider = resize_mask(np.array([[100, 255]], np.uint8), (1, 8), soft=True)
    assert np.abs(wider[0, :4].astype(int) - 100).max() <= 1  # share and weight are rounded
    assert wider[0, 4:].tolist() == [255] * 4


def test_ignored_pixels_of_one_layer_leave_the_others_alone():
    mask = np.zeros((2, 2, 2), np.uint8)
    mask[..., 0], mask[..., 1] = [[255, 255], [255, 10]], [[10, 20], [30, 40]]
    assert resize_mask(mask, (1, 1), soft=True).tolist() == [[[255, 25]]]


@pytest.mark.parametrize("size", [(5, 7), (24, 40), (11, 30), (3, 3)])
def test_resized_shares_against_floats(size):
    """An independent way: share and weight in floats, each resized by OpenCV."""
    random = np.random.default_rng(0)
    mask = random.integers(0, 255, (12, 20, 3), dtype=np.uint8)
    mask[random.random(mask.shape) < 0.2] = 255
    counted = (mask != 255).astype(np.float64)
    smaller = size[0] <= 12 and size[1] <= 20
    how = {"interpolation": cv2.INTER_AREA if smaller else cv2.INTER_LINEAR}
    share, weight = (cv2.resize(array, size[::-1], **how) for array in (mask * counted, counted))
    result, clear = resize_mask(mask, size, soft=True), np.abs(weight - 0.5) > 0.01
    assert ((result == 255) == (weight < 0.5))[clear].all()
    inside = clear & (weight > 0.5)
    assert np.abs(result[inside] - share[inside] / weight[inside]).max() < 2.5  # eight bits each, over a half at least
