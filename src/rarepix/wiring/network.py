"""From a configuration to the network of a trial: with its loss, its predictor, its sums and its scores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch

from rarepix import config_data_checks
from rarepix.config import TrialConfig
from rarepix.data.sources import source_of
from rarepix.engine.hardware import choose_hardware
from rarepix.gates import Gate
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.metrics.curves import curve_sums
from rarepix.metrics.pooled_scores import pooled_scores
from rarepix.metrics.sums import image_sums
from rarepix.models import build_model
from rarepix.models.outputs import Target, as_output, target_of
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule

ONE_VALUE = "Expected more than 1 value per channel"
"""How the error of torch's batch normalisation begins."""
NORMALISATION = "normalisation"
"""Key of a checkpoint's metadata: mean and standard deviation of each band, where they were measured."""
TRIED_SIDE = 128
"""Rows and columns of the images in ``try_step``, at most; twice that where a batch is one image: the coarsest maps of
some networks have one cell for 128 pixels, and batch normalisation needs two."""


def build_module(
    config: TrialConfig,
    labels: LabelSpace,
    *,
    class_pixels: Sequence[int] | None = None,
    normalisation: Mapping[str, Sequence[float]] | None = None,
    gate: Gate | None = None,
) -> "SegmentationModule":
    """Return the network with its loss, its predictor, its sums and its scores.

    *class_pixels* are those of ``Data.class_pixels``. None: classes count as equally frequent, which is enough to
    evaluate the network, but not to train it with a loss that weighs classes by their pixels. *normalisation* has
    ``mean`` and ``std`` of each band as shares of the full range; None: those of ImageNet, for three bands of 8 bits.
    The *gate* is applied to what the network predicts.
    """
    from rarepix.engine.module import SegmentationModule  # imports Lightning, which a dry run does without

    model = _build_model(config, labels)
    metadata = {"labels": labels.as_dict(), "division": config_data_checks.split_fingerprint(config)}
    return SegmentationModule(
        model,
        _build_loss(config, labels, class_pixels or _equal_class_pixels(labels)),
        predict=Predictor(config.evaluate, labels, stride=model.stride, gate=gate).predict,
        target_of=_target_of(model, labels),
        sums_of=partial(image_sums, labels=labels),
        test_sums_of=partial(curve_sums, labels=labels),
        scorer=partial(pooled_scores, labels=labels, config=config.evaluate),
        optim=config.optim,
        seed=config.seed,
        channels_last=config.engine.channels_last,
        metadata=metadata | ({NORMALISATION: normalisation} if normalisation else {}),
        full_scale=config.data.bands.full_scale,
        **(normalisation or {}),
    )


def _build_model(config: TrialConfig, labels: LabelSpace) -> torch.nn.Module:
    """Return the network, an ``outputs.Model``."""
    presence, channels = len(labels.presence_names), config.data.channels
    return build_model(config.model, classes=labels.channels, presence=presence, channels=channels)


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
    model = _build_model(config, labels).train()
    loss = _build_loss(config, labels, _equal_class_pixels(labels))
    # without a GPU each process normalises its own share of the batch; two images are enough, more only take longer
    on_gpu = choose_hardware(config.engine).is_gpu
    images = min(config.engine.batch_size // (1 if on_gpu else config.engine.devices), 2)
    most = TRIED_SIDE * (2 if images == 1 else 1)
    rows, columns = (min(side, most) for side in config.crop.size or (most, most))
    try:
        output = as_output(model(torch.zeros(images, config.data.channels, rows, columns)))
        layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
        mask = torch.zeros(images, *layers, rows, columns, dtype=torch.long)
        loss(output, _target_of(model, labels)(mask))["loss"].backward()
    except LossError as error:
        raise ConfigError(f"loss.name={config.loss.name!r}: {error}") from error
    except (AssertionError, RuntimeError, ValueError) as error:  # an assertion: timm's encoders of one fixed size
        raise _no_training_step(config, error) from error


@contextmanager
def explaining_small_batches(config: TrialConfig) -> Iterator[None]:
    """Say what to change where a training step fails since batch normalisation got one value for each channel.

    That depends on the sizes of the images as well, which ``try_step`` does not read. Other errors pass.
    """
    try:
        yield
    except ValueError as error:
        if ONE_VALUE not in str(error):
            raise
        raise _no_training_step(config, error) from error


def _no_training_step(config: TrialConfig, error: Exception) -> ConfigError:
    return ConfigError(
        f"model.architecture={config.model.architecture!r} with loss {config.loss.name!r} cannot take a training "
        f"step with engine.batch_size={config.engine.batch_size}, engine.devices={config.engine.devices} and "
        f"crop.size={config.crop.size}: {error}: use a larger batch or crop, or another architecture"
    )
