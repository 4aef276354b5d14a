"""From a configuration to the data of a trial: splits, weights, paste, loaders."""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
from torch.utils.data import DataLoader, Dataset

from rarepix import config_data_checks
from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset, decoded_gib
from rarepix.data.foreground import Foreground, foreground_of
from rarepix.data.inventory import BORDER
from rarepix.data.inventory.unused_bands import describe_unused_bands
from rarepix.data.loaders import WHOLE, build_loader, worker_count
from rarepix.data.normalisation import Normalisation, measure_normalisation
from rarepix.data.samplers import EpochSampler, RankShard, sampling_plan
from rarepix.data.settings import BY_FOREGROUND
from rarepix.data.source import DataError, Item
from rarepix.data.sources import source_of
from rarepix.data.splits import clusters
from rarepix.data.splits.train_val_test import Split, Splits, make_splits
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import Paste, build_paste
from rarepix.data.weights import image_weights
from rarepix.engine import distributed
from rarepix.labels import LabelSpace, Task
from rarepix.paths import cache_root

LOOKED_AT = 16
"""Training images that are decoded to find bands that are left out; the inventory looks at all."""


class Data(NamedTuple):
    """The data of a trial, with its loaders."""

    name: str
    labels: LabelSpace
    splits: Splits
    centroids: pd.DataFrame | None
    """Cluster × class shares, if the split or the sampling uses clusters."""
    weights: pd.Series
    """Training image id → weight."""
    foreground: Foreground | None
    """Which training images have foreground, if the sampling tells them from empty ones."""
    paste: Paste | None
    """What is pasted into training images; None if nothing is."""
    loaders: dict[str, DataLoader]
    """train, val and, where there is one, test."""
    normalisation: Normalisation | None
    """Of each band, measured on the training part; None: that of ImageNet, for three bands of 8 bits."""

    def pixel_counts(self, split: str) -> pd.DataFrame:
        """Return the image × class table of pixel counts of one split."""
        return self.splits.by_name[split].inventory[list(self.labels.names)]

    def class_pixels(self) -> list[int]:
        """Return the pixels of each class in the training split, as ``build_loss`` takes them.

        Binary: background, class. Multiclass: C classes. Multilabel: C classes, whose pixels overlap, and then the
        number of all pixels that are not ignored.
        """
        pixels = self.pixel_counts("train").sum().tolist()
        return pixels + [counted_pixels(self.splits.by_name["train"])] * (self.labels.task is Task.MULTILABEL)


def counted_pixels(split: Split) -> int:
    """Return the pixels that are not ignored; multilabel classes overlap, so their pixels do not add up to it."""
    table = split.inventory
    return int((table["height"] * table["width"] - table[BORDER]).sum())


def build_data(config: TrialConfig, *, gpu: bool) -> Data:
    """Read the dataset, split it and make its loaders.

    Raises:
        FileNotFoundError, DataError: the data cannot be used.
        ConfigError: the configuration asks for what the data do not have.
    """
    source = source_of(config.data)
    if source.assumed and distributed.is_main_process():
        print(f"rarepix: {source.assumed}", file=sys.stderr)
    labels = source.labels
    config_data_checks.check_classes(config, labels)
    config_data_checks.check_scores(config, labels)
    splits = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    config_data_checks.check_loss(config, labels, splits)
    config_data_checks.check_objective(config, labels, splits)
    config_data_checks.check_gate(config, labels, splits)
    config_data_checks.check_devices(config, splits)
    counts = splits.by_name["train"].inventory[[*labels.names]]
    foreground = None
    if config.sampling.kind in BY_FOREGROUND:
        table, epochs = splits.by_name["train"].inventory, config.engine.epochs
        foreground = foreground_of(table, labels, config.sampling, epochs=epochs)
    centroids, weights = _clusters_and_weights(config, labels, splits, counts, foreground)
    paste = build_paste(config.paste, counts, labels=labels)
    sampler = _train_sampler(config, weights, foreground)
    in_memory = _fits_in_memory(config, labels, splits)
    reading = {"resize": config.data.resize, "in_memory": in_memory, "soft": labels.is_soft}
    augment = build_augment(config.augment, config.crop, labels=labels, bands=config.data.bands)
    train = SegmentationDataset(splits.by_name["train"].items, augment=augment, paste=paste, **reading)
    rank_batch = config.engine.batch_size // config.engine.devices
    loading = _loading(config, labels, gpu=gpu, devices=config.engine.devices)
    loaders = {"train": build_loader(train, batch_size=rank_batch, sampler=sampler, **loading)}
    shard = RankShard(distributed.rank(), config.engine.devices)
    for name, split in splits.by_name.items():
        if name != "train":
            dataset = SegmentationDataset(split.items, **reading)
            loaders[name] = evaluation_loader(dataset, config, labels, gpu=gpu, shard=shard)
    normalisation = _normalisation(config, splits.by_name["train"].items)
    return Data(source.name, labels, splits, centroids, weights, foreground, paste, loaders, normalisation)


