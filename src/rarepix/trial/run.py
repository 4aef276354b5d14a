"""One trial: build, fit, evaluate, record.

On several devices each rank (``rarepix.trial.launch``) does this, and rank 0, the main process, writes the files.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import psutil

from rarepix import layout, records
from rarepix.files import naming, replacing
from rarepix.layout import BEST, CHECKPOINTS, LAST
from rarepix.records import Objective, Status, TrialRecord
from rarepix.seeding import stable_hash
from rarepix.trial.launch import run_ranks
from rarepix.trial.lifecycle import RunContext, describe_failure, finish_attempt, run_lock, start_attempt, update_record

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from rarepix.engine.hardware import Hardware
    from rarepix.engine.module import SegmentationModule
    from rarepix.evaluation.image_sums import ImageSums
    from rarepix.wiring import Data


class StartupTimer:
    """Seconds from the start of the trial's (first) process to the first optimiser step, by phase."""

    def __init__(self) -> None:
        self._last = self.began = psutil.Process().create_time()
        self.seconds: dict[str, float] = {}

    def mark(self, phase: str) -> None:
        """Note that *phase* ends now."""
        now = time.time()
        self.seconds[f"startup_{phase}"] = round(now - self._last, 3)
        self.seconds["startup_total"] = round(now - self.began, 3)
        self._last = now


class Parts(NamedTuple):
    """What a training is built from."""

    hardware: Hardware
    data: Data
    module: SegmentationModule


def run(context: RunContext) -> TrialRecord:
    """Run the trial that *context* describes and return its record, which lies in ``context.folder``.

    A trial that was killed goes on from its last checkpoint as a new attempt.

    Raises:
        Exception: whatever ended the trial; by then the record says ``failed`` (``stopped`` after an interrupt).
    """
    startup = StartupTimer()
    with run_lock(context):
        record = start_attempt(context)
        try:
            if context.config.engine.devices == 1:
                return run_attempt(context, record, startup)
            run_ranks(partial(run_attempt, startup=startup), context, record)
            return records.read(context.record_file)
        except (KeyboardInterrupt, SystemExit):
            finish_attempt(records.read(context.record_file), context, Status.STOPPED, timings=startup.seconds)
            raise
        except Exception as error:
            changes = {"timings": startup.seconds, "error": describe_failure(error)}
            finish_attempt(records.read(context.record_file), context, Status.FAILED, **changes)
            raise


def run_attempt(context: RunContext, record: TrialRecord, startup: StartupTimer) -> TrialRecord:
    """Build, fit and evaluate; return the record, complete in the main process."""
    from rarepix.engine import distributed
    from rarepix.engine.trainer import finished_epochs
    from rarepix.evaluation.image_sums import class_counts, split_sums

    parts = _build(context, startup)
    record = _record_data(record, context, parts)
    trainer, fit_seconds, paste_outcomes = _fit(context, record, parts, startup)
    evaluated, test_seconds = _evaluate(context, parts, trainer)
    if not distributed.is_main_process():
        return record
    epoch = finished_epochs(context.folder / CHECKPOINTS / BEST)
    value, labels = parts.module.scorer(evaluated["val"].pooled)["objective"], parts.data.labels
    return finish_attempt(
        record,
        context,
        Status.COMPLETE,
        objective=Objective(name=context.config.evaluate.objective, value=value, epoch=epoch),
        counts={name: class_counts(images, labels) for name, images in evaluated.items() if "pixels" in images.sums},
        sums={name: split_sums(images, labels) for name, images in evaluated.items()},
        pasting=paste_outcomes,
        timings=startup.seconds | fit_seconds | {"test": test_seconds},
        files=_files(context),
    )


def _build(context: RunContext, startup: StartupTimer) -> Parts:
    """Read the data and build the network."""
    import torch

    from rarepix import wiring
    from rarepix.engine import distributed
    from rarepix.engine.hardware import choose_hardware, set_threads

    config = context.config
    set_threads(config.engine)
    hardware = choose_hardware(config.engine)
    startup.mark("imports")

    with distributed.main_process_first():
        data = wiring.build_data(config, gpu=hardware.is_gpu)
    startup.mark("data")

    torch.manual_seed(stable_hash(config.seed, "weights") % 2**63)
    module = wiring.build_module(config, data.labels, class_pixels=data.class_pixels())
    if hardware.is_gpu and distributed.world_size() > 1:
        # torch's own (which Lightning uses) drops the activations in timm's layers
        from timm.layers import convert_sync_batchnorm

        module.model = convert_sync_batchnorm(module.model)
    startup.mark("model")
    return Parts(hardware, data, module)


