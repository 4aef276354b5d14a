"""The losses inside nnU-Net: a module that takes logits and targets as nnU-Net has them and returns a scalar.

For nnU-Net v2 write a trainer (in ``nnunetv2/training/nnUNetTrainer/`` or a folder that it searches)::

    import numpy as np
    from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from rarepix.losses.nnunet import NNUNetLoss

    class nnUNetTrainerLabelMarginal(nnUNetTrainer):
        def _build_loss(self):
            loss = NNUNetLoss("ce+l1", classes=self.label_manager.num_segmentation_heads, temperature=10,
                              ignore_index=self.label_manager.ignore_label or 255)
            if not self.enable_deep_supervision:
                return loss
            weights = np.array([1 / 2**i for i in range(len(self._get_deep_supervision_scales()))])
            weights[-1] = 0
            return DeepSupervisionWrapper(loss, weights / weights.sum())

        def on_train_epoch_start(self):
            super().on_train_epoch_start()
            getattr(self.loss, "loss", self.loss).set_epoch(self.current_epoch)  # only for schedules of alpha

The published plug-in for nnU-Net v1 is ``NNUNetLoss("ce+l1", …, published=True)``; its focal loss is
``softmax_focal+l1``. Regions that overlap (nnU-Net's region-based training) are ``task="multilabel"``.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rarepix.labels import IGNORE, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError


class NNUNetLoss(nn.Module):
    """A named loss of logits B C X Y (Z) and a target B 1 X Y (Z) of any numeric type; it returns a scalar.

    It keeps no state between calls, so a wrapper may call it once for each resolution. Negative ids, which nnU-Net
    writes outside the body, are ignored.
    """

    def __init__(
        self, name: str, *, classes: int, task: Task | str = Task.MULTICLASS, ignore_index: int = IGNORE, **params: Any
    ) -> None:
        """Take what ``build_loss`` takes.

        Raises:
            LossError: as ``build_loss``.
        """
        super().__init__()
        self.loss = build_loss(name, task=task, classes=classes, ignore_index=ignore_index, **params)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for schedules of alpha."""
        self.loss.set_epoch(epoch)

    def forward(self, net_output: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            net_output: logits B C X Y or B C X Y Z.
            target: ids B 1 X Y (Z) or B X Y (Z); multilabel: B C X Y (Z). Whole numbers, floats as well.

        Raises:
            LossError: shapes that do not fit, numbers that are not whole, ids that are no class.
        """
        if self.loss.task is not Task.MULTILABEL and target.ndim == net_output.ndim and target.shape[1] == 1:
            target = target[:, 0]
        ids = target.long()
        if self.loss.check_values and target.is_floating_point() and not torch.equal(ids.to(target.dtype), target):
            raise LossError(
                "the target must hold ids, whole numbers, but some are not: resample it with nearest neighbour"
            )
        return self.loss(net_output, ids.masked_fill(ids < 0, self.loss.ignore_index))["loss"]
