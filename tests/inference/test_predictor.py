"""The predictor, with networks whose correct logits are known."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from rarepix.inference.predictor import Predictor
from rarepix.metrics.settings import EvaluateConfig

FLIPS = [(), ("horizontal",), ("vertical",), ("horizontal", "vertical")]


def batch(sizes: list[tuple[int, int]], masks: list[tuple[int, int]] | None = None, channels: int = 3) -> dict:
    """Return a batch of images of these sizes, padded to one size, and empty masks."""
    masks = masks or sizes
    rows, columns = (-(-max(side) // 32) * 32 for side in zip(*sizes, strict=True))
    images = torch.zeros(len(sizes), channels, rows, columns)
    random = torch.Generator().manual_seed(0)
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:, :height, :width] = torch.rand(channels, height, width, generator=random)
    frame = (rows, columns) if masks == sizes else tuple(map(max, zip(*masks, strict=True)))
    mask = torch.zeros(len(sizes), *frame, dtype=torch.uint8)
    return {"image": images, "mask": mask, "image_size": sizes, "mask_size": masks}


def pixelwise(images: Tensor) -> Tensor:
    """Return logits that depend on each pixel alone."""
    return images[:, :2].float() * 4 - 2


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("window", [None, (32, 32)])
@pytest.mark.parametrize("sizes", [[(40, 50)] * 3, [(40, 50), (64, 33)]])
def test_a_pixelwise_network_predicts_the_same_with_windows_and_flips(flips, window, sizes):
    given = batch(sizes)
    actual = Predictor(EvaluateConfig(flips=flips, window=window))(pixelwise, given)
    assert actual.shape == (len(sizes), 2, *given["mask"].shape[-2:])
    for number, (rows, columns) in enumerate(sizes):
        own = number, slice(None), slice(0, rows), slice(0, columns)
        torch.testing.assert_close(actual[own], pixelwise(given["image"])[own], rtol=1e-5, atol=1e-5)


def test_a_horizontal_flip_makes_a_one_sided_network_symmetric():
    """A network whose logits are the pixel to the right; with the flip they are the mean of both neighbours."""

    def rightward(images: Tensor) -> Tensor:
        return images[:, :1].float().roll(-1, dims=-1)

    given = batch([(32, 32)])
    image = given["image"][:, :1]
    actual = Predictor(EvaluateConfig(flips=("horizontal",)))(rightward, given)
    torch.testing.assert_close(actual, (image.roll(-1, dims=-1) + image.roll(1, dims=-1)) / 2)


def test_every_combination_of_flips_is_predicted_once():
    seen = []

    def network(images: Tensor) -> Tensor:
        seen.append(images[0, 0].argmax().item())
        return images[:, :1]

    given = batch([(32, 32)])
    given["image"][0, 0, 0, 0] = 5.0
    Predictor(EvaluateConfig(flips=("horizontal", "vertical")))(network, given)
    assert sorted(seen) == [0, 31, 31 * 32, 32 * 32 - 1]


def test_scales_are_predicted_at_their_size_and_averaged_at_the_size_of_the_image():
    sizes = []

    def network(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[-2:]))
        return torch.full((len(images), 1, *images.shape[-2:]), float(len(sizes)))

    actual = Predictor(EvaluateConfig(scales=(0.5, 1.0, 1.5)))(network, batch([(64, 96)]))
    assert sizes == [(32, 64), (64, 96), (96, 160)]  # padded to multiples of 32
    assert actual.shape == (1, 1, 64, 96)
    torch.testing.assert_close(actual, torch.full_like(actual, 2.0))


def test_logits_are_resized_to_the_size_of_each_mask():
    given = batch([(32, 48), (32, 32)], masks=[(64, 96), (50, 40)])
    actual = Predictor(EvaluateConfig())(pixelwise, given)
    assert actual.shape == (2, 2, 64, 96)
    for number, (rows, columns) in enumerate(given["mask_size"]):
        height, width = given["image_size"][number]
        small = pixelwise(given["image"])[[number], :, :height, :width]
        expected = interpolate(small, size=(rows, columns), mode="bilinear", align_corners=False)[0]
        torch.testing.assert_close(actual[number, :, :rows, :columns], expected)


def test_without_masks_the_output_has_the_largest_mask_size():
    given = batch([(32, 48), (32, 32)], masks=[(64, 96), (70, 40)])
    del given["mask"]
    assert Predictor(EvaluateConfig())(pixelwise, given).shape == (2, 2, 70, 96)


def test_other_images_of_the_batch_do_not_matter():
    """With windows or views each image is predicted without padding to the size of others."""

    def network(images: Tensor) -> Tensor:
        return images[:, :1].float().mean(dim=(2, 3), keepdim=True).expand(-1, 1, *images.shape[-2:])

    sizes = [(40, 50), (64, 33)]
    inference = Predictor(EvaluateConfig(flips=("horizontal",)))
    together = inference(network, batch(sizes))
    alone = inference(network, batch(sizes[:1]))
    torch.testing.assert_close(together[0, :, :40, :50], alone[0, :, :40, :50])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": (40, 64)}, r"multiples of 32, for instance \[32, 64\]"),
        ({"window": (0, 64)}, "greater than 0"),
        ({"flips": ("horizontal", "horizontal")}, "each must be named once"),
        ({"flips": ("diagonal",)}, "'horizontal' or 'vertical'"),
        ({"scales": ()}, "at least 1 item"),
        ({"scales": (1.0, 0.0)}, "greater than 0"),
        ({"overlap": 1.0}, "less than 1"),
        ({"threshold": 1.0}, "less than 1"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**given)
