"""Two networks on the same images: the first says which classes are in an image, the second where.

Each gets the images in its own size (``data.resize``), with its own bands and normalisation, as it was trained.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from rarepix.config import updated
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import RankShard
from rarepix.data.source import Item
from rarepix.engine import distributed
from rarepix.evaluation.checkpoint import CheckpointError, TrainedModel
from rarepix.evaluation.gate_features import GateFeatures, image_features, thresholds_for
from rarepix.evaluation.image_sums import ImageSums, joined
from rarepix.gates import Gate
from rarepix.inference.gates import CLASSIFIER
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction, Target
from rarepix.wiring import evaluation_loader

FIRST, SECOND = "first", "second"
"""The names of the stages."""
SumsOf = Callable[[Prediction, Target], dict[str, Tensor]]
"""(prediction, target) → sums of the images of a batch."""


class Loading(NamedTuple):
    """How images are read: the same for both networks, so that their batches hold the same images."""

    batch_size: int
    workers: int


class TwoStages(NamedTuple):
    """Two trained networks of the same classes.

    On several devices each process runs its share of the images, and all get the sums of all.
    """

    first: TrainedModel
    second: TrainedModel

    def features(self, items: Sequence[Item], kind: str, loading: Loading) -> GateFeatures:
        """Return what a gate of this *kind* can be tuned by on *items*."""
        labels, thresholds = self.second.labels, thresholds_for(kind)

        def taken(prediction: Prediction, target: Target) -> dict[str, Tensor]:
            return image_sums(prediction, target, labels) | image_features(prediction, target, labels)

        return GateFeatures.of(self._sums(items, taken, loading, evidence_at=thresholds).sums, labels, thresholds)

    def gated_sums(self, items: Sequence[Item], gate: Gate, loading: Loading) -> ImageSums:
        """Return the sums of *items* behind the *gate*; the scores of presence are those of the first network."""
        return self._sums(items, partial(image_sums, labels=self.second.labels), loading, gate=gate)

    def _sums(self, items: Sequence[Item], taken: SumsOf, loading: Loading, **options: Any) -> ImageSums:
        trained, module = self.second, self.second.module
        predictor = Predictor(trained.config.evaluate, trained.labels, stride=module.model.stride, **options)
        sums = []
        for batch, own in zip(*(_loader(each, items, loading) for each in self), strict=True):
            presence = self.first.predict(batch).output.presence
            with torch.inference_mode(), trained.autocast():
                image = own["image"].to(module.device)
                prediction = predictor.predict(module, own | {"image": image, CLASSIFIER: presence})
            output = prediction.output._replace(presence=presence)
            target = module.target_of(own["mask"].to(module.device))
            sums.append((own["id"], taken(prediction._replace(output=output), target)))
        return joined(sums, [item.id for item in items])


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


def _loader(trained: TrainedModel, items: Sequence[Item], loading: Loading) -> DataLoader:
    """Return the loader of *items* as a network gets them, and of several processes the batches of this one."""
    config = updated(trained.config, {"evaluate.batch_size": loading.batch_size, "data.workers": loading.workers})
    dataset = SegmentationDataset(items, resize=config.data.resize, soft=trained.labels.is_soft)
    shard = RankShard(distributed.rank(), distributed.world_size())
    return evaluation_loader(dataset, config, trained.labels, gpu=trained.hardware.is_gpu, shard=shard)
