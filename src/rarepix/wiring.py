"""From a configuration to the objects that a trial works with."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import torch
from torch.utils.data import DataLoader

from rarepix.choices import nearest
from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset, decoded_gib
from rarepix.data.loaders import build_loader, worker_count
from rarepix.data.parts import Parts, divide
from rarepix.data.samplers import EpochSampler, Share, plan
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.splits import clusters
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import Paste, build_paste
from rarepix.data.weights import image_weights
from rarepix.engine import batchnorm, group
from rarepix.evaluation.single_stage import scores
from rarepix.labels import LabelSpace
from rarepix.losses import build_loss
from rarepix.metrics.counts import confusion
from rarepix.models import build_model
from rarepix.paths import cache_root, expand
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule

TRIED_SIDE = 128
"""Rows and columns with which a step is tried, at most."""


class Data(NamedTuple):
    """The data of a trial, ready to be read."""

    name: str
    labels: LabelSpace
    parts: Parts
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


def build_data(config: TrialConfig, *, gpu: bool) -> Data:
    """Read the dataset, divide it and make its loaders.

    Raises:
        FileNotFoundError, DataError: the data cannot be used.
        ConfigError: the configuration asks for what the data do not have.
    """
    source = open_source(config.data.source, expand(config.data.root))
    _check_classes(config, source.labels)
    parts = divide(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    _check_objective(config, source.labels, parts)
    _check_devices(config, parts)
    counts = parts.by_name["train"].inventory[[*source.labels.names]]
    centroids, weights = _weigh(config, source.labels, parts, counts)
    paste = build_paste(config.paste, counts, labels=source.labels)
    loaders = _train_loader(config, source.labels, parts, weights, paste, gpu=gpu)
    loaders |= _plain_loaders(config, source.labels, parts, gpu=gpu)
    return Data(source.name, source.labels, parts, centroids, weights, paste, loaders)


def _weigh(
    config: TrialConfig, labels: LabelSpace, parts: Parts, counts: pd.DataFrame
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
    config: TrialConfig, labels: LabelSpace, parts: Parts, weights: pd.Series, paste: Paste | None, *, gpu: bool
) -> dict[str, DataLoader]:
    items, batch = parts.by_name["train"].items, config.engine.batch_size
    scheme, size = plan(config.sampling, len(items), batch)
    if size < batch:
        raise DataError(
            f"an epoch must fill at least one batch, but it shows {size} images and engine.batch_size is "
            f"{batch}: use a smaller batch or sampling.images_per_epoch"
        )
    share = Share(group.rank(), config.engine.devices)
    positions = share.of_each_batch(size, batch) if share.size > 1 else None
    sampler = EpochSampler(weights.to_numpy(), size, scheme=scheme, seed=config.seed, positions=positions)
    augment = build_augment(config.augment, config.crop, labels=labels)
    dataset = SegmentationDataset(items, augment=augment, paste=paste, in_memory=_in_memory(config, parts))
    loading = _loading(config, labels, gpu=gpu)
    return {"train": build_loader(dataset, batch_size=batch // share.size, sampler=sampler, **loading)}


def _plain_loaders(config: TrialConfig, labels: LabelSpace, parts: Parts, *, gpu: bool) -> dict[str, DataLoader]:
    loading = _loading(config, labels, gpu=gpu) | {"share": Share(group.rank(), config.engine.devices)}
    return {
        name: build_loader(
            SegmentationDataset(part.items, in_memory=_in_memory(config, parts)),
            batch_size=config.evaluate.batch_size,
            **loading,
        )
        for name, part in parts.by_name.items()
        if name != "train"
    }


def _in_memory(config: TrialConfig, parts: Parts) -> bool:
    sizes = parts.inventory
    return decoded_gib(sizes["height"].to_numpy(), sizes["width"].to_numpy()) <= config.data.cache_gib


def _loading(config: TrialConfig, labels: LabelSpace, *, gpu: bool) -> dict[str, Any]:
    workers = worker_count(config.data.workers, gpu=gpu, devices=config.engine.devices)
    return {"ignore": labels.ignore, "workers": workers, "pin_memory": gpu}


def build_module(config: TrialConfig, labels: LabelSpace, *, gpu: bool = False) -> "SegmentationModule":
    """Return the network with its loss and its way of counting."""
    from rarepix.engine.module import SegmentationModule  # imports Lightning, which a rehearsal does without

    model = build_model(config.model, classes=labels.count)
    return SegmentationModule(
        batchnorm.over_the_whole_batch(model, gpu=gpu) if group.size() > 1 else model,
        _build_loss(config, labels),
        counter=partial(confusion, classes=labels.count, ignore=labels.ignore),
        scorer=partial(scores, labels=labels, config=config.evaluate),
        optim=config.optim,
        seed=config.seed,
        channels_last=config.engine.channels_last,
    )


def _build_loss(config: TrialConfig, labels: LabelSpace) -> torch.nn.Module:
    params = config.loss.parameters()
    return build_loss(config.loss.name, task=labels.task, classes=labels.count, ignore_index=labels.ignore, **params)


def try_step(config: TrialConfig) -> None:
    """Build network and loss and put a small batch of nothing through them, as a training step would.

    Raises:
        ConfigError: they cannot take a training step with such a batch.
    """
    labels = open_source(config.data.source, expand(config.data.root)).labels
    model, loss = build_model(config.model, classes=labels.count).train(), _build_loss(config, labels)
    rows, columns = (min(side, TRIED_SIDE) for side in config.crop.size or (TRIED_SIDE, TRIED_SIDE))
    size = (min(config.engine.batch_size, 2), rows, columns)  # batch normalisation wants two; more only take longer
    try:
        loss(model(torch.zeros(size[0], 3, *size[1:])), torch.zeros(size, dtype=torch.long))
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"model.architecture={config.model.architecture!r} with loss {config.loss.name!r} cannot take a training "
            f"step with engine.batch_size={config.engine.batch_size} and crop.size={config.crop.size}: {error}: "
            f"use a larger batch or crop, or another architecture"
        ) from error


def _check_classes(config: TrialConfig, labels: LabelSpace) -> None:
    """Raise ``ConfigError`` if the configuration names classes that the dataset does not have, or lacks rare ones."""
    named = {
        "evaluate.rare": config.evaluate.rare,
        "data.allow_absent": config.data.allow_absent,
        "data.scarcity.classes": config.data.scarcity.classes if config.data.scarcity else (),
        "crop.classes": config.crop.classes or (),
        "paste.classes": config.paste.classes or (),
    }
    for key, given in named.items():
        unknown = sorted(set(given) - set(labels.names))
        if unknown:
            raise ConfigError(
                f"{key} must name classes of the dataset ({', '.join(labels.names)}), but got {unknown}: "
                f"{nearest(unknown[0], labels.names)}take one of these"
            )
    if config.evaluate.objective == "rare_iou" and not (config.evaluate.rare or labels.rare):
        raise ConfigError(
            "evaluate.objective=rare_iou needs rare classes, but neither evaluate.rare nor the dataset names any"
        )


def _check_devices(config: TrialConfig, parts: Parts) -> None:
    """Raise ``DataError`` unless every device gets shares as large as those of the others, and something to count."""
    devices, each = config.engine.devices, config.evaluate.batch_size
    if devices == 1:
        return
    sizes = parts.by_name["train"].inventory[["height", "width"]].drop_duplicates()
    if config.crop.size is None and len(sizes) > 1:
        raise DataError(
            f"engine.devices={devices} needs training images of one size, but there are {len(sizes)} sizes: "
            f"set crop.size, or use engine.devices=1"
        )
    for name, part in parts.by_name.items():
        batches = -(-len(part.items) // each)
        if name != "train" and batches < devices:
            raise DataError(
                f"each of {devices} devices needs a batch of the part {name!r}, but its {len(part.items)} images are "
                f"{batches} batches of {each}: use a smaller evaluate.batch_size, or fewer engine.devices"
            )


def _check_objective(config: TrialConfig, labels: LabelSpace, parts: Parts) -> None:
    rare = list(config.evaluate.rare or labels.rare)
    if config.evaluate.objective == "rare_iou" and not parts.by_name["val"].inventory[rare].to_numpy().any():
        raise DataError(
            f"evaluate.objective=rare_iou needs a rare class ({', '.join(rare)}) in the validation part, but fold "
            f"{config.data.fold} of split {config.data.split!r} has none: "
            f"use data.split=multilabel, fewer folds or another fold"
        )
