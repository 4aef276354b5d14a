"""From a configuration to the objects that a trial works with."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import torch
from torch.utils.data import DataLoader

from rarepix.config import TrialConfig
from rarepix.data.augment import build_augment
from rarepix.data.dataset import SegmentationDataset, check_crop, decoded_gib
from rarepix.data.inventory import BORDER, inventory_hash
from rarepix.data.loaders import build_loader, worker_count
from rarepix.data.parts import Part, Parts, divide
from rarepix.data.samplers import EpochSampler, Share
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.weights import image_weights
from rarepix.engine import batchnorm, group
from rarepix.evaluation.single_stage import scores
from rarepix.labels import LabelSpace
from rarepix.losses import build_loss
from rarepix.metrics.counts import confusion
from rarepix.models import build_model
from rarepix.paths import cache_root, expand
from rarepix.records import ClassPixels, Dataset
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
    weights: pd.Series
    """Training image id → weight."""
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
    _check_rare(config, source.labels)
    parts = divide(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    _check_objective(config, source.labels, parts)
    train = parts.by_name["train"]
    check_crop(
        train.items, train.inventory["height"].to_numpy(), train.inventory["width"].to_numpy(), config.augment.crop
    )
    _check_devices(config, parts)
    weights = image_weights(train.inventory[[*source.labels.names]], config.sampling.kind)
    return Data(
        source.name, source.labels, parts, weights, _build_loaders(config, source.labels, parts, weights, gpu=gpu)
    )


def _build_loaders(
    config: TrialConfig, labels: LabelSpace, parts: Parts, weights: pd.Series, *, gpu: bool
) -> dict[str, DataLoader]:
    sizes = parts.inventory
    in_memory = decoded_gib(sizes["height"].to_numpy(), sizes["width"].to_numpy()) <= config.data.cache_gib
    workers = worker_count(config.data.workers, gpu=gpu, devices=config.engine.devices)
    shared = {"ignore": labels.ignore, "workers": workers, "pin_memory": gpu}
    train = parts.by_name["train"]
    size = config.sampling.images_per_epoch or len(train.items)
    if size < config.engine.batch_size:
        raise DataError(
            f"an epoch must fill at least one batch, but it shows {size} images and engine.batch_size is "
            f"{config.engine.batch_size}: use a smaller batch or sampling.images_per_epoch"
        )
    share = Share(group.rank(), config.engine.devices)
    positions = share.of_each_batch(size, config.engine.batch_size) if share.size > 1 else None
    replace = config.sampling.kind != "uniform"
    sampler = EpochSampler(weights.to_numpy(), size, replace=replace, seed=config.seed, positions=positions)
    augment = build_augment(config.augment, ignore=labels.ignore)
    dataset = SegmentationDataset(train.items, augment=augment, in_memory=in_memory)
    own = config.engine.batch_size // share.size
    loaders = {"train": build_loader(dataset, batch_size=own, sampler=sampler, **shared)}
    for name, part in parts.by_name.items():
        if name != "train":
            plain = SegmentationDataset(part.items, in_memory=in_memory)
            loaders[name] = build_loader(plain, batch_size=config.evaluate.batch_size, share=share, **shared)
    return loaders


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
    rows, columns = (min(side, TRIED_SIDE) for side in config.augment.crop or (TRIED_SIDE, TRIED_SIDE))
    size = (min(config.engine.batch_size, 2), rows, columns)  # batch normalisation wants two; more only take longer
    try:
        loss(model(torch.zeros(size[0], 3, *size[1:])), torch.zeros(size, dtype=torch.long))
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"model.architecture={config.model.architecture!r} with loss {config.loss.name!r} cannot take a training "
            f"step with engine.batch_size={config.engine.batch_size} and augment.crop={config.augment.crop}: {error}: "
            f"use a larger batch or crop, or another architecture"
        ) from error


def describe(data: Data, config: TrialConfig, split_file: str) -> Dataset:
    """Return what a record says about the data."""
    names = data.labels.names
    return Dataset(
        name=data.name,
        root=str(config.data.root),
        inventory_hash=inventory_hash(data.parts.inventory),
        split=config.data.split,
        split_file=split_file,
        classes=names,
        rare=config.evaluate.rare or data.labels.rare,
        images={name: len(part.items) for name, part in data.parts.by_name.items()},
        pixels={name: int(part.inventory[list(names)].sum().sum()) for name, part in data.parts.by_name.items()},
        contents={name: _contents(part, names) for name, part in data.parts.by_name.items()},
    )


def write_split(parts: Parts, path: Path) -> None:
    """Write image, fold and what is held of each class, one row an image of the list that was cut."""
    parts.folds.to_frame().join(parts.inventory.drop(columns=[BORDER, "height", "width"])).to_csv(path)


def _contents(part: Part, names: tuple[str, ...]) -> dict[str, ClassPixels]:
    table = part.inventory
    return {name: ClassPixels(images=int((table[name] > 0).sum()), pixels=int(table[name].sum())) for name in names}


def _check_rare(config: TrialConfig, labels: LabelSpace) -> None:
    for key, given in (("evaluate.rare", config.evaluate.rare), ("data.allow_absent", config.data.allow_absent)):
        unknown = sorted(set(given) - set(labels.names))
        if unknown:
            raise ConfigError(f"{key} must name classes of the dataset ({', '.join(labels.names)}), but got {unknown}")
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
    if config.augment.crop is None and len(sizes) > 1:
        raise DataError(
            f"engine.devices={devices} needs training images of one size, but there are {len(sizes)} sizes: "
            f"set augment.crop, or use engine.devices=1"
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
