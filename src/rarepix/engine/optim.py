"""The optimiser with its parameter groups, and the schedule of its learning rate.

A schedule is a function of the step, or (plateau) of the validation objective. Functions of the step are factors of
each parameter group's initial learning rate, so that groups keep their ratio.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from rarepix.engine.settings import OptimConfig


def parameter_groups(model: nn.Module, config: OptimConfig) -> list[dict]:
    """Return groups for encoder and decoder, each with and without weight decay (biases, normalisation).

    *model* is a ``models.outputs.Model``, which says what its encoder and decoder are.
    """
    groups = []
    for part, parameters in model.param_groups().items():
        rate = config.lr * config.encoder_ratio if part == "encoder" else config.lr
        for decay in (True, False):
            chosen = [p for p in parameters if p.requires_grad and (p.ndim > 1) == decay]
            if chosen:
                weight_decay = config.weight_decay if decay else 0.0
                groups.append({"params": chosen, "lr": rate, "weight_decay": weight_decay, "name": part})
    return groups


def build_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Return the optimiser (fused: one kernel for all parameters; there is none for RAdam)."""
    groups, parameters = parameter_groups(model, config), config.parameters("name")
    if config.name == "radam":
        return torch.optim.RAdam(groups, lr=config.lr, decoupled_weight_decay=True, **parameters)
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}[config.name]
    return kind(groups, lr=config.lr, fused=True, **parameters)


def build_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, total_steps: int, *, epochs: int, validate_every: int
) -> dict[str, Any]:
    """Return Lightning's ``lr_scheduler`` dictionary.

    *total_steps* and *epochs* are those of the whole training, *validate_every* the epochs between validations.
    """
    if config.schedule != "plateau":
        factor = lr_factor(config, total_steps, epochs=epochs)
        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
    parameters = config.parameters("schedule")
    lowest = [group["lr"] * parameters["min_lr"] / config.lr for group in optimizer.param_groups]
    options = {"factor": parameters["factor"], "patience": parameters["patience"], "min_lr": lowest}
    scheduler = ReduceLROnPlateau(optimizer, mode="max", threshold=0.0, eps=0.0, **options)
    timing = {"interval": "epoch", "frequency": validate_every}
    return {"scheduler": scheduler, "monitor": "objective", "strict": True, **timing}


def lr_factor(config: OptimConfig, total_steps: int, *, epochs: int) -> Callable[[int], float]:
    """Return the function step → factor of the initial learning rate; after *total_steps* the factor stays constant.

    In the first ``warmup`` epochs the rate rises linearly until it meets the schedule, so that there is no jump.
    """
    parameters = config.parameters("schedule")
    shape = SHAPES[config.schedule]
    lowest = parameters.get("min_lr", 0.0) / config.lr
    total_steps = max(total_steps, 1)
    warmup_steps = parameters["warmup"] * total_steps / epochs

    def factor(step: int) -> float:
        done = min(step, total_steps)
        height = shape(done / total_steps, done * epochs // total_steps, parameters)
        if step < warmup_steps:
            height = min(height, step / warmup_steps)
        return (1 - lowest) * height + lowest

    return factor


def step_plateau(scheduler: object, objective: float) -> None:
    """Step a plateau schedule with the objective at the end of a validation; do nothing with any other schedule.

    Lightning would do it after the epoch's checkpoint is written: a resumed run would not know of that validation.
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(objective)


SHAPES: dict[str, Callable[[float, int, dict[str, float]], float]] = {
    "constant": lambda progress, epoch, parameters: 1.0,
    "poly": lambda progress, epoch, parameters: (1 - progress) ** parameters["power"],
    "cosine": lambda progress, epoch, parameters: 0.5 * (1 + math.cos(math.pi * progress)),
    "step": lambda progress, epoch, parameters: parameters["factor"] ** (epoch // parameters["every"]),
}
"""Schedule → (finished share of the training, finished epochs, parameters) → factor before warm-up and lowest rate."""
