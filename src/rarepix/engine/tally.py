"""How often what came with the training images, by name."""

from collections.abc import Sequence

import lightning.pytorch as pl
import torch
from torch import Tensor

from rarepix.engine import distributed


class BatchCounter(pl.Callback):
    """Sums the codes N of one key of the training batches, over all devices and all attempts of a trial."""

    def __init__(self, key: str, names: Sequence[str]) -> None:
        """Count batches' ``batch[key]``; ``names[code]`` is what a code is called."""
        self.key, self.names = key, tuple(names)
        self._counts = dict.fromkeys(self.names, 0)
        self._epoch: Tensor | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: object, batch: dict, batch_idx: int
    ) -> None:
        """Add a batch, on its device."""
        if self.names:
            codes = torch.arange(len(self.names), device=module.device)
            found = (batch[self.key].to(module.device)[:, None] == codes).sum(dim=0)
            self._epoch = found if self._epoch is None else self._epoch + found

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Bring the epoch's counts to the host, once."""
        if self._epoch is not None:
            counts = distributed.all_reduce_sum(self._epoch) if distributed.size() > 1 else self._epoch
            for name, count in zip(self.names, counts.tolist(), strict=True):
                self._counts[name] += int(count)
            self._epoch = None

    def counts(self) -> dict[str, int]:
        """Return name → how often, of the epochs that are done."""
        return dict(self._counts)

    def state_dict(self) -> dict[str, int]:
        """Return the counts, for a checkpoint."""
        return self.counts()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from the counts in a checkpoint."""
        self._counts |= state_dict
