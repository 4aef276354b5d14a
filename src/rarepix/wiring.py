"""From a configuration to the objects that a trial works with."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from rarepix import config_data_checks
from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset, decoded_gib
from rarepix.data.inventory import BORDER
from rarepix.data.loaders import WHOLE, build_loader, worker_count
from rarepix.data.samplers import EpochSampler, RankShard, sampling_plan
from rarepix.data.source import DataError
from rarepix.data.sources import source_of
from rarepix.data.splits import clusters
from rarepix.data.splits.train_val_test import Split, Splits, make_splits
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import Paste, build_paste
from rarepix.data.weights import image_weights
from rarepix.engine import distributed
from rarepix.engine.hardware import choose_hardware
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.metrics.pooled_scores import pooled_scores
from rarepix.metrics.sums import image_sums
from rarepix.models import build_model
from rarepix.models.outputs import Target, as_output, target_of
from rarepix.models.settings import ModelConfig
from rarepix.paths import cache_root
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule

TRIED_SIDE = 128
"""Rows and columns of the images in ``try_step``, at most."""


class Data(NamedTuple):
    """The data of a trial, with its loaders."""

    name: str
    labels: LabelSpace
    splits: Splits
    centroids: pd.DataFrame | None
    """Cluster × class shares, if the split or the sampling uses clusters."""
    weights: pd.Series
    """Training image id → weight."""
    paste: Paste | None
    """What is pasted into training images; None if nothing is."""
    loaders: dict[str, DataLoader]
    """train, val and, where there is one, test."""

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
    labels = source.labels
    config_data_checks.check_classes(config, labels)
    config_data_checks.check_scores(config, labels)
    splits = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    config_data_checks.check_loss(config, labels, splits)
    config_data_checks.check_objective(config, labels, splits)
    config_data_checks.check_devices(config, splits)
    counts = splits.by_name["train"].inventory[[*labels.names]]
    centroids, weights = _clusters_and_weights(config, labels, splits, counts)
    paste = build_paste(config.paste, counts, labels=labels)
    sampler = _train_sampler(config, weights)
    in_memory = _fits_in_memory(config, labels, splits)
    reading = {"resize": config.data.resize, "in_memory": in_memory, "soft": labels.is_soft}
    augment = build_augment(config.augment, config.crop, labels=labels)
    train = SegmentationDataset(splits.by_name["train"].items, augment=augment, paste=paste, **reading)
    rank_batch = config.engine.batch_size // config.engine.devices
    loading = _loading(config, labels, gpu=gpu, devices=config.engine.devices)
    loaders = {"train": build_loader(train, batch_size=rank_batch, sampler=sampler, **loading)}
    shard = RankShard(distributed.rank(), config.engine.devices)
    for name, split in splits.by_name.items():
        if name != "train":
            dataset = SegmentationDataset(split.items, **reading)
            loaders[name] = evaluation_loader(dataset, config, labels, gpu=gpu, shard=shard)
    return Data(source.name, labels, splits, centroids, weights, paste, loaders)


def _clusters_and_weights(
    config: TrialConfig, labels: LabelSpace, splits: Splits, counts: pd.DataFrame
) -> tuple[pd.DataFrame | None, pd.Series]:
    """Return the clusters, if the split or the sampling uses some, and the weights of the training images.

    The clusters are those of the split; if it has none and the sampling needs some, those of the training split.
    """
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


def _train_sampler(config: TrialConfig, weights: pd.Series) -> EpochSampler:
    """Return the sampler of this process: on several devices it yields the process's share of every batch."""
    batch, devices = config.engine.batch_size, config.engine.devices
    mode, size = sampling_plan(config.sampling, len(weights), batch)
    if size < batch:
        raise DataError(
            f"an epoch must fill at least one batch, but it shows {size} images and engine.batch_size is "
            f"{batch}: use a smaller batch or sampling.images_per_epoch"
        )
    positions = RankShard(distributed.rank(), devices).of_each_batch(size, batch) if devices > 1 else None
    return EpochSampler(weights.to_numpy(), size, mode=mode, seed=config.seed, positions=positions)


def _fits_in_memory(config: TrialConfig, labels: LabelSpace, splits: Splits) -> bool:
    """Return whether all decoded images and masks fit into ``data.cache_gib``."""
    needed = 0.0
    for name, split in splits.by_name.items():
        sides = (split.inventory[side].to_numpy() for side in ("height", "width"))
        layers = labels.count if labels.task is Task.MULTILABEL else 1
        needed += decoded_gib(*sides, layers=layers, resize=config.data.resize, native_masks=name != "train")
    return needed <= config.data.cache_gib


