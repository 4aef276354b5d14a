"""The predictor, with networks whose correct logits are known."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from rarepix.gates import Gate
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.outputs import Prediction, SegOutput

LABELS = LabelSpace(names=("a", "b"))
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


def predict(network, given: dict, **config) -> Prediction:
    return Predictor(EvaluateConfig(**config), LABELS).predict(network, given)


def logits_of(network, given: dict, **config) -> Tensor:
    return predict(network, given, **config).output.mask


def pixelwise(images: Tensor) -> Tensor:
    """Return logits that depend on each pixel alone."""
    return images[:, :2].float() * 4 - 2


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("window", [None, (32, 32)])
@pytest.mark.parametrize("sizes", [[(40, 50)] * 3, [(40, 50), (64, 33)]])
def test_a_pixelwise_network_predicts_the_same_with_windows_and_flips(flips, window, sizes):
    given = batch(sizes)
    actual = logits_of(pixelwise, given, flips=flips, window=window)
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
    actual = logits_of(rightward, given, flips=("horizontal",))
    torch.testing.assert_close(actual, (image.roll(-1, dims=-1) + image.roll(1, dims=-1)) / 2)


def test_every_combination_of_flips_is_predicted_once():
    seen = []

    def network(images: Tensor) -> Tensor:
        seen.append(images[0, 0].argmax().item())
        return images[:, :1]

    given = batch([(32, 32)])
    given["image"][0, 0, 0, 0] = 5.0
    logits_of(network, given, flips=("horizontal", "vertical"))
    assert sorted(seen) == [0, 31, 31 * 32, 32 * 32 - 1]


def test_scales_are_predicted_at_their_size_and_averaged_at_the_size_of_the_image():
    sizes = []

    def network(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[-2:]))
        return torch.full((len(images), 1, *images.shape[-2:]), float(len(sizes)))

    actual = logits_of(network, batch([(64, 96)]), scales=(0.5, 1.0, 1.5))
    assert sizes == [(32, 64), (64, 96), (96, 160)]  # padded to multiples of 32
    assert actual.shape == (1, 1, 64, 96)
    torch.testing.assert_close(actual, torch.full_like(actual, 2.0))


def test_logits_are_resized_to_the_size_of_each_mask():
    given = batch([(32, 48), (32, 32)], masks=[(64, 96), (50, 40)])
    actual = logits_of(pixelwise, given)
    assert actual.shape == (2, 2, 64, 96)
    for number, (rows, columns) in enumerate(given["mask_size"]):
        height, width = given["image_size"][number]
        small = pixelwise(given["image"])[[number], :, :height, :width]
        expected = interpolate(small, size=(rows, columns), mode="bilinear", align_corners=False)[0]
        torch.testing.assert_close(actual[number, :, :rows, :columns], expected)


def test_without_masks_the_output_has_the_largest_mask_size():
    given = batch([(32, 48), (32, 32)], masks=[(64, 96), (70, 40)])
    del given["mask"]
    assert logits_of(pixelwise, given).shape == (2, 2, 70, 96)


def test_other_images_of_the_batch_do_not_matter():
    """With windows or views each image is predicted without padding to the size of others."""

    def network(images: Tensor) -> Tensor:
        return images[:, :1].float().mean(dim=(2, 3), keepdim=True).expand(-1, 1, *images.shape[-2:])

    sizes = [(40, 50), (64, 33)]
    together = logits_of(network, batch(sizes), flips=("horizontal",))
    alone = logits_of(network, batch(sizes[:1]), flips=("horizontal",))
    torch.testing.assert_close(together[0, :, :40, :50], alone[0, :, :40, :50])


def brightest(images: Tensor) -> SegOutput:
    """Return presence logits: of class a the greatest value, of class b minus the upper left one."""
    return SegOutput(presence=torch.stack([images[:, 0].amax(dim=(1, 2)), -images[:, 0, 0, 0]], dim=1).float())


def test_presence_is_the_maximum_over_windows():
    given = batch([(64, 32), (64, 32)])
    given["image"][:] = 0
    given["image"][0, 0, 40, 5], given["image"][1, 0, 0, 0] = 7.0, 3.0
    prediction = predict(brightest, given, window=(32, 32), overlap=0.0, batch_size=3)
    assert prediction.output.mask is None
    assert prediction.output.presence.tolist() == [[7.0, 0.0], [3.0, 0.0]]  # the second window of both has a 0 there
    assert prediction.mask is None
    assert prediction.presence.tolist() == [[True, False], [True, False]]


def test_presence_is_the_mean_over_views():
    given = batch([(32, 32)])
    given["image"][:] = 0
    given["image"][0, 0, 0, 0] = 6.0  # upper left in one of two views
    assert predict(brightest, given, flips=("horizontal",)).output.presence.tolist() == [[6.0, -3.0]]


def test_a_class_is_present_where_its_probability_is_above_the_threshold():
    def network(images: Tensor) -> SegOutput:
        return SegOutput(presence=torch.tensor([[-1.0, 1.0]]))  # 0.27, 0.73

    found = {
        threshold: predict(network, batch([(32, 32)]), threshold=threshold).presence for threshold in (0.2, 0.5, 0.8)
    }
    assert {threshold: each.tolist() for threshold, each in found.items()} == {
        0.2: [[True, True]], 0.5: [[False, True]], 0.8: [[False, False]],
    }  # fmt: skip


@pytest.mark.parametrize("config", [{}, {"window": (32, 32)}, {"flips": ("vertical",)}])
@pytest.mark.parametrize("sizes", [[(64, 64)] * 2, [(64, 64), (40, 33)]])
def test_a_network_with_both_outputs_gives_both(config, sizes):
    def network(images: Tensor) -> SegOutput:
        return SegOutput(pixelwise(images), brightest(images).presence)

    given = batch(sizes)
    both = predict(network, given, **config)
    torch.testing.assert_close(both.output.mask, logits_of(pixelwise, given, **config))
    torch.testing.assert_close(both.output.presence, predict(brightest, given, **config).output.presence)
    assert torch.equal(both.mask, both.output.mask.argmax(1))
    assert both.presence is None  # the mask tells it


def test_images_are_padded_to_the_stride_of_the_network():
    sizes = []

    def network(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[-2:]))
        return pixelwise(images)

    given = batch([(40, 50)])
    predictor = Predictor(EvaluateConfig(flips=("horizontal",)), LABELS, stride=128)
    assert predictor.predict(network, given).output.mask.shape == (1, 2, 64, 64)
    assert sizes == [(128, 128)] * 2


def test_a_gate_changes_what_is_decoded_and_not_the_output():
    """Class b, which wins in every pixel, is not in the image: what is emptied becomes the background a."""
    labels = LabelSpace(names=("a", "b"), background=0)

    def network(images: Tensor) -> SegOutput:
        return SegOutput(torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 32, 32), torch.tensor([[-5.0]]))

    gate = Gate(kind="presence", classes=("b",), presence=(0.5,))
    ungated, gated = (
        Predictor(EvaluateConfig(), labels, **options).predict(network, batch([(32, 32)]))
        for options in ({}, {"gate": gate})
    )
    assert (ungated.mask == 1).all()
    assert (gated.mask == 0).all()
    assert torch.equal(gated.output.mask, ungated.output.mask)


@pytest.mark.parametrize(("task", "expected"), [(Task.BINARY, (1, 32, 32)), (Task.MULTILABEL, (1, 1, 32, 32))])
def test_masks_have_the_shape_of_the_task(task, expected):
    names = ("background", "a") if task is Task.BINARY else ("a",)
    labels = LabelSpace(names=names, background=0 if task is Task.BINARY else None, task=task)
    prediction = Predictor(EvaluateConfig(), labels).predict(lambda images: images[:, :1] - 0.5, batch([(32, 32)]))
    assert prediction.mask.shape == expected
    assert set(prediction.mask.unique().tolist()) == {0, 1}


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
