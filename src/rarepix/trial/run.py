"""One trial: build → fit → evaluate → record.

Of a trial on several devices each process (``rarepix.trial.rank``) does this; the main one writes the files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import psutil

from rarepix import layout, records
from rarepix.config import TrialConfig
from rarepix.files import naming, replacing
from rarepix.records import ClassCounts, Objective, Status, TrialRecord
from rarepix.seeding import stable_hash
from rarepix.trial.launch import RankFailed, run_ranks
from rarepix.trial.lifecycle import RunContext, describe_failure, finish_attempt, run_lock, start_attempt, update_record

if TYPE_CHECKING:
    from pathlib import Path

    import lightning.pytorch as pl

    from rarepix.engine.precision import Hardware
    from rarepix.engine.tally import BatchCounter
    from rarepix.evaluation.image_counts import ImageCounts
    from rarepix.wiring import Data

Listener = Callable[[dict[str, float]], None]
"""Takes the scores of a validation."""


class Startup:
    """Seconds from the start of the trial's (first) process to the first optimiser step, by phase."""

    def __init__(self, began: float | None = None) -> None:
        self._last = self.began = began or psutil.Process().create_time()
        self.seconds: dict[str, float] = {}

    def mark(self, phase: str) -> None:
        """Say that *phase* has ended now."""
        now = time.time()
        self.seconds[f"startup_{phase}"] = round(now - self._last, 3)
        self.seconds["startup_total"] = round(now - self.began, 3)
        self._last = now


class Fitted(NamedTuple):
    """What is left of the training."""

    trainer: pl.Trainer
    seconds: dict[str, float]
    pasting: dict[str, int]


def run(config: TrialConfig, place: RunContext, listener: Listener = lambda scores: None) -> TrialRecord:
    """Run the trial that *config* describes and return its record, which lies in ``place.folder``.

    A trial that was killed goes on from its last checkpoint as a new attempt.

    Raises:
        Exception: whatever ended the trial; by then the record says ``failed`` (``stopped`` after an interrupt).
    """
    startup = Startup()
    with run_lock(place):
        record = start_attempt(place, config)
        try:
            if config.engine.devices > 1:
                run_ranks(config, place, listener, began=startup.began)
                return records.read(place.record_file)
            return carry_out(config, place, record, startup, listener)
        except (KeyboardInterrupt, SystemExit):
            finish_attempt(records.read(place.record_file), place, Status.STOPPED, timings=startup.seconds)
            raise
        except Exception as error:
            cause = error.cause if isinstance(error, RankFailed) else describe_failure(error)
            finish_attempt(records.read(place.record_file), place, Status.FAILED, timings=startup.seconds, error=cause)
            raise


def carry_out(
    config: TrialConfig,
    place: RunContext,
    record: TrialRecord,
    startup: Startup,
    listener: Listener,
    meet: Callable[[Hardware], None] = lambda hardware: None,
) -> TrialRecord:
    """Do what *config* says and return the record, complete.

    Of several processes all do it, from *meet* on together, and only the leader writes.
    """
    import torch

    from rarepix import wiring
    from rarepix.engine import distributed
    from rarepix.engine.precision import choose_hardware, set_threads
    from rarepix.engine.trainer import finished_epochs
    from rarepix.layout import BEST, CHECKPOINTS

    set_threads(config.engine)
    hardware = choose_hardware(config.engine)
    gpu = hardware.accelerator == "gpu"
    meet(hardware)
    startup.mark("imports")

    with distributed.main_process_first():
        data = wiring.build_data(config, gpu=gpu)
    startup.mark("data")

    torch.manual_seed(stable_hash(config.seed, "weights") % 2**63)
    module = wiring.build_module(config, data.labels, gpu=gpu, class_pixels=data.class_pixels())
    startup.mark("model")

    record = _with_progress(record, config, place, data, hardware)
    fitted = _fit(config, place, record, data, module, hardware, startup, listener)
    best = place.folder / CHECKPOINTS / BEST
    counts, seconds = _evaluate(config, place, data, module, fitted.trainer, best)
    if not distributed.is_main_process():
        return record
    return finish_attempt(
        record,
        place,
        Status.COMPLETE,
        objective=_objective(config, module, counts["val"], finished_epochs(best)),
        counts=_pooled(counts, data),
        pasting=fitted.pasting,
        timings=startup.seconds | fitted.seconds | {"test": seconds},
        files=_files(place),
    )


