"""The learning rate: a function of the step, or (plateau) of what the validations say.

Functions of the step are factors of the learning rate at the start of each parameter group, so that groups keep their
ratio. A plateau is shown the objective by the module, see ``show_plateau``.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from rarepix.engine.settings import OptimConfig


def build_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, total_steps: int, *, epochs: int, validate_every: int
) -> dict[str, Any]:
    """Return what Lightning wants to know as ``lr_scheduler``.

    Args:
        optimizer: with its learning rates at the start.
        config: names the schedule.
        total_steps: steps of the whole training.
        epochs: epochs of the whole training.
        validate_every: epochs between validations, of which a plateau is told.
    """
    if config.schedule != "plateau":
        factor = lr_factor(config, total_steps, epochs=epochs)
        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
    how = config.parameters("schedule")
    lowest = [group["lr"] * how["min_lr"] / config.lr for group in optimizer.param_groups]
    scheduler = ReduceLROnPlateau(
        optimizer, mode="max", factor=how["factor"], patience=how["patience"], threshold=0.0, min_lr=lowest, eps=0.0
    )
    return {
        "scheduler": scheduler,
        "interval": "epoch",
        "frequency": validate_every,
        "monitor": "objective",
        "strict": True,
    }


def lr_factor(config: OptimConfig, total_steps: int, *, epochs: int) -> Callable[[int], float]:
    """Return step → factor of the learning rate at the start; past *total_steps* it stays where it ended.

    In the ``warmup`` epochs it rises in a straight line, until that meets the schedule: there is no jump.
    """
    how = config.parameters("schedule")
    shape = SHAPES[config.schedule]
    lowest = how.get("min_lr", 0.0) / config.lr
    total_steps = max(total_steps, 1)
    rising = how["warmup"] * total_steps / epochs

    def factor(step: int) -> float:
        done = min(step, total_steps)
        height = shape(done / total_steps, done * epochs // total_steps, how)
        if step < rising:
            height = min(height, step / rising)
        return (1 - lowest) * height + lowest

    return factor


def show_plateau(scheduler: object, objective: float) -> None:
    """Tell a schedule of kind plateau what a validation found; others do not want to know.

    To be called at the end of each validation. Lightning itself would do it when the last checkpoint of the epoch has
    been written, so that a resumed run would never hear of that validation.
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(objective)


def _poly(progress: float, epoch: int, how: dict[str, float]) -> float:
    return (1 - progress) ** how["power"]


def _cosine(progress: float, epoch: int, how: dict[str, float]) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


def _constant(progress: float, epoch: int, how: dict[str, float]) -> float:
    return 1.0


def _step(progress: float, epoch: int, how: dict[str, float]) -> float:
    return how["factor"] ** (epoch // how["every"])


Shape = Callable[[float, int, dict[str, float]], float]
"""(share of the training that is done, epochs that are done, parameters) → factor before warm-up and lowest rate."""
SHAPES: dict[str, Shape] = {"constant": _constant, "poly": _poly, "cosine": _cosine, "step": _step}
