"""The optimiser with its parameter groups, and the learning rate as a function of the step."""

import math
from collections.abc import Callable

import torch
from torch import nn

from rarepix.choices import pick
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
    groups = parameter_groups(model, config)
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=True)
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)


def _poly(progress: float, power: float) -> float:
    return (1 - progress) ** power


def _cosine(progress: float, power: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


def _constant(progress: float, power: float) -> float:
    return 1.0


SCHEDULES: dict[str, Callable[[float, float], float]] = {"constant": _constant, "poly": _poly, "cosine": _cosine}


def lr_factor(config: OptimConfig, total_steps: int) -> Callable[[int], float]:
    """Return step → factor of the starting learning rate; past *total_steps* it stays where it ended."""
    shape = pick(SCHEDULES, config.schedule, "optim.schedule")
    return lambda step: shape(min(step / max(total_steps, 1), 1.0), config.power)
