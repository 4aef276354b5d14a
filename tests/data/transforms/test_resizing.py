"""Images and masks in another size, whatever the number of layers."""

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
