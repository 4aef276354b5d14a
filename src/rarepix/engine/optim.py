"""The optimiser with its parameter groups: encoder and decoder, with and without weight decay."""

import torch
from torch import nn

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
