"""Measure every loss, forward and backward, as ratios of times within one run.

    python -m bench.losses                    # 8 × 12 × 256 × 256, about 3 minutes on two CPU cores
    python -m bench.losses --size 512         # on a GPU, which is taken if there is one
    python -m bench.losses --only dice --only ce+l1

Each line: the time of our loss divided by that of torch's cross-entropy (binary: with a sigmoid), then by that of its
counterpart with the same mathematics in segmentation-models-pytorch (smp) or pytorch-toolbelt. Below 1, ours is faster.
The two of a pair are measured in turn; median, least and largest ratio and the number of pairs are printed. Checks of
values are off, as they are in training, where the engine looks at each loss a step later.
"""

import argparse
import statistics
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.ratios import Pair, rate
from rarepix.losses import build_loss
from rarepix.losses.names import ALONE, SUMS, needs_class_pixels
from rarepix.losses.registry import TERMS
from rarepix.seeding import stable_hash

IGNORE = 255
CLASSES = 12
LossFunction = Callable[[Tensor, Tensor], Tensor]


class Scene(NamedTuple):
    """A batch, and torch's own loss as the reference."""

    task: str
    logits: Tensor
    target: Tensor
    plain: LossFunction


class Row(NamedTuple):
    """A loss, its parameters and its counterparts by name."""

    name: str
    params: dict[str, Any]
    counterparts: dict[str, LossFunction]


def main() -> None:
    """Draw batches, measure, print."""
    options = _parser().parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    print(f"{device}, torch {torch.__version__}, {threads} threads, batch {options.batch}, {options.size}²")
    for task in ("multiclass", "binary"):
        scene = _scene(task, options.batch, options.size, device)
        for row in _rows(task):
            if not options.only or row.name in options.only:
                print(_line(row, scene, device, options.repeats), flush=True)


def _line(row: Row, scene: Scene, device: torch.device, repeats: int) -> str:
    pixels = {"class_pixels": [1000.0] * scene.logits.shape[1] if scene.task == "multiclass" else [900.0, 100.0]}
    loss = build_loss(
        row.name,
        task=scene.task,
        classes=scene.logits.shape[1],
        check_values=False,
        **(pixels if needs_class_pixels(row.name) else {}),
        **row.params,
    )
    ours = _work(lambda logits, target: loss(logits, target)["loss"], scene)
    against = {"plain": scene.plain} | row.counterparts
    ratios = [_ratio(name, ours, _work(other, scene), device, repeats) for name, other in against.items()]
    params = ", ".join(f"{key}={value}" for key, value in row.params.items())
    return f"{scene.task} {row.name}{f' ({params})' if params else ''}: {'; '.join(ratios)}"


def _ratio(name: str, ours: Callable, other: Callable, device: torch.device, repeats: int) -> str:
    ours(), other()
    pairs = [Pair(rate(ours, device), rate(other, device)) for _ in range(repeats)]
    ratios = sorted(pair.reference / pair.ours for pair in pairs)
    return f"{statistics.median(ratios):.2f} × {name} ({ratios[0]:.2f}–{ratios[-1]:.2f}, n = {len(ratios)})"


def _work(loss: LossFunction, scene: Scene) -> Callable[[], int]:
    def step() -> int:
        logits = scene.logits.detach().requires_grad_()
        loss(logits, scene.target).backward()
        return len(logits)

    return step


def _scene(task: str, batch: int, size: int, device: torch.device) -> Scene:
    random = torch.Generator().manual_seed(stable_hash("bench", task) % 2**63)
    channels = CLASSES if task == "multiclass" else 1
    logits = torch.randn(batch, channels, size, size, generator=random)
    target = torch.randint(0, max(channels, 2), (batch, size, size), generator=random)
    target[torch.rand(target.shape, generator=random) < 0.05] = IGNORE
    return Scene(task, logits.to(device), target.to(device), _plain_multiclass if channels > 1 else _plain_binary)


def _plain_multiclass(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits, target, ignore_index=IGNORE)


def _plain_binary(logits: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits[:, 0], (target == 1).to(logits.dtype))


