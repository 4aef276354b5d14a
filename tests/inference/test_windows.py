"""Sliding windows: their positions, and that they do not change the logits of a pixelwise network."""

import numpy as np
import pytest
import torch
from scipy.signal.windows import gaussian as scipy_gaussian

from rarepix.inference.windows import gaussian_weights, slide, window_starts
from rarepix.models.outputs import SegOutput


@pytest.mark.parametrize(
    ("side", "window", "overlap", "expected"),
    [
        (64, 64, 0.5, [0]),
        (32, 64, 0.5, [0]),
        (65, 64, 0.0, [0, 1]),
        (128, 64, 0.5, [0, 32, 64]),
        (100, 64, 0.5, [0, 18, 36]),  # two gaps for 36 pixels
        (192, 64, 0.0, [0, 64, 128]),
    ],
)
def test_window_starts(side, window, overlap, expected):
    assert window_starts(side, window, overlap) == expected


@pytest.mark.parametrize("side", range(1, 200, 7))
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
def test_windows_cover_every_pixel_with_at_least_the_overlap(side, overlap):
    actual = window_starts(side, 32, overlap)
    assert actual[0] == 0
    assert actual[-1] == max(0, side - 32)
    gaps = np.diff(actual)
    assert (gaps > 0).all()
    assert (gaps <= max(1, 32 * (1 - overlap))).all()


def test_gaussian_weights_are_those_of_scipy():
    expected = np.outer(scipy_gaussian(32, 4), scipy_gaussian(64, 8))
    np.testing.assert_allclose(gaussian_weights((32, 64)), expected / expected.max(), rtol=1e-5)
    assert (gaussian_weights((32, 64)) > 0).all()


@pytest.mark.parametrize("size", [(32, 32), (50, 71), (20, 90), (5, 5)])
@pytest.mark.parametrize("together", [1, 3, 100])
def test_a_pixelwise_network_predicts_the_same_in_windows(size, together):
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    shown = []

    def network(given: torch.Tensor) -> torch.Tensor:
        shown.append(len(given))
        return given[:, :2] * 2 - 1

    actual = slide(network, images, (32, 32), overlap=0.5, batch_size=together).mask
    assert max(shown) <= together
    torch.testing.assert_close(actual, images[:, :2] * 2 - 1, rtol=1e-5, atol=1e-5)


def test_the_middle_of_a_window_weighs_most():
    """Of two windows with logits 0 and 1 the overlap rises symmetrically from 0 to 1."""
    answers = iter([0.0, 1.0])

    def network(given: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.full((1, 32, 32), next(answers)) for _ in given])

    row = slide(network, torch.zeros(1, 3, 32, 48), (32, 32), overlap=0.5, batch_size=1).mask[0, 0, 0]
    assert (row[:16] == 0).all()
    assert (row[32:] == 1).all()
    between = row[16:32]
    assert (between.diff() > 0).all()
    torch.testing.assert_close(between, 1 - between.flip(0))


@pytest.mark.parametrize("together", [1, 3, 100])
def test_presence_is_the_maximum_over_the_windows_of_each_image(together):
    images = torch.zeros(3, 3, 70, 50)
    images[0, 0, 69, 0], images[1, 0, 0, 49], images[2, 0] = 4.0, 2.0, -1.0

    def network(given: torch.Tensor) -> SegOutput:
        return SegOutput(presence=given[:, 0].flatten(1).sum(dim=1, keepdim=True))

    output = slide(network, images, (32, 32), overlap=0.0, batch_size=together)
    assert output.mask is None
    assert output.presence.flatten().tolist() == [4.0, 2.0, -1024.0]
