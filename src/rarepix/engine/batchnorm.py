"""Batch normalisation over the whole batch when several processes have a share of it each."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from rarepix.engine import distributed


def over_the_whole_batch(model: nn.Module, *, gpu: bool) -> nn.Module:
    """Return *model* with every batch normalisation replaced by one over all processes; weights keep their names."""
    if gpu:
        from timm.layers import convert_sync_batchnorm  # torch's own one loses the activations that timm keeps inside

        return convert_sync_batchnorm(model)
    return _converted(model)


class GlobalBatchNorm(nn.BatchNorm2d):
    """Batch normalisation on CPUs with the statistics of all processes; torch has it for GPUs alone.

    Every process must have a share of the same shape.
    """

    drop: nn.Module
    act: nn.Module
    """What timm's layers do behind the normalisation."""

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised N C H W."""
        return self.act(self.drop(self._normalised(x)))

    def _normalised(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = distributed.mean(wide.mean(dim=(0, 2, 3)))
        centred = wide - mean.view(1, -1, 1, 1)
        variance = distributed.mean(centred.square().mean(dim=(0, 2, 3)))
        self._remember(mean.detach(), variance.detach(), values=distributed.size() * x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, *, values: int) -> None:
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (values / (values - 1)), share)


def _converted(module: nn.Module) -> nn.Module:
    if isinstance(module, _BatchNorm):
        return _global(module)
    for name, child in module.named_children():
        setattr(module, name, _converted(child))
    return module


def _global(module: _BatchNorm) -> GlobalBatchNorm:
    if not (module.affine and module.track_running_stats):
        raise ValueError(
            f"batch normalisation over several processes needs weights and running statistics, but got {module}: "
            f"use engine.devices=1"
        )
    new = GlobalBatchNorm(module.num_features, module.eps, module.momentum).train(module.training)
    new.weight, new.bias = module.weight, module.bias
    new.running_mean, new.running_var = module.running_mean, module.running_var
    new.num_batches_tracked = module.num_batches_tracked
    new.drop, new.act = getattr(module, "drop", nn.Identity()), getattr(module, "act", nn.Identity())
    return new
