"""Measure the decoders bifpn and fapn, forward and backward, as ratios of times within one run.

    python -m bench.pyramids                     # ResNet-50, 2 × 3 × 128 × 128, about 2 minutes on two CPU cores
    python -m bench.pyramids --size 512 --batch 8 --bf16     # on a GPU, which is taken if there is one

Each line: the time of our decoder, or of the whole network with it, divided by that of segmentation-models-pytorch's
FPN with as many channels. Below 1, ours is faster. The two of a pair are measured in turn; median, least and largest
ratio and the number of pairs are printed. BiFPN is measured with one cell as well as with the five of EfficientDet-D2.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from bench.ratios import Pair, rate
from rarepix.models import build_model
from rarepix.models.settings import ModelConfig

CHANNELS = 128
OURS: dict[str, dict[str, Any]] = {
    "bifpn": {"architecture": "bifpn", "pyramid_channels": CHANNELS},
    "bifpn, 1 cell": {"architecture": "bifpn", "pyramid_channels": CHANNELS, "pyramid_cells": 1},
    "fapn": {"architecture": "fapn", "pyramid_channels": CHANNELS},
}
"""Line → keys of the section ``model``."""
FPN = {
    "architecture": "fpn",
    "options": {"decoder_pyramid_channels": CHANNELS, "decoder_segmentation_channels": CHANNELS},
}


def main() -> None:
    """Draw images, measure, print."""
    options = _parser().parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = f"{options.batch} × 3 × {options.size} × {options.size}, {'bf16 autocast' if options.bf16 else 'fp32'}"
    print(
        f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads; {options.encoder}, {size}", flush=True
    )
    images = torch.rand(options.batch, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
    images = images.to(device, memory_format=torch.channels_last)
    reference = _network(FPN, options.encoder, device)
    for name, keys in OURS.items():
        ours = _network(keys, options.encoder, device)
        counts = [sum(parameter.numel() for parameter in each.decoder.parameters()) for each in (ours, reference)]
        works = _works(ours, reference, images, options.bf16)
        parts = [f"{part} {_ratio(*pair, device, options.repeats)}" for part, pair in works]
        print(f"{name}: {'; '.join(parts)}; parameters {counts[0]:,} against {counts[1]:,}", flush=True)


def _network(keys: dict[str, Any], encoder: str, device: torch.device) -> nn.Module:
    network = build_model(ModelConfig(**keys, encoder=encoder), classes=2)
    return network.to(device, memory_format=torch.channels_last).train()


def _works(
    ours: nn.Module, reference: nn.Module, images: torch.Tensor, bf16: bool
) -> Iterator[tuple[str, list[Callable[[], int]]]]:
    """Yield what is compared: the decoders on equal features, then the networks on equal images."""
    with torch.no_grad():
        features = [each.detach() for each in reference.encoder(images)]
    yield "decoder", [_step(each.decoder, features, bf16) for each in (ours, reference)]
    yield "network", [_step(each, images, bf16) for each in (ours, reference)]


def _step(module: nn.Module, inputs: Any, bf16: bool) -> Callable[[], int]:
    first = inputs[0] if isinstance(inputs, list) else inputs

    def step() -> int:
        given = [each.requires_grad_() for each in inputs] if isinstance(inputs, list) else inputs
        with torch.autocast(first.device.type, dtype=torch.bfloat16, enabled=bf16):
            output = module(given)
        (output[-1] if isinstance(output, list) else output).float().mean().backward()
        return len(first)

    return step


def _ratio(ours: Callable[[], int], reference: Callable[[], int], device: torch.device, repeats: int) -> str:
    ours(), reference()
    pairs = [Pair(rate(ours, device), rate(reference, device)) for _ in range(repeats)]
    ratios = sorted(pair.reference / pair.ours for pair in pairs)
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f}, n = {len(ratios)})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.pyramids", description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="resnet50")
    parser.add_argument("--batch", type=int, default=2, help="images")
    parser.add_argument("--size", type=int, default=128, help="rows and columns")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16, as training does where it can")
    parser.add_argument("--repeats", type=int, default=9, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
