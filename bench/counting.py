"""Measure what counting costs: training steps with the batch counted after each, over the same steps without.

    python -m bench.counting                    # the default network, 8 × 3 × 256 × 256, 12 classes, about a minute

A trial counts in its validations only, so this is more than it ever pays. Counts stay on the device until the end.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from bench.ratios import Pair, describe, rate
from rarepix.evaluation.decoding import count_decoded
from rarepix.labels import IGNORE, LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.models import build_model
from rarepix.models.settings import ModelConfig

STEPS = 3
THRESHOLD = 0.5


def main() -> None:
    """Measure every task, print."""
    given = _parser().parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{device}, {given.images} × 3 × {given.size} × {given.size}, {given.classes} classes", flush=True)
    for task in Task:
        names = ("background", "other") if task is Task.BINARY else tuple(map(str, range(given.classes)))
        labels = LabelSpace(names=names, background=0 if task is Task.BINARY else None, task=task)
        step = partial(_steps, *_batch(labels, given, device), labels)
        contenders = [step(counting=counting) for counting in (True, False)]
        pairs = [Pair(*(rate(work, device) for work in contenders)) for _ in range(given.repeats + 1)][1:]
        print(describe(f"{task}, counted against not", pairs), flush=True)


def _batch(labels: LabelSpace, given: argparse.Namespace, device: torch.device) -> tuple[nn.Module, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    model = build_model(ModelConfig(), classes=labels.channels).to(device).train()
    image = torch.rand(given.images, 3, given.size, given.size, generator=random)
    layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
    highest = labels.count if labels.task is Task.MULTICLASS else 2
    mask = torch.randint(0, highest, (given.images, *layers, given.size, given.size), generator=random)
    mask[..., :8, :] = IGNORE
    return model, image.to(device), mask.to(device)


def _steps(model: nn.Module, image: Tensor, mask: Tensor, labels: LabelSpace, *, counting: bool) -> Callable[[], int]:
    """Return a few training steps, with or without counting, which return their images."""
    loss = build_loss("ce", task=labels.task, classes=labels.channels, check_values=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def work() -> int:
        counts = torch.zeros(labels.count, 4, dtype=torch.long, device=image.device)
        for _ in range(STEPS):
            logits = model(image)
            loss(logits, mask)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
            if counting:
                counts += count_decoded(logits.detach(), mask, labels=labels, threshold=THRESHOLD).sum(dim=0)
        return STEPS * len(image)

    return work


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.counting", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8, help="images of a batch")
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
