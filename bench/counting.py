"""Measure the cost of counting: the time to decode and count a batch over the time of a training step on it.

    python -m bench.counting                    # the default network, 8 × 3 × 256 × 256, 12 classes, about 2 minutes

A trial counts only in validation and test. Counts stay on the device until all batches are counted.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.ratios import Pair, describe, rate
from rarepix.inference.decode import decode
from rarepix.labels import IGNORE, LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.metrics.sums import image_sums
from rarepix.models import build_model
from rarepix.models.outputs import Prediction, SegOutput, Target
from rarepix.models.settings import ModelConfig

TIMES = 10
"""Batches that are counted in one measurement."""
THRESHOLD = 0.5


def main() -> None:
    """Measure every task and print the ratios."""
    arguments = _parser().parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(
        f"{device}, {arguments.images} × 3 × {arguments.size} × {arguments.size}, {arguments.classes} classes",
        flush=True,
    )
    for task in Task:
        names = ("background", "other") if task is Task.BINARY else tuple(map(str, range(arguments.classes)))
        labels = LabelSpace(names=names, background=0 if task is Task.BINARY else None, task=task)
        model, image, mask = _batch(labels, arguments, device)
        work = (_step(model, image, mask, labels), _counting(model, image, mask, labels))
        pairs = [Pair(*(rate(function, device) for function in work)) for _ in range(arguments.repeats + 1)][1:]
        print(describe(f"{task}, counting over a step", pairs), flush=True)


def _batch(labels: LabelSpace, arguments: argparse.Namespace, device: torch.device) -> tuple[nn.Module, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    model = build_model(ModelConfig(), classes=labels.channels).to(device).train()
    image = torch.rand(arguments.images, 3, arguments.size, arguments.size, generator=random)
    channels = (labels.count,) if labels.task is Task.MULTILABEL else ()
    highest = labels.count if labels.task is Task.MULTICLASS else 2
    mask = torch.randint(0, highest, (arguments.images, *channels, arguments.size, arguments.size), generator=random)
    mask[..., :8, :] = IGNORE
    return model, image.to(device), mask.to(device)


def _step(model: nn.Module, image: Tensor, mask: Tensor, labels: LabelSpace) -> Callable[[], int]:
    """Return a function that takes a training step and returns its number of images."""
    loss = build_loss("ce", task=labels.task, classes=labels.channels, check_values=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def work() -> int:
        loss(model(image), mask)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        return len(image)

    return work


def _counting(model: nn.Module, image: Tensor, mask: Tensor, labels: LabelSpace) -> Callable[[], int]:
    """Return a function that decodes and counts some batches and returns their number of images."""
    with torch.no_grad():
        logits = model(image)

    def work() -> int:
        totals: dict[str, Tensor] = {}
        for _ in range(TIMES):
            prediction = Prediction(SegOutput(logits), decode(logits, task=labels.task, threshold=THRESHOLD), None)
            for name, sums in image_sums(prediction, Target(mask), labels).items():
                totals[name] = totals.get(name, 0) + sums.sum(dim=0)
        return TIMES * len(image)

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
