"""What came with the training images is counted once, over epochs and attempts."""

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from rarepix.engine.tally import BatchCounter
from tests.engine.conftest import batches, loader, module_of, trainer_of

NAMES = ("left alone", "pasted", "no place")
CODES = ((0, 1), (1, 1), (2, 0), (1, 0))
ONE_EPOCH = {"left alone": 3, "pasted": 4, "no place": 1}


def coded() -> list[dict]:
    return [batch | {"paste": torch.tensor(codes)} for batch, codes in zip(batches(), CODES, strict=True)]


def fit(tally: BatchCounter, folder: Path, *others: pl.Callback, epochs: int, ckpt: Path | None = None) -> None:
    trainer = trainer_of(folder, [tally, *others], epochs=epochs)
    trainer.fit(module_of(), loader(coded()), loader(batches(2)), ckpt_path=ckpt, weights_only=True)


def test_every_epoch_is_counted(tmp_path):
    tally = BatchCounter("paste", NAMES)
    fit(tally, tmp_path, epochs=3)
    assert tally.counts() == {name: 3 * count for name, count in ONE_EPOCH.items()}


def test_without_names_there_is_nothing_to_count(tmp_path):
    tally = BatchCounter("paste", ())
    trainer_of(tmp_path, [tally], epochs=1).fit(module_of(), loader(batches()), loader(batches(2)))
    assert tally.counts() == {}


class Fall(pl.Callback):
    """Ends the third epoch in its middle."""

    def on_train_batch_end(self, trainer: pl.Trainer, module, outputs, batch, batch_idx: int) -> None:
        if trainer.current_epoch == 2 and batch_idx == 1:
            raise ConnectionError


def test_an_epoch_that_is_done_again_is_counted_once(tmp_path):
    with pytest.raises(ConnectionError):
        fit(BatchCounter("paste", NAMES), tmp_path, Fall(), epochs=4)
    tally = BatchCounter("paste", NAMES)
    fit(tally, tmp_path, epochs=4, ckpt=tmp_path / "checkpoints" / "last.ckpt")
    assert tally.counts() == {name: 4 * count for name, count in ONE_EPOCH.items()}
