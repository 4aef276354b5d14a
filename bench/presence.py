"""Measure the cost of the heads: the time of a training step with them over the time of a step without.

    python -m bench.presence                  # 8 × 3 × 256 × 256, about 5 minutes on two CPU cores
    python -m bench.presence --size 512       # on a GPU, which is taken if there is one

A presence head is to cost at most 3 % of a step, with its target and its loss. A hypercolumn costs what it computes.
"""

import argparse
from collections.abc import Callable

import torch

from bench.ratios import Pair, describe, rate
from rarepix.labels import LabelSpace
from rarepix.losses import build_loss
from rarepix.models import build_model
from rarepix.models.outputs import as_output, target_of
from rarepix.models.settings import ModelConfig

LABELS = LabelSpace(names=("background", "object"), background=0)
NETWORKS = {
    "unet resnet18": {"architecture": "unet", "encoder": "resnet18"},
    "plain_unet resnet18": {"architecture": "plain_unet", "encoder": "resnet18"},
}
HEADS = {
    **{
        f"presence {pooling}": {"presence": "decoder", "presence_pooling": pooling} for pooling in ("max", "avg", "gem")
    },
    "presence of encoder": {"presence": "encoder"},
}
OF_OURS = {f"hypercolumn {kind}": {"hypercolumn": kind} for kind in ("sum", "fused")}
"""Measured on plain_unet alone, whose finest level has stride 4."""


def main() -> None:
    """Measure every head and print the ratios."""
    options = _parser().parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{device}, torch {torch.__version__}, {options.images} × 3 × {options.size} × {options.size}", flush=True)
    for name, network in NETWORKS.items():
        plain = _step(network, options, device)
        for head, keys in (HEADS | (OF_OURS if network["architecture"] == "plain_unet" else {})).items():
            work = (plain, _step(network | keys, options, device))
            pairs = [Pair(*(rate(step, device) for step in work)) for _ in range(options.repeats + 1)][1:]
            print(describe(f"{name}, {head}: a step with over without", pairs), flush=True)


def _step(keys: dict[str, str], options: argparse.Namespace, device: torch.device) -> Callable[[], int]:
    """Return a function that takes a training step and returns its number of images."""
    random = torch.Generator().manual_seed(0)
    shape = (options.images, options.size, options.size)
    images = torch.rand(options.images, 3, *shape[1:], generator=random).to(device)
    masks = torch.randint(0, 2, shape, generator=random).to(device)
    model = build_model(ModelConfig(**keys), classes=2).to(device).train()
    name = "ce+presence_bce" if "presence" in model.outputs else "ce"
    loss = build_loss(name, task=LABELS.task, classes=2, background=0, check_values=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> int:
        output = as_output(model(images))
        loss(output, target_of(masks, LABELS))["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        return len(images)

    return step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.presence", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--repeats", type=int, default=9, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
