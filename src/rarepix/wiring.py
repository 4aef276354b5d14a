"""From a configuration to the objects that a trial works with."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import torch
from torch.utils.data import DataLoader

from rarepix import data_validation
from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset, decoded_gib
from rarepix.data.inventory import BORDER
from rarepix.data.loaders import build_loader, worker_count
from rarepix.data.samplers import EpochSampler, RankShard, sampling_plan
from rarepix.data.source import DataError
from rarepix.data.sources import source_of
from rarepix.data.splits import clusters
from rarepix.data.splits.train_val_test import Splits, make_splits
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import Paste, build_paste
from rarepix.data.weights import image_weights
from rarepix.engine import batchnorm, distributed
from rarepix.inference.decode import count_decoded
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.metrics.pooled_scores import pooled_scores
from rarepix.models import build_model
from rarepix.paths import cache_root
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule

TRIED_SIDE = 128
"""Rows and columns with which a step is tried, at most."""


class Data(NamedTuple):
    """The data of a trial, ready to be read."""

    name: str
    labels: LabelSpace
    parts: Splits
    centroids: pd.DataFrame | None
    """Cluster × class shares, where split or sampling goes by clusters."""
    weights: pd.Series
    """Training image id → weight."""
    paste: Paste | None
    """What is put into training images, where anything is."""
    loaders: dict[str, DataLoader]
    """train, val and, where there is one, test."""

    def class_counts(self, part: str) -> pd.DataFrame:
        """Return the image × class table of pixel counts of one part."""
        return self.parts.by_name[part].inventory[list(self.labels.names)]

    def class_pixels(self) -> list[int]:
        """Return the pixels of each class in the training part; multilabel: then those of all that are not ignored."""
        table = self.parts.by_name["train"].inventory
        pixels = table[list(self.labels.names)].sum().tolist()
        if self.labels.task is Task.MULTILABEL:
            pixels.append(int((table["height"] * table["width"] - table[BORDER]).sum()))
        return pixels


def build_data(config: TrialConfig, *, gpu: bool) -> Data:
    """Read the dataset, divide it and make its loaders.

    Raises:
        FileNotFoundError, DataError: the data cannot be used.
        ConfigError: the configuration asks for what the data do not have.
    """
    source = source_of(config.data)
    data_validation.check_classes(config, source.labels)
    parts = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    data_validation.check_objective(config, source.labels, parts)
    data_validation.check_devices(config, parts)
    counts = parts.by_name["train"].inventory[[*source.labels.names]]
    centroids, weights = _weigh(config, source.labels, parts, counts)
    paste = build_paste(config.paste, counts, labels=source.labels)
    loaders = _train_loader(config, source.labels, parts, weights, paste, gpu=gpu)
    loaders |= _plain_loaders(config, source.labels, parts, gpu=gpu)
    return Data(source.name, source.labels, parts, centroids, weights, paste, loaders)


def _weigh(
    config: TrialConfig, labels: LabelSpace, parts: Splits, counts: pd.DataFrame
) -> tuple[pd.DataFrame | None, pd.Series]:
    """Return clusters, where split or sampling goes by some, and the weights of the training images.

    Clusters are those that the split was made by, else, where sampling needs some, those of the training part.
    """
    sampling = config.sampling
    given = {key: value for key, value in sampling.parameters().items() if key != "added"}  # that is the sampler's
    given["columns"] = [*labels.names]
    given["ignoring"] = labels.background_names
    centroids = parts.centroids
    if sampling.by == "cluster":
        centroids = clusters.fit(counts, ignoring=given["ignoring"]) if centroids is None else centroids
        given["clusters"] = clusters.assign(counts, centroids)
    try:
        return centroids, image_weights(counts, sampling.kind, **given)
    except ValueError as error:
        raise DataError(f"sampling.kind={sampling.kind}: {error}") from error


def _train_loader(
    config: TrialConfig, labels: LabelSpace, parts: Splits, weights: pd.Series, paste: Paste | None, *, gpu: bool
) -> dict[str, DataLoader]:
    items, batch = parts.by_name["train"].items, config.engine.batch_size
    scheme, size = sampling_plan(config.sampling, len(items), batch)
    if size < batch:
        raise DataError(
            f"an epoch must fill at least one batch, but it shows {size} images and engine.batch_size is "
            f"{batch}: use a smaller batch or sampling.images_per_epoch"
        )
    share = RankShard(distributed.rank(), config.engine.devices)
    positions = share.of_each_batch(size, batch) if share.size > 1 else None
    sampler = EpochSampler(weights.to_numpy(), size, scheme=scheme, seed=config.seed, positions=positions)
    augment = build_augment(config.augment, config.crop, labels=labels)
    reading = {"resize": config.data.resize, "in_memory": _in_memory(config, labels, parts)}
    dataset = SegmentationDataset(items, augment=augment, paste=paste, **reading)
    loading = _loading(config, labels, gpu=gpu)
    return {"train": build_loader(dataset, batch_size=batch // share.size, sampler=sampler, **loading)}


def _plain_loaders(config: TrialConfig, labels: LabelSpace, parts: Splits, *, gpu: bool) -> dict[str, DataLoader]:
    loading = _loading(config, labels, gpu=gpu) | {"share": RankShard(distributed.rank(), config.engine.devices)}
    reading = {"resize": config.data.resize, "in_memory": _in_memory(config, labels, parts)}
    return {
        name: build_loader(
            SegmentationDataset(part.items, **reading),
            batch_size=config.evaluate.batch_size,
            **loading,
        )
        for name, part in parts.by_name.items()
        if name != "train"
    }


def _in_memory(config: TrialConfig, labels: LabelSpace, parts: Splits) -> bool:
    """Return whether all decoded images and masks fit into what the configuration gives them."""
    needed = 0.0
    for name, part in parts.by_name.items():
        sides = (part.inventory[side].to_numpy() for side in ("height", "width"))
        layers = labels.count if labels.task is Task.MULTILABEL else 1
        needed += decoded_gib(*sides, layers=layers, resize=config.data.resize, native_masks=name != "train")
    return needed <= config.data.cache_gib


def _loading(config: TrialConfig, labels: LabelSpace, *, gpu: bool) -> dict[str, Any]:
    workers = worker_count(config.data.workers, gpu=gpu, devices=config.engine.devices)
    return {"ignore": labels.ignore, "workers": workers, "pin_memory": gpu}


def build_module(
    config: TrialConfig, labels: LabelSpace, *, gpu: bool = False, class_pixels: Sequence[int] | None = None
) -> "SegmentationModule":
    """Return the network with its loss and its way of counting.

    Without the *class_pixels* of a training part (see ``Data``) the network can be evaluated, but not trained with a
    loss that weighs by them.
    """
    from rarepix.engine.module import SegmentationModule  # imports Lightning, which a rehearsal does without

    model = build_model(config.model, classes=labels.channels)
    return SegmentationModule(
        batchnorm.over_the_whole_batch(model, gpu=gpu) if distributed.size() > 1 else model,
        _build_loss(config, labels, class_pixels),
        infer=Predictor(config.evaluate),
        counter=partial(count_decoded, labels=labels, threshold=config.evaluate.threshold),
        scorer=partial(pooled_scores, labels=labels, config=config.evaluate),
        optim=config.optim,
        seed=config.seed,
        channels_last=config.engine.channels_last,
        kept={"labels": labels.as_dict(), "division": data_validation.split_fingerprint(config)},
    )


def _build_loss(config: TrialConfig, labels: LabelSpace, class_pixels: Sequence[int] | None = None) -> torch.nn.Module:
    """Return the loss; values are not checked in it, since the engine names the step at which one is not finite."""
    if class_pixels is None:
        class_pixels = [1] * labels.count + ([2] if labels.task is Task.MULTILABEL else [])
    try:
        return build_loss(
            config.loss.name,
            task=labels.task,
            classes=labels.channels,
            ignore_index=labels.ignore,
            background=labels.background,
            class_pixels=class_pixels,
            check_values=False,
            **config.loss.given(),
        )
    except ValueError as error:
        raise ConfigError(f"loss.name={config.loss.name!r}: {error}") from error


def try_step(config: TrialConfig) -> None:
    """Build network and loss and put a small batch of nothing through them, as a training step would.

    Raises:
        ConfigError: they cannot take a training step with such a batch.
    """
    labels = source_of(config.data).labels
    model, loss = build_model(config.model, classes=labels.channels).train(), _build_loss(config, labels)
    rows, columns = (min(side, TRIED_SIDE) for side in config.crop.size or (TRIED_SIDE, TRIED_SIDE))
    size = (min(config.engine.batch_size, 2), rows, columns)  # batch normalisation wants two; more only take longer
    try:
        logits = model(torch.zeros(size[0], 3, *size[1:]))
        layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
        loss(logits, torch.zeros(size[0], *layers, *size[1:], dtype=torch.long))
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"model.architecture={config.model.architecture!r} with loss {config.loss.name!r} cannot take a training "
            f"step with engine.batch_size={config.engine.batch_size} and crop.size={config.crop.size}: {error}: "
            f"use a larger batch or crop, or another architecture"
        ) from error
