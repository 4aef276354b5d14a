"""Two networks on the same images: the first says which classes are in an image, the second where.

Each gets the images in its own size (``data.resize``), with its own bands and normalisation, as it was trained.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import RankShard
from rarepix.data.source import Item
from rarepix.engine import distributed
from rarepix.evaluation.checkpoint import CheckpointError, TrainedModel
from rarepix.models.outputs import SegOutput
from rarepix.wiring import evaluation_loader


class TwoStages(NamedTuple):
    """Two trained networks of the same classes."""

    first: TrainedModel
    second: TrainedModel

    def outputs(self, items: Sequence[Item], *, batch_size: int, workers: int) -> Iterator[tuple[dict, SegOutput]]:
        """Yield batches of *items* as the second network gets them, and the output of both: its masks, the other's
        presence. On several devices these are the batches of this process.
        """
        for batches in zip(*(_loader(each, items, batch_size, workers) for each in self), strict=True):
            first, second = (each.predict(batch).output for each, batch in zip(self, batches, strict=True))
            yield batches[1], SegOutput(second.mask, first.presence)


def check_two_stages(first: TrainedModel, second: TrainedModel) -> TwoStages:
    """Return both networks as two stages; the sizes of their images may differ.

    Raises:
        CheckpointError: the first says nothing of presence, the second has no masks, or they are of other classes.
    """
    if "presence" not in first.module.model.outputs:
        raise CheckpointError(
            f"the first stage must say which classes are in an image, but {first.checkpoint} predicts only masks: "
            f"give a classifier, or a network with a presence head"
        )
    if not second.has_masks:
        raise CheckpointError(
            f"the second stage must predict masks, but {second.checkpoint} only says which classes are in an image: "
            f"give a segmentation network"
        )
    classes = [(each.labels.names, each.labels.task) for each in (first, second)]
    if classes[0] != classes[1]:
        (names, task), (other_names, other_task) = classes
        raise CheckpointError(
            f"both stages must be of the same classes, but the first ({first.checkpoint}) is of {task} classes "
            f"{', '.join(names)} and the second ({second.checkpoint}) of {other_task} classes {', '.join(other_names)}:"
            f" train the first one on the classes of the second"
        )
    return TwoStages(first, second)


def _loader(trained: TrainedModel, items: Sequence[Item], batch_size: int, workers: int):  # noqa: ANN202
    config = trained.config.model_copy(
        update={
            "evaluate": trained.config.evaluate.model_copy(update={"batch_size": batch_size}),
            "data": trained.config.data.model_copy(update={"workers": workers}),
        }
    )
    dataset = SegmentationDataset(items, resize=config.data.resize, soft=trained.labels.is_soft)
    shard = RankShard(distributed.rank(), distributed.world_size())
    return evaluation_loader(dataset, config, trained.labels, gpu=trained.hardware.is_gpu, shard=shard)
