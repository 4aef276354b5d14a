"""Batches of images with what a gate asks for beside the network's own output: the word of an external classifier."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from torch import Tensor
from torch.utils.data import DataLoader

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.source import Item
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.inference.gates import CLASSIFIER
from rarepix.wiring import evaluation_loader


def items_loader(trained: TrainedModel, items: Sequence[Item]) -> DataLoader:
    """Return the loader of images with masks as the network of *trained* gets them."""
    dataset = SegmentationDataset(items, resize=trained.config.data.resize)
    gpu = trained.module.device.type == "cuda"
    return evaluation_loader(dataset, trained.config, trained.labels, gpu=gpu)


def gated_batches(
    trained: TrainedModel, loader: Callable[[TrainedModel], Iterable[dict]], *, keep: dict[str, Tensor] | None = None
) -> Iterator[dict]:
    """Yield the batches of *loader* for a network, with the logits of presence of its classifier where it has one.

    The classifier gets the same images in its own size. *keep* receives its logits K by image, if batches have ids.
    """
    if trained.classifier is None:
        yield from loader(trained)
        return
    for batch, of_classifier in zip(loader(trained), loader(trained.classifier), strict=True):
        presence = trained.classifier.predict(of_classifier).output.presence
        presence = presence.to(trained.module.device)
        if keep is not None:
            keep |= dict(zip(batch["id"], presence, strict=True))
        yield batch | {CLASSIFIER: presence}