def _record_data(record: TrialRecord, context: RunContext, parts: Parts) -> TrialRecord:
    """Return the record with what is known before the training; the main process writes it and the data's tables."""
    from rarepix.engine import distributed
    from rarepix.engine.trainer import finished_epochs
    from rarepix.trial.data_artifacts import describe_data, write_data_artifacts

    last = context.folder / CHECKPOINTS / LAST
    resumed = finished_epochs(last) if last.is_file() else None
    if not distributed.is_main_process():
        return record.model_copy(update={"resumed_from_epoch": resumed})
    write_data_artifacts(parts.data, context.folder)
    dataset = describe_data(parts.data, context.config)
    return update_record(record, context, dataset=dataset, device=parts.hardware.name, resumed_from_epoch=resumed)


def _fit(
    context: RunContext, record: TrialRecord, parts: Parts, startup: StartupTimer
) -> tuple[pl.Trainer, dict[str, float], dict[str, int]]:
    """Train, from the last checkpoint if the record says so; return the trainer, the seconds and the paste outcomes."""
    from rarepix.data.transforms.paste import PasteOutcome
    from rarepix.engine.callbacks import BatchCounter, HistoryWriter, PhaseTimer
    from rarepix.engine.trainer import build_trainer

    loaders = parts.data.loaders
    timer = PhaseTimer(partial(startup.mark, "first_step"))
    outcomes = [outcome.name.lower() for outcome in PasteOutcome] if parts.data.paste else ()
    paste_counter = BatchCounter("paste", outcomes)
    history = HistoryWriter(context.folder / layout.HISTORY, attempt=record.attempt, report=context.report)
    callbacks = [timer, history, paste_counter]
    trainer = build_trainer(context.config.engine, parts.hardware, context.folder, callbacks)
    resume = context.folder / CHECKPOINTS / LAST if record.resumed_from_epoch else None
    # loader processes begin to draw before Lightning tells the sampler the epoch
    loaders["train"].sampler.set_epoch(record.resumed_from_epoch or 0)
    with naming(context.folder / CHECKPOINTS):
        trainer.fit(parts.module, loaders["train"], loaders["val"], ckpt_path=resume, weights_only=True)
    # a copy: loading the best checkpoint for the evaluation sets the counter back to its epoch
    return trainer, timer.seconds() | {"fit": history.seconds()}, dict(paste_counter.counts)


def _evaluate(context: RunContext, parts: Parts, trainer: pl.Trainer) -> tuple[dict[str, ImageSums], float]:
    """Return the sums by split of every image that was not trained on, with the best checkpoint; and the seconds."""
    from rarepix.engine import distributed
    from rarepix.evaluation.examples import choose_examples, draw_examples, rare_classes
    from rarepix.evaluation.image_sums import image_table, sum_images

    began = time.perf_counter()
    held_out = {split: loader for split, loader in parts.data.loaders.items() if split != "train"}
    evaluated = sum_images(trainer, parts.module, held_out, context.folder / CHECKPOINTS / BEST)
    if distributed.is_main_process() and "mask" in parts.module.model.outputs:
        images = image_table(evaluated, parts.data.labels)
        with replacing(context.folder / layout.IMAGES) as file:
            images.to_parquet(file, index=False)
        data, evaluate = parts.data, context.config.evaluate
        pixels, val = data.pixel_counts("val"), images[images["split"] == "val"]
        rare = rare_classes(pixels, data.labels, evaluate.rare)
        choice, dataset = choose_examples(val, pixels, rare), data.loaders["val"].dataset
        draw_examples(parts.module, dataset, choice, data.labels, context.folder / layout.EXAMPLES, rare=rare)
    return evaluated, round(time.perf_counter() - began, 3)


def _files(context: RunContext) -> dict[str, str]:
    """Return name → path, in the trial's folder, of the files that exist."""
    names = {
        "history": layout.HISTORY,
        "images": layout.IMAGES,
        "examples": layout.EXAMPLES,
        "weights": layout.WEIGHTS,
        "split": layout.SPLIT,
        "donors": layout.DONORS,
        "clusters": layout.CLUSTERS,
        "best": f"{CHECKPOINTS}/{BEST}",
        "last": f"{CHECKPOINTS}/{LAST}",
        "tensorboard": layout.TENSORBOARD,
    }
    return {name: path for name, path in names.items() if (context.folder / path).exists()}
