"""A window that slides over an image: where it stops, and how the answers are put together (Isensee et al. 2021)."""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

Network = Callable[[Tensor], Tensor]
"""Images N 3 H W → logits N C H W."""
SIGMA = 1 / 8
"""Of the Gaussian by which the answers of a window are weighed, as a share of its sides: nnU-Net's."""


def slide(network: Network, images: Tensor, window: tuple[int, int], *, overlap: float, together: int) -> Tensor:
    """Return logits N C H W of images N 3 H W, asked window by window; smaller images are padded with 0.

    Args:
        network: is shown up to *together* windows at once.
        images: what is looked at.
        window: rows and columns.
        overlap: share of a window that the next one covers again, at least.
        together: windows of one call.
    """
    rows, columns = images.shape[-2:]
    images = pad(images, (0, max(0, window[1] - columns), 0, max(0, window[0] - rows)))
    places = [
        (number, top, left)
        for number in range(len(images))
        for top in stops(images.shape[-2], window[0], overlap)
        for left in stops(images.shape[-1], window[1], overlap)
    ]
    weight = gaussian(window).to(images.device)
    total = None
    weights = torch.zeros(len(images), 1, *images.shape[-2:], device=images.device)
    for first in range(0, len(places), together):
        group = places[first : first + together]
        shown = torch.stack([images[n, :, t : t + window[0], left : left + window[1]] for n, t, left in group])
        answers = network(shown).float() * weight
        if total is None:
            total = answers.new_zeros(len(images), answers.shape[1], *images.shape[-2:])
        for (n, top, left), answer in zip(group, answers, strict=True):
            inside = n, slice(None), slice(top, top + window[0]), slice(left, left + window[1])
            total[inside] += answer
            weights[inside] += weight
    return (total / weights)[..., :rows, :columns]


def stops(side: int, window: int, overlap: float) -> list[int]:
    """Return the first pixels of the windows along a side: evenly spread, from its beginning to its end."""
    step = max(1, math.floor(window * (1 - overlap)))
    gaps = math.ceil((side - window) / step)
    return [round(number * (side - window) / gaps) for number in range(gaps + 1)] if gaps > 0 else [0]


@cache
def gaussian(window: tuple[int, int]) -> Tensor:
    """Return weights H W: 1 in the middle, falling to the border, never 0."""
    sides = []
    for side in window:
        away = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
        sides.append(torch.exp(-0.5 * (away / (side * SIGMA)) ** 2))
    return torch.outer(*sides) / (sides[0].max() * sides[1].max())
