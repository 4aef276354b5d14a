"""One training (stage): read the data, build the network, fit, evaluate.

On several devices each rank (``rarepix.trial.launch``) does this, and rank 0, the main process, writes the files.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rarepix import layout
from rarepix.config import TrialConfig
from rarepix.files import naming, replacing
from rarepix.layout import BEST, CHECKPOINTS, LAST
from rarepix.records import Objective
from rarepix.seeding import stable_hash
from rarepix.trial.stage_context import Report, StageContext
from rarepix.trial.stage_result import StageResult, check_identity, identity

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from rarepix.engine.hardware import Hardware
    from rarepix.engine.module import SegmentationModule
    from rarepix.evaluation.image_sums import ImageSums
    from rarepix.wiring import Data

STAGE_KEY = "stage"
"""Key of a checkpoint's metadata: the name of its stage and the hash of the stage's configuration."""


class _Parts(NamedTuple):
    """What a training works with."""

    config: TrialConfig
    folder: Path
    context: StageContext
    hardware: Hardware
    data: Data
    module: SegmentationModule
    first_weights: str
    """What its weights began with, a line; empty if that is random."""


def train(config: TrialConfig, folder: Path, report: Report, context: StageContext | None = None) -> StageResult:
    """Train and evaluate one network as *config* says; its files lie in *folder*.

    It goes on from the last checkpoint in *folder*, if there is one. *report* receives the scores of each validation.

    Raises:
        AttemptError: the last checkpoint belongs to another stage.
    """
    from rarepix.engine import distributed
    from rarepix.engine.trainer import read_progress
    from rarepix.evaluation.curves import split_curves
    from rarepix.evaluation.image_sums import class_counts, split_sums
    from rarepix.trial.data_artifacts import describe_data, write_data_artifacts
    from rarepix.trial.gate import tune_gate

    parts = _build(config, folder, context or StageContext())
    dataset, resumed = describe_data(parts.data, config), _finished_before(parts)
    if distributed.is_main_process():
        write_data_artifacts(parts.data, folder)
    parts.context.began(dataset, parts.hardware.name, resumed, parts.first_weights)
    trained = _fit(parts, report, resumed)
    evaluated, test_seconds = _evaluate(parts, trained.trainer)
    gate, gated = tune_gate(config, parts.data.labels, parts.data.splits.groups, evaluated, folder / CHECKPOINTS / BEST)
    value, labels = parts.module.scorer(evaluated["val"].pooled)["objective"], parts.data.labels
    epoch = read_progress(folder / CHECKPOINTS / BEST).epochs
    return StageResult(
        name=parts.context.name,
        epochs=trained.epochs,
        steps=trained.steps,
        objective=Objective(name=config.evaluate.objective, value=value, epoch=epoch),
        checkpoint=folder / CHECKPOINTS / BEST,
        device=parts.hardware.name,
        dataset=dataset,
        counts={name: class_counts(images, labels) for name, images in evaluated.items() if "pixels" in images.sums},
        sums={name: split_sums(images, labels) for name, images in evaluated.items()},
        gate=gate,
        gated=gated,
        curves={name: curves for name, images in evaluated.items() if (curves := split_curves(images.sums))},
        pasting=trained.paste_outcomes,
        timings=trained.seconds | {"test": test_seconds},
    )


def _build(config: TrialConfig, folder: Path, context: StageContext) -> _Parts:
    """Read the data and build the network."""
    import torch

    from rarepix import wiring
    from rarepix.engine import distributed
    from rarepix.engine.hardware import choose_hardware, set_threads
    from rarepix.evaluation.checkpoint_weights import load_weights

    set_threads(config.engine)
    hardware = choose_hardware(config.engine)
    context.startup.mark("imports")

    with distributed.main_process_first():
        data = wiring.build_data(config, gpu=hardware.is_gpu)
    context.startup.mark("data")

    torch.manual_seed(stable_hash(config.seed, "weights") % 2**63)
    normalisation = data.normalisation and data.normalisation.by_name()
    module = wiring.build_module(config, data.labels, class_pixels=data.class_pixels(), normalisation=normalisation)
    module.metadata = module.metadata | {STAGE_KEY: identity(context.name, config)}
    first_weights = module.model.first_weights
    if context.initial_weights is not None:
        load_weights(module.model, context.initial_weights)
        first_weights = ""
    if hardware.is_gpu and distributed.world_size() > 1:
        # torch's own (which Lightning uses) drops the activations in timm's layers
        from timm.layers import convert_sync_batchnorm

        module.model = convert_sync_batchnorm(module.model)
    context.startup.mark("model")
    return _Parts(config, folder, context, hardware, data, module, first_weights)


def _finished_before(parts: _Parts) -> int | None:
    """Return the epochs that earlier attempts have finished; None if there is no checkpoint to go on from."""
    from rarepix.engine.trainer import read_progress

    last = parts.folder / CHECKPOINTS / LAST
    if not last.is_file():
        return None
    progress = read_progress(last)
    stage = progress.metadata.get(STAGE_KEY)
    if stage is not None or parts.context.own_folder:  # older checkpoints, of trials with one stage, name none
        check_identity(last, stage, parts.context.name, parts.config)
    return progress.epochs


class _Trained(NamedTuple):
    """What is known when the last epoch has ended."""

    trainer: pl.Trainer
    epochs: int
    steps: int
    seconds: dict[str, float]
    paste_outcomes: dict[str, int]


def _fit(parts: _Parts, report: Report, resumed: int | None) -> _Trained:
    """Train, from the last checkpoint if *resumed* epochs are finished."""
    from rarepix import wiring
    from rarepix.data.transforms.paste import PasteOutcome
    from rarepix.engine.callbacks import BatchCounter, HistoryWriter, PhaseTimer
    from rarepix.engine.trainer import build_trainer

    folder, context, loaders = parts.folder, parts.context, parts.data.loaders
    timer = PhaseTimer(partial(context.startup.mark, "first_step"))
    outcomes = [outcome.name.lower() for outcome in PasteOutcome] if parts.data.paste else ()
    paste_counter = BatchCounter("paste", outcomes)
    history = HistoryWriter(
        context.history or folder / layout.HISTORY,
        attempt=context.attempt,
        report=report,
        stage=context.name if context.own_folder else None,
        epochs_before=context.epochs_before,
        steps_before=context.steps_before,
    )
    callbacks = [timer, history, paste_counter]
    trainer = build_trainer(parts.config.engine, parts.hardware, folder, callbacks, logs=context.logs)
    # loader processes begin to draw before Lightning tells the sampler the epoch
    loaders["train"].sampler.set_epoch(resumed or 0)
    last = folder / CHECKPOINTS / LAST if resumed else None
    with naming(folder / CHECKPOINTS), wiring.explaining_small_batches(parts.config):
        trainer.fit(parts.module, loaders["train"], loaders["val"], ckpt_path=last, weights_only=True)
    # noted now: loading the best checkpoint for the evaluation sets trainer and counter back to its epoch
    seconds = timer.seconds() | {"fit": history.seconds()}
    return _Trained(trainer, trainer.current_epoch, trainer.global_step, seconds, dict(paste_counter.counts))


def _evaluate(parts: _Parts, trainer: pl.Trainer) -> tuple[dict[str, ImageSums], float]:
    """Return the sums by split of every image that was not trained on, with the best checkpoint; and the seconds."""
    from rarepix.engine import distributed
    from rarepix.evaluation.examples import choose_examples, classes_to_show, draw_examples
    from rarepix.evaluation.gates.passes import taking_features
    from rarepix.evaluation.image_sums import image_table, sum_images

    began, folder = time.perf_counter(), parts.folder
    held_out = {split: loader for split, loader in parts.data.loaders.items() if split != "train"}
    with taking_features(parts.module, parts.config, parts.data.labels, parts.config.gate.kind):
        evaluated = sum_images(trainer, parts.module, held_out, folder / CHECKPOINTS / BEST)
    if distributed.is_main_process() and "mask" in parts.module.model.outputs:
        images = image_table(evaluated, parts.data.labels)
        with replacing(folder / layout.IMAGES) as file:
            images.to_parquet(file, index=False)
        data, pixels, val = parts.data, parts.data.pixel_counts("val"), images[images["split"] == "val"]
        rare = classes_to_show(pixels, data.labels, parts.config.evaluate)
        choice, dataset = choose_examples(val, pixels, rare), data.loaders["val"].dataset
        draw_examples(parts.module, dataset, choice, data.labels, folder / layout.EXAMPLES, rare=rare)
    return evaluated, round(time.perf_counter() - began, 3)