def _loading(config: TrialConfig, labels: LabelSpace, *, gpu: bool, devices: int) -> dict[str, Any]:
    workers = worker_count(config.data.workers, gpu=gpu, devices=devices)
    return {"ignore": labels.ignore, "workers": workers, "pin_memory": gpu, "stride": config.model.network.stride}


def build_module(
    config: TrialConfig, labels: LabelSpace, *, class_pixels: Sequence[int] | None = None
) -> "SegmentationModule":
    """Return the network with its loss, its predictor, its sums and its scores.

    *class_pixels* are those of ``Data.class_pixels``. None: classes count as equally frequent, which is enough to
    evaluate the network, but not to train it with a loss that weighs classes by their pixels.
    """
    from rarepix.engine.module import SegmentationModule  # imports Lightning, which a dry run does without

    model = _build_model(config.model, labels)
    return SegmentationModule(
        model,
        _build_loss(config, labels, class_pixels or _equal_class_pixels(labels)),
        predict=Predictor(config.evaluate, labels, stride=model.stride).predict,
        target_of=_target_of(model, labels),
        sums_of=partial(image_sums, labels=labels),
        scorer=partial(pooled_scores, labels=labels, config=config.evaluate),
        optim=config.optim,
        seed=config.seed,
        channels_last=config.engine.channels_last,
        metadata={"labels": labels.as_dict(), "division": config_data_checks.split_fingerprint(config)},
    )


def _build_model(config: ModelConfig, labels: LabelSpace) -> torch.nn.Module:
    """Return the network, an ``outputs.Model``."""
    return build_model(config, classes=labels.channels, presence=len(labels.presence_names))


def _target_of(model: torch.nn.Module, labels: LabelSpace) -> Callable[[torch.Tensor], Target]:
    """Return masks → target: with the presence of each class only if the network says which classes are there."""
    return partial(target_of, labels=labels) if "presence" in model.outputs else Target


def _equal_class_pixels(labels: LabelSpace) -> list[int]:
    """Return ``Data.class_pixels`` of classes that are equally frequent; multilabel: each in half of the pixels."""
    return [1] * labels.count + ([2] if labels.task is Task.MULTILABEL else [])


def _build_loss(config: TrialConfig, labels: LabelSpace, class_pixels: Sequence[int]) -> torch.nn.Module:
    """Return the loss. It does not check values: the engine names the step at which one is not finite."""
    try:
        return build_loss(
            config.loss.name,
            task=labels.task,
            classes=labels.channels,
            ignore_index=labels.ignore,
            scale=labels.scale,
            background=labels.background,
            class_pixels=class_pixels,
            check_values=False,
            **config.loss.given(),
        )
    except ValueError as error:
        raise ConfigError(f"loss.name={config.loss.name!r}: {error}") from error


def try_step(config: TrialConfig) -> None:
    """Build network and loss and put a small batch of zeros through them, as a training step would.

    Raises:
        ConfigError: they cannot take a training step with such a batch.
    """
    labels = source_of(config.data).labels
    model = _build_model(config.model, labels).train()
    loss = _build_loss(config, labels, _equal_class_pixels(labels))
    rows, columns = (min(side, TRIED_SIDE) for side in config.crop.size or (TRIED_SIDE, TRIED_SIDE))
    # without a GPU each process normalises its own share of the batch; two images are enough, more only take longer
    on_gpu = choose_hardware(config.engine).is_gpu
    images = min(config.engine.batch_size // (1 if on_gpu else config.engine.devices), 2)
    try:
        output = as_output(model(torch.zeros(images, 3, rows, columns)))
        layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
        mask = torch.zeros(images, *layers, rows, columns, dtype=torch.long)
        loss(output, _target_of(model, labels)(mask))
    except LossError as error:
        raise ConfigError(f"loss.name={config.loss.name!r}: {error}") from error
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"model.architecture={config.model.architecture!r} with loss {config.loss.name!r} cannot take a training "
            f"step with engine.batch_size={config.engine.batch_size}, engine.devices={config.engine.devices} and "
            f"crop.size={config.crop.size}: {error}: use a larger batch or crop, or another architecture"
        ) from error
