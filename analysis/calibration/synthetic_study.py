"""A complete synthetic study on disk, written as trials write theirs, to measure speed and memory on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.calibration.synthetic import CLASSES, NAMES, RARE, class_scores
from rarepix import layout
from rarepix.record_splits import ClassCounts
from rarepix.records import Block, ClassPixels, Dataset, Objective, Status, TrialRecord, write

SHARES = np.geomspace(0.3, 0.0003, CLASSES) / np.geomspace(0.3, 0.0003, CLASSES).sum()
PIXELS = {"train": 4_000_000, "val": 1_000_000, "test": 1_000_000}
SAMPLING = ("uniform", "inverse_log", "copy_paste")
LOSSES = ("cross_entropy", "dice", "focal", "lovasz", "tversky")
KINDS = [(sampling, loss) for sampling in SAMPLING for loss in LOSSES]
EPOCHS = 30
BEGAN = datetime(2024, 5, 1, tzinfo=UTC)


def write_synthetic_study(study: Path, trials: int, seed: int = 0) -> Path:
    """Write *trials* complete trials of 20 classes into the folder *study* and return it.

    Sampling and loss are crossed over blocks; copy-paste gains .013 mIoU and the learning rate is drawn at random.
    """
    rng = np.random.default_rng([seed, trials])
    blocks = -(-trials // len(KINDS))
    gains = {i: 0.013 for i, (sampling, _) in enumerate(KINDS) if sampling == "copy_paste"}
    splits = {split: class_scores(rng, len(KINDS), blocks, gains) for split in ("val", "test")}
    for i in range(trials):
        block, kind = divmod(i, len(KINDS))
        ious = {split: scores[kind, block] for split, scores in splits.items()}
        sampling, loss = KINDS[kind]
        parameters = {"sampling.kind": sampling, "loss.name": loss, "optim.lr": float(10 ** rng.uniform(-4, -2))}
        record = _record(f"t{i:05d}", block, parameters, ious, BEGAN + timedelta(minutes=20 * i))
        folder = study / layout.TRIALS / record.trial
        write(record, folder / layout.RECORD)
        _history(ious["val"]).to_csv(folder / layout.HISTORY, index=False)
    return study


def write_synthetic_runs(file: Path, runs: int, seed: int = 0) -> Path:
    """Write a tidy CSV with a row for each of *runs* runs of 20 classes, and return it."""
    rng = np.random.default_rng([seed, runs])
    blocks = -(-runs // len(KINDS))
    scores = class_scores(rng, len(KINDS), blocks, {}).reshape(-1, CLASSES)[:runs]
    which, seeds = np.divmod(np.arange(runs), blocks)
    table = pd.DataFrame(scores, columns=list(NAMES)).assign(miou=scores.mean(axis=1), seed=seeds)
    sampling, loss = np.array(KINDS)[which].T
    table.assign(sampling=sampling, loss=loss).to_csv(file, index=False)
    return file


def _record(trial: str, block: int, parameters: dict, ious: dict[str, np.ndarray], began: datetime) -> TrialRecord:
    counts = {
        split: {name: _counts(float(iou), round(share * PIXELS[split]), PIXELS[split]) for name, share, iou in each}
        for split, each in ((split, zip(NAMES, SHARES, values, strict=True)) for split, values in ious.items())
    }
    return TrialRecord(
        study="synthetic", trial=trial, attempt=1, status=Status.COMPLETE, started=began.isoformat(),
        finished=(began + timedelta(minutes=20)).isoformat(), parameters=parameters | {"seed": block, "data.fold": 0},
        config={"seed": block}, config_hash="-".join(map(str, parameters.values())), block=Block(seed=block, fold=0),
        dataset=_dataset(), versions={"rarepix": "0.1.0"}, device="synthetic",
        objective=Objective(name="miou", value=float(np.mean(ious["val"])), epoch=EPOCHS - 1), counts=counts,
        timings={"startup_total": 6.5, "train": 1000.0},
    )  # fmt: skip


def _counts(iou: float, truth: int, total: int) -> ClassCounts:
    """Return counts of a class with *truth* of *total* pixels and that IoU, misses and false alarms alike."""
    missed = round(truth * (1 - iou) / (1 + iou))
    return ClassCounts(tp=truth - missed, fp=missed, fn=missed, tn=total - truth - missed)


def _dataset() -> Dataset:
    contents = {
        split: {
            name: ClassPixels(images=max(1, round(400 * share**0.5)), pixels=round(share * total))
            for name, share in zip(NAMES, SHARES, strict=True)
        }
        for split, total in PIXELS.items()
    }
    return Dataset(
        name="synthetic", root="$DATA/synthetic", inventory_hash="0", split="multilabel", split_file="splits/s0.csv",
        classes=NAMES, rare=NAMES[-RARE:], images=dict.fromkeys(PIXELS, 400), pixels=PIXELS, contents=contents,
    )  # fmt: skip


def _history(ious: np.ndarray) -> pd.DataFrame:
    """Return a learning curve that rises to the scores of the end."""
    epoch = np.arange(EPOCHS)
    rise = (1 - np.exp(-(epoch + 1) / 8)) / (1 - np.exp(-EPOCHS / 8))
    scores = {"objective": ious.mean() * rise, "miou": ious.mean() * rise}
    scores |= {f"iou/{name}": iou * rise for name, iou in zip(NAMES, ious, strict=True)}
    return pd.DataFrame({"attempt": 1, "epoch": epoch, "train_loss": 1 / (epoch + 1), **scores})