def _rows(task: str) -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pytorch_toolbelt import losses as toolbelt
    known = _counterparts(task, toolbelt)
    singles = [name for name in ALONE if task in TERMS[name].tasks and TERMS[name].needs == "mask"]
    without_head = {name: {"presence_weight": 0} for name in singles if TERMS[name].presence}
    rows = [Row(name, without_head.get(name, {}), known.pop(name, {})) for name in (*singles, *SUMS)]
    rows += [Row("ce+l1", {"temperature": 10.0}, {}), Row("ce+kl", {"temperature": 10.0}, {})]
    return [*rows, Row("ce", {"label_smoothing": 0.1}, known.pop("ce smoothed"))]


def _counterparts(task: str, toolbelt: Any) -> dict[str, dict[str, LossFunction]]:
    """Return loss → name → the same mathematics in a library, where a library has it."""
    from segmentation_models_pytorch import losses as smp

    shared: dict[str, Any] = {"mode": task, "ignore_index": IGNORE}
    tversky = {"alpha": 0.3, "beta": 0.7, **shared}
    counterparts: dict[str, dict[str, LossFunction]] = {
        "dice": {"smp DiceLoss": smp.DiceLoss(**shared), "toolbelt DiceLoss": toolbelt.DiceLoss(**shared)},
        "log_dice": {"smp DiceLoss": smp.DiceLoss(log_loss=True, **shared)},
        "jaccard": {"smp TverskyLoss": smp.TverskyLoss(alpha=1, beta=1, **shared)},
        "tversky": {"smp TverskyLoss": smp.TverskyLoss(**tversky)},
        "focal_tversky": {"smp TverskyLoss": smp.TverskyLoss(gamma=0.75, **tversky)},
        "lovasz": {"smp LovaszLoss": smp.LovaszLoss(**shared)},
        "focal": {"smp FocalLoss": smp.FocalLoss(**shared)},
        "ce+dice": {"torch + smp DiceLoss": _sum(_plain_multiclass, smp.DiceLoss(**shared))},
    }
    if task == "multiclass":
        counterparts["focal"]["toolbelt CrossEntropyFocalLoss"] = toolbelt.CrossEntropyFocalLoss(ignore_index=IGNORE)
        lovasz = toolbelt.LovaszLoss(ignore=IGNORE)
        counterparts["lovasz"]["toolbelt LovaszLoss"] = lambda logits, target: lovasz(logits.softmax(1), target)
        counterparts["ce"] = {
            "smp SoftCrossEntropyLoss": smp.SoftCrossEntropyLoss(smooth_factor=0.0, ignore_index=IGNORE)
        }
        counterparts["ce smoothed"] = {
            "smp SoftCrossEntropyLoss": smp.SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=IGNORE),
            "torch": lambda logits, target: F.cross_entropy(logits, target, ignore_index=IGNORE, label_smoothing=0.1),
        }
        return counterparts
    counterparts["ce"] = {"smp SoftBCEWithLogitsLoss": _with_channel(smp.SoftBCEWithLogitsLoss(ignore_index=IGNORE))}
    smoothed = smp.SoftBCEWithLogitsLoss(smooth_factor=0.1, ignore_index=IGNORE)
    counterparts["ce smoothed"] = {"smp SoftBCEWithLogitsLoss": _with_channel(smoothed)}
    counterparts["ce+dice"] = {"torch + smp DiceLoss": _sum(_plain_binary, smp.DiceLoss(**shared))}
    counterparts["lovasz"]["toolbelt BinaryLovaszLoss"] = toolbelt.BinaryLovaszLoss(ignore_index=IGNORE)
    counterparts["focal"]["toolbelt BinaryFocalLoss"] = _with_channel(toolbelt.BinaryFocalLoss(ignore_index=IGNORE))
    return counterparts


def _with_channel(loss: nn.Module) -> LossFunction:
    return lambda logits, target: loss(logits, target.unsqueeze(1).to(logits.dtype))


def _sum(first: LossFunction, second: LossFunction) -> LossFunction:
    return lambda logits, target: first(logits, target) + second(logits, target)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.losses", description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8, help="images")
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one loss, in its canonical name")
    parser.add_argument("--repeats", type=int, default=5, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
