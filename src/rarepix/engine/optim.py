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
    """Return groups for encoder and decoder, each with and without weight decay (biases, normalisation)."""
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    groups = []
    for part, rate in (("encoder", config.lr * config.encoder_ratio), ("decoder", config.lr)):
        members = [p for p in model.parameters() if p.requires_grad and (id(p) in encoder) == (part == "encoder")]
        for decay in (True, False):
            chosen = [p for p in members if (p.ndim > 1) == decay]
            if chosen:
                weight_decay = config.weight_decay if decay else 0.0
                groups.append({"params": chosen, "lr": rate, "weight_decay": weight_decay, "name": part})
    return groups


def build_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Return the optimiser (fused: one kernel for all parameters)."""
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    groups = parameter_groups(model, config)
    return kinds[config.name](groups, lr=config.lr, fused=True, **config.parameters("name"))


def build_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, total_steps: int, *, epochs: int, validate_every: int
) -> dict[str, Any]:
    """Return Lightning's ``lr_scheduler`` dictionary.

    Args:
        optimizer: with its initial learning rates.
        config: names the schedule.
        total_steps: optimiser steps of the whole training.
        epochs: epochs of the whole training.
        validate_every: epochs between validations, for a plateau.
    """
    if config.schedule != "plateau":
        factor = lr_factor(config, total_steps, epochs=epochs)
        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
    parameters = config.parameters("schedule")
    lowest = [group["lr"] * parameters["min_lr"] / config.lr for group in optimizer.param_groups]
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=parameters["factor"],
        patience=parameters["patience"],
        threshold=0.0,
        min_lr=lowest,
        eps=0.0,
    )
    return {
        "scheduler": scheduler,
        "interval": "epoch",
        "frequency": validate_every,
        "monitor": "objective",
        "strict": True,
    }


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
    """Step a plateau schedule with the objective of a validation; do nothing with any other schedule.

    To be called at the end of each validation. Lightning itself would do it after the epoch's last checkpoint has been
    written, so that a resumed run would not know of that validation.
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(objective)


def _poly(progress: float, epoch: int, parameters: dict[str, float]) -> float:
    return (1 - progress) ** parameters["power"]


def _cosine(progress: float, epoch: int, parameters: dict[str, float]) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


def _constant(progress: float, epoch: int, parameters: dict[str, float]) -> float:
    return 1.0


def _step(progress: float, epoch: int, parameters: dict[str, float]) -> float:
    return parameters["factor"] ** (epoch // parameters["every"])


Shape = Callable[[float, int, dict[str, float]], float]
"""(finished share of the training, finished epochs, parameters) → factor before warm-up and lowest rate."""
SHAPES: dict[str, Shape] = {"constant": _constant, "poly": _poly, "cosine": _cosine, "step": _step}
