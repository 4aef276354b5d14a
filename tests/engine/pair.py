"""What each of two processes does in test_group.py: a training step of a real network in 64 bits, with its share."""

import sys
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel

from rarepix.engine import batchnorm, distributed
from rarepix.losses import build_loss
from rarepix.models import build_model
from rarepix.models.settings import ModelConfig

CLASSES, IGNORE = 4, 255
OPTIONS = {"decoder_channels": [16, 16, 8, 8, 8]}


def network() -> torch.nn.Module:
    """Return a network with batch normalisation, activations inside it, and the same weights each time."""
    torch.manual_seed(0)
    model = build_model(ModelConfig(architecture="unet", encoder="tu-lcnet_035", options=OPTIONS), classes=CLASSES)
    return model.double().train()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and masks of a batch of four; each has more ignored pixels than the one before."""
    random = torch.Generator().manual_seed(1)
    images = torch.rand(4, 3, 64, 64, generator=random, dtype=torch.float64)
    masks = torch.randint(0, CLASSES, (4, 64, 64), generator=random, dtype=torch.uint8)
    for number in range(4):
        masks[number, : 15 * number] = IGNORE
    masks[2:][masks[2:] == CLASSES - 1] = 0  # the last class is in the first share alone
    return images, masks


def step(model: torch.nn.Module, images: torch.Tensor, masks: torch.Tensor, name: str) -> dict[str, torch.Tensor]:
    """Return the loss, the gradients and the running statistics after a step with a share of the batch."""
    loss = build_loss(name, task="multiclass", classes=CLASSES, ignore_index=IGNORE)
    value = loss(distributed.all_gather(model(images)), distributed.all_gather(masks))["loss"]
    value.backward()
    bare = getattr(model, "module", model)
    gradients = {
        f"gradient of {key}": weight.grad for key, weight in bare.named_parameters() if weight.grad is not None
    }
    return {"loss": value.detach(), **gradients, **dict(bare.named_buffers())}


def main(folder: Path, rank: int) -> None:
    """Take a step with each loss and write down what came of it."""
    distributed.join(folder / "meeting", rank, 2, gpu=False)
    assert (distributed.rank(), distributed.size(), distributed.is_main_process()) == (rank, 2, rank == 0)
    images, masks = batch()
    own = slice(2 * rank, 2 * rank + 2)
    found = {}
    for name in ("ce", "dice"):
        model = DistributedDataParallel(batchnorm.over_the_whole_batch(network(), gpu=False), static_graph=True)
        found[name] = step(model, images[own], masks[own], name)
    with distributed.main_process_first():
        (folder / f"{rank}.began").touch()
        found["leader was first"] = (folder / "0.began").exists()
    half = torch.arange(3, dtype=torch.bfloat16) + rank
    found["whole"], found["sum"] = (
        distributed.all_gather(half),
        distributed.all_reduce_sum(torch.tensor([2**60 + rank, -rank])),
    )
    torch.save(found, folder / f"{rank}.pt")
    distributed.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