def _normalisation(config: TrialConfig, items: Sequence[Item]) -> Normalisation | None:
    """Measure mean and standard deviation of each band, unless images are RGB.

    Warns of bands that are left out, and of values outside the range.
    """
    if unused := describe_unused_bands(items, looked_at=LOOKED_AT):
        warnings.warn(unused, stacklevel=2)
    if config.data.bands.is_rgb:
        return None
    normalisation = measure_normalisation(items, cache=cache_root() / "inventory")
    if normalisation.outside:
        low, high = config.data.range
        warnings.warn(
            f"{normalisation.outside:.3%} of the values of the training images are outside data.range "
            f"[{low:g}, {high:g}] and become its ends",
            stacklevel=2,
        )
    return normalisation


def _clusters_and_weights(
    config: TrialConfig, labels: LabelSpace, splits: Splits, counts: pd.DataFrame, foreground: Foreground | None
) -> tuple[pd.DataFrame | None, pd.Series]:
    """Return the clusters, if the split or the sampling uses some, and the weights of the training images.

    The clusters are those of the split; if it has none and the sampling needs some, those of the training split.
    """
    if foreground is not None:
        return splits.centroids, foreground.weights()
    sampling = config.sampling
    options = {key: value for key, value in sampling.parameters().items() if key != "added"}  # that is the sampler's
    options["columns"] = [*labels.names]
    options["ignoring"] = labels.background_names
    centroids = splits.centroids
    if options.get("by") == "cluster":
        centroids = clusters.fit(counts, ignoring=options["ignoring"]) if centroids is None else centroids
        options["clusters"] = clusters.assign(counts, centroids)
    try:
        return centroids, image_weights(counts, sampling.kind, **options)
    except ValueError as error:
        raise DataError(f"sampling.kind={sampling.kind}: {error}") from error


def evaluation_loader(
    dataset: Dataset,
    config: TrialConfig,
    labels: LabelSpace,
    *,
    gpu: bool,
    collate: Callable[[list[dict]], dict] | None = None,
    shard: RankShard = WHOLE,
) -> DataLoader:
    """Return the loader of images that are evaluated: all of *dataset* in its order, or the batches of one *shard*.

    *dataset* is a ``SegmentationDataset`` unless *collate* is given, which makes a batch of samples without masks.
    """
    batch_size = config.evaluate.batch_size
    loading = _loading(config, labels, gpu=gpu, devices=shard.size)
    return build_loader(dataset, batch_size=batch_size, share=shard, collate=collate, **loading)


def _train_sampler(config: TrialConfig, weights: pd.Series, foreground: Foreground | None) -> EpochSampler:
    """Return the sampler of this process: on several devices it yields the process's share of every batch."""
    batch, devices = config.engine.batch_size, config.engine.devices
    mode, size = sampling_plan(config.sampling, len(weights), batch, foreground)
    if size < batch:
        raise DataError(
            f"an epoch must fill at least one batch, but it shows {size} images and engine.batch_size is "
            f"{batch}: use a smaller batch or sampling.images_per_epoch"
        )
    positions = RankShard(distributed.rank(), devices).of_each_batch(size, batch) if devices > 1 else None
    ratio = foreground.ratio if foreground else None
    return EpochSampler(weights.to_numpy(), size, mode=mode, seed=config.seed, positions=positions, ratio=ratio)


def _fits_in_memory(config: TrialConfig, labels: LabelSpace, splits: Splits) -> bool:
    """Return whether all decoded images and masks fit into ``data.cache_gib``."""
    needed = 0.0
    for name, split in splits.by_name.items():
        sides = (split.inventory[side].to_numpy() for side in ("height", "width"))
        layers = labels.count if labels.task is Task.MULTILABEL else 1
        needed += decoded_gib(
            *sides,
            layers=layers,
            bytes_per_pixel=config.data.bands.bytes_per_pixel,
            resize=config.data.resize,
            native_masks=name != "train",
        )
    return needed <= config.data.cache_gib


def _loading(config: TrialConfig, labels: LabelSpace, *, gpu: bool, devices: int) -> dict[str, Any]:
    workers = worker_count(config.data.workers, gpu=gpu, devices=devices)
    return {"ignore": labels.ignore, "workers": workers, "pin_memory": gpu, "stride": config.model.network.stride}
