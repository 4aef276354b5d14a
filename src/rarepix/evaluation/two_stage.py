"""Two networks on the same images: the first says which classes are in an image, the second where.

Each gets the images in its own size (``data.resize``), with its own bands and normalisation, as it was trained. On
several devices each process runs its share of the images, and all get the sums of all.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import RankShard
from rarepix.data.source import Item
from rarepix.engine import distributed
from rarepix.evaluation.checkpoint import TrainedModel, load_classifier, load_trained_model
from rarepix.evaluation.gates.batches import gated_batches
from rarepix.evaluation.gates.passes import taking_features
from rarepix.evaluation.image_sums import ImageSums, joined
from rarepix.evaluation.two_stage_numbers import check_second_stage
from rarepix.labels import LabelSpace
from rarepix.wiring import evaluation_loader

FIRST, SECOND = "first", "second"
"""The names of the stages."""


def load_stage(name: str, folder: Path, config: TrialConfig, labels: LabelSpace) -> TrainedModel:
    """Return the network in *folder* as stage *name* of a trial with *config*, whose data have *labels*.

    The sizes of the images of both stages may differ.

    Raises:
        CheckpointError: the first says nothing of presence, the second has no masks, or one is of other classes.
    """
    if name == FIRST:
        return load_classifier(folder, config, labels)
    settings = {"evaluate.batch_size": config.evaluate.batch_size, "data.workers": config.data.workers}
    trained = load_trained_model(folder, settings=settings | {"engine.device": config.engine.device})
    check_second_stage(trained)
    trained.refuse_other_classes("the second stage", "the data", labels)
    return trained


def load_two_stages(first: Path, second: Path, config: TrialConfig, labels: LabelSpace) -> TrainedModel:
    """Return the network in the folder *second*, with that in *first* as its classifier. Raises as ``load_stage``."""
    classifier = load_stage(FIRST, first, config, labels)
    return load_stage(SECOND, second, config, labels)._replace(classifier=classifier)


def sums_to_tune_by(trained: TrainedModel, items: Sequence[Item], kind: str) -> ImageSums:
    """Return the sums of *items* without a gate, and beside them the features for a gate that asks the classifier."""
    module, sums = trained.module, []
    with taking_features(module, trained.config, trained.labels, kind), torch.inference_mode():
        for batch in gated_batches(trained, lambda network: _loader(network, items)):
            target = module.target_of(batch["mask"].to(module.device))
            sums.append((batch["id"], module.sums_of(trained.predict(batch), target)))
    return joined(sums, [item.id for item in items])


def _loader(trained: TrainedModel, items: Sequence[Item]) -> DataLoader:
    """Return the loader of *items* as a network gets them, and of several processes the batches of this one."""
    dataset = SegmentationDataset(items, resize=trained.config.data.resize, soft=trained.labels.is_soft)
    shard = RankShard(distributed.rank(), distributed.world_size())
    gpu = trained.hardware.is_gpu
    return evaluation_loader(dataset, trained.config, trained.labels, gpu=gpu, shard=shard)
