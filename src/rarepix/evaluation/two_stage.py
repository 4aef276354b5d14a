"""Two networks on the same images: the first says which classes are in an image, the second where.

Each gets the images in its own size (``data.resize``), with its own bands and normalisation, as it was trained.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

from rarepix.config import updated
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import RankShard
from rarepix.data.source import Item
from rarepix.engine import distributed
from rarepix.evaluation.checkpoint import CheckpointError, TrainedModel
from rarepix.evaluation.image_sums import ImageSums, joined
from rarepix.gates import Gate
from rarepix.inference.gates import CLASSIFIER
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace
from rarepix.metrics.sums import image_sums
from rarepix.wiring import evaluation_loader

FIRST, SECOND = "first", "second"
"""The names of the stages."""


class TwoStages(NamedTuple):
    """Two trained networks of the same classes."""

    first: TrainedModel
    second: TrainedModel

    def batches(self, items: Sequence[Item], *, batch_size: int, workers: int) -> Iterator[dict]:
        """Yield *items* as the second network gets them, in batches that hold what the first one says of them.

        On several devices these are the batches of this process.
        """
        for batches in zip(*(_loader(each, items, batch_size, workers) for each in self), strict=True):
            yield batches[1] | {CLASSIFIER: self.first.predict(batches[0]).output.presence}

    def sums(self, batches: Iterable[dict], gate: Gate, all_ids: list[str]) -> ImageSums:
        """Return the sums of the images *all_ids*, behind the *gate*, from their *batches* in all processes."""
        trained, found = self.second, []
        module = trained.module
        predictor = Predictor(trained.config.evaluate, trained.labels, stride=module.model.stride, gate=gate)
        for batch in batches:
            with torch.inference_mode(), trained.autocast():
                prediction = predictor.predict(module, batch | {"image": batch["image"].to(module.device)})
            target = module.target_of(batch["mask"].to(module.device))
            found.append((batch["id"], image_sums(prediction, target, trained.labels)))
        return joined(found, all_ids)


def check_stage(stage: str, trained: TrainedModel, labels: LabelSpace) -> None:
    """Refuse a network that cannot be this *stage*, ``first`` or ``second``, for data of these *labels*.

    The sizes of the images of both stages may differ.

    Raises:
        CheckpointError: the first says nothing of presence, the second has no masks, or one is of other classes.
    """
    if stage == FIRST and "presence" not in trained.module.model.outputs:
        raise CheckpointError(
            f"the first stage must say which classes are in an image, but {trained.checkpoint} predicts only masks: "
            f"give a classifier, or a network with a presence head"
        )
    if stage == SECOND and not trained.has_masks:
        raise CheckpointError(
            f"the second stage must predict masks, but {trained.checkpoint} only says which classes are in an image: "
            f"give a segmentation network"
        )
    if (trained.labels.names, trained.labels.task) != (labels.names, labels.task):
        raise CheckpointError(
            f"both stages must be of the classes of the data ({labels.task}: {', '.join(labels.names)}), but the "
            f"{stage} one, {trained.checkpoint}, was trained on {trained.labels.task} classes "
            f"{', '.join(trained.labels.names)}: give a network of the classes of the data"
        )


def _loader(trained: TrainedModel, items: Sequence[Item], batch_size: int, workers: int) -> DataLoader:
    """Return the loader of *items* as a network gets them, and of several processes the batches of this one."""
    config = updated(trained.config, {"evaluate.batch_size": batch_size, "data.workers": workers})
    dataset = SegmentationDataset(items, resize=config.data.resize, soft=trained.labels.is_soft)
    shard = RankShard(distributed.rank(), distributed.world_size())
    return evaluation_loader(dataset, config, trained.labels, gpu=trained.hardware.is_gpu, shard=shard)