def _with_progress(
    record: TrialRecord, config: TrialConfig, place: RunContext, data: Data, hardware: Hardware
) -> TrialRecord:
    """Return the record with what is known before the training; the leader writes it."""
    from rarepix.engine import distributed
    from rarepix.engine.trainer import finished_epochs
    from rarepix.layout import CHECKPOINTS, LAST
    from rarepix.trial.data_artifacts import describe_data, write_data_artifacts

    last = place.folder / CHECKPOINTS / LAST
    resumed = finished_epochs(last) if last.is_file() else None
    if not distributed.is_main_process():
        return record.model_copy(update={"resumed_from_epoch": resumed})
    write_data_artifacts(data, place.folder)
    known = {"dataset": describe_data(data, config), "device": hardware.name, "resumed_from_epoch": resumed}
    return update_record(record, place, **known)


def _tally(data: Data) -> BatchCounter:
    """Return what counts the outcomes of pasting."""
    from rarepix.data.transforms.paste import PasteOutcome
    from rarepix.engine.tally import BatchCounter

    return BatchCounter("paste", [outcome.name.lower() for outcome in PasteOutcome] if data.paste else ())


def _fit(
    config: TrialConfig,
    place: RunContext,
    record: TrialRecord,
    data: Data,
    module: pl.LightningModule,
    hardware: Hardware,
    startup: Startup,
    listener: Listener,
) -> Fitted:
    """Train, from the last checkpoint where the record says so."""
    from rarepix.engine.callbacks import Clock, HistoryWriter
    from rarepix.engine.trainer import build_trainer
    from rarepix.layout import CHECKPOINTS, LAST

    clock = Clock(partial(startup.mark, "first_step"))
    tally = _tally(data)
    history = HistoryWriter(place.folder / layout.HISTORY, attempt=record.attempt, listener=listener)
    trainer = build_trainer(config.engine, hardware, place.folder, [clock, history, tally])
    resume = place.folder / CHECKPOINTS / LAST if record.resumed_from_epoch else None
    # loader processes begin to draw before Lightning says which epoch it is
    data.loaders["train"].sampler.set_epoch(record.resumed_from_epoch or 0)
    with naming(place.folder / CHECKPOINTS):
        trainer.fit(module, data.loaders["train"], data.loaders["val"], ckpt_path=resume, weights_only=True)
    return Fitted(trainer, clock.seconds() | {"fit": history.seconds()}, tally.counts())


def _evaluate(
    config: TrialConfig,
    place: RunContext,
    data: Data,
    module: pl.LightningModule,
    trainer: pl.Trainer,
    checkpoint: Path,
) -> tuple[dict[str, ImageCounts], float]:
    """Count every image of every part but the training part; return the counts and the seconds that it took."""
    from rarepix.engine import distributed
    from rarepix.evaluation.examples import choose_examples, draw_examples, rare_classes
    from rarepix.evaluation.image_counts import count_images, image_table

    began = time.perf_counter()
    held_out = {part: loader for part, loader in data.loaders.items() if part != "train"}
    counts = count_images(trainer, module, held_out, checkpoint)
    if distributed.is_main_process():
        images = image_table(counts, data.labels)
        with replacing(place.folder / layout.IMAGES) as table:
            images.to_parquet(table, index=False)
        held = data.class_counts("val")
        rare = rare_classes(held, data.labels, config.evaluate.rare)
        shown = choose_examples(images[images["split"] == "val"], held, rare)
        how = {"rare": rare, "threshold": config.evaluate.threshold}
        draw_examples(module, held_out["val"].dataset, shown, data.labels, place.folder / layout.EXAMPLES, **how)
    return counts, round(time.perf_counter() - began, 3)


def _objective(config: TrialConfig, module: pl.LightningModule, counts: ImageCounts, epoch: int) -> Objective:
    value = module.scorer(counts.counts.sum(axis=0))["objective"]
    return Objective(name=config.evaluate.objective, value=value, epoch=epoch)


def _pooled(counts: dict[str, ImageCounts], data: Data) -> dict[str, dict[str, ClassCounts]]:
    from rarepix.scores import by_kind

    pooled = {}
    for split, images in counts.items():
        columns = by_kind(images.counts.sum(axis=0))
        pooled[split] = {
            name: ClassCounts(**{kind: int(values[index]) for kind, values in columns.items()})
            for index, name in enumerate(data.labels.names)
        }
    return pooled


def _files(place: RunContext) -> dict[str, str]:
    """Return what → path of the files that are there."""
    names = {
        "history": layout.HISTORY,
        "images": layout.IMAGES,
        "examples": layout.EXAMPLES,
        "weights": layout.WEIGHTS,
        "split": layout.SPLIT,
        "donors": layout.DONORS,
        "clusters": layout.CLUSTERS,
        "best": f"{layout.CHECKPOINTS}/{layout.BEST}",
        "last": f"{layout.CHECKPOINTS}/{layout.LAST}",
        "tensorboard": layout.TENSORBOARD,
    }
    return {what: path for what, path in names.items() if (place.folder / path).exists()}
