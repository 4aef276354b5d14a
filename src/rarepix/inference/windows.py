"""Sliding-window inference: where the windows lie, and how overlapping logits are averaged (Isensee et al. 2021).

Presence is not averaged: a class that is in one window is in the image, so that its logit is the maximum over windows.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from rarepix.models.outputs import SegOutput, as_output

Network = Callable[[Tensor], SegOutput | Tensor]
"""Images N 3 H W → what the network says; a plain tensor is the logits N C H W of the masks."""
SIGMA = 1 / 8
"""Standard deviation of the Gaussian weights of a window, as a share of its sides: nnU-Net's."""


def slide(network: Network, images: Tensor, window: tuple[int, int], *, overlap: float, batch_size: int) -> SegOutput:
    """Return the output for images N 3 H W: logits of masks N C H W averaged over windows, of presence N K the maximum.

    Windows have the rows and columns *window*; the next one overlaps the share *overlap* at least; images smaller than
    a window are padded with 0. The network gets up to *batch_size* windows at once.
    """
    rows, columns = images.shape[-2:]
    images = pad(images, (0, max(0, window[1] - columns), 0, max(0, window[0] - rows)))
    positions = [
        (number, top, left)
        for number in range(len(images))
        for top in window_starts(images.shape[-2], window[0], overlap)
        for left in window_starts(images.shape[-1], window[1], overlap)
    ]
    weight = gaussian_weights(window).to(images.device)
    weights = torch.zeros(len(images), 1, *images.shape[-2:], device=images.device)
    total, of_windows = None, []
    for first in range(0, len(positions), batch_size):
        chunk = positions[first : first + batch_size]
        windows = torch.stack([images[n, :, t : t + window[0], left : left + window[1]] for n, t, left in chunk])
        output = as_output(network(windows))
        if output.presence is not None:
            of_windows.append(output.presence.float())
        if output.mask is None:
            continue
        weighted = output.mask.float() * weight
        if total is None:
            total = weighted.new_zeros(len(images), weighted.shape[1], *images.shape[-2:])
        for (n, top, left), logits in zip(chunk, weighted, strict=True):
            inside = n, slice(None), slice(top, top + window[0]), slice(left, left + window[1])
            total[inside] += logits
            weights[inside] += weight
    mask = None if total is None else (total / weights)[..., :rows, :columns]
    # every image has the same number of windows, one image after the other
    presence = torch.cat(of_windows).unflatten(0, (len(images), -1)).amax(dim=1) if of_windows else None
    return SegOutput(mask, presence)


def window_starts(side: int, window: int, overlap: float) -> list[int]:
    """Return the first pixels of the windows along a side, evenly spread from its beginning to its end.

    Example: ``window_starts(128, 64, 0.5)`` is ``[0, 32, 64]``.
    """
    step = max(1, math.floor(window * (1 - overlap)))
    gaps = math.ceil((side - window) / step)
    return [round(number * (side - window) / gaps) for number in range(gaps + 1)] if gaps > 0 else [0]


@cache
def gaussian_weights(window: tuple[int, int]) -> Tensor:
    """Return the weights H W of a window's pixels: 1 in the middle, falling towards the border, never 0."""
    sides = []
    for side in window:
        distance = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
        sides.append(torch.exp(-0.5 * (distance / (side * SIGMA)) ** 2))
    return torch.outer(*sides) / (sides[0].max() * sides[1].max())
