"""Synthetic studies, written through ``rarepix.records`` as trials write theirs."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis import Tables, load_study
from analysis.study.results import Results, compute_results
from rarepix.record_splits import ClassCounts
from rarepix.records import Block, ClassPixels, Dataset, Failure, Objective, Status, TrialRecord, write

CLASSES = ("background", "road", "car", "person", "bottle")
RARE = ("person", "bottle")
SHARES = {"background": 0.7, "road": 0.25, "car": 0.04, "person": 0.009, "bottle": 0.001}
PIXELS = {"train": 4_000_000, "val": 1_000_000, "test": 1_000_000}
GAINS = {"uniform": 0.0, "inverse_log": 0.05, "copy_paste": 0.08}


def counts_for(iou: float, truth: int, total: int) -> ClassCounts:
    """Counts of a class with *truth* of *total* pixels whose IoU is *iou* (misses and false alarms alike)."""
    missed = round(truth * (1 - iou) / (1 + iou))
    return ClassCounts(tp=truth - missed, fp=missed, fn=missed, tn=total - truth - missed)


def split_counts(rng: np.random.Generator, gain: float, total: int, absent: str | None) -> dict[str, ClassCounts]:
    """Counts of all classes, rarer ones lower; *absent* is neither there nor predicted."""
    counts = {}
    for name, share in SHARES.items():
        skill = float(
            np.clip(0.95 + 0.1 * np.log10(share) + gain * (name in RARE) * 2 + rng.normal(0, 0.02), 0.01, 0.99)
        )
        counts[name] = counts_for(skill, round(share * total), total)
    if absent:
        counts[absent] = ClassCounts(tp=0, fp=0, fn=0, tn=total)
    return counts


def dataset() -> Dataset:
    """What the records say about their data."""
    contents = {
        split: {
            name: ClassPixels(images=max(1, round(400 * share**0.5)), pixels=round(share * total))
            for name, share in SHARES.items()
        }
        for split, total in PIXELS.items()
    }
    return Dataset(
        name="street", root="$DATA/street", inventory_hash="ab12", split="multilabel", split_file="splits/s0.csv",
        classes=CLASSES, rare=RARE, images=dict.fromkeys(PIXELS, 400), pixels=PIXELS, contents=contents,
    )  # fmt: skip


def sampled(rng: np.random.Generator, kind: str) -> dict:
    """Parameters as NNI hands them over: dotted keys and a nested choice."""
    focal = {"_name": "focal", "gamma": round(float(rng.uniform(1, 4)), 2)}
    loss = focal if rng.random() < 0.5 else {"_name": "cross_entropy"}
    lr = float(10 ** rng.uniform(-4, -1.5))
    return {"optim.lr": lr, "sampling.kind": kind, "loss": loss, "augment.flip": bool(rng.random() < 0.5)}


def make_record(trial: str, *, seed=0, fold=0, parameters: dict | None = None, absent: str | None = None, **changes):
    """A complete record; *changes* replace its fields."""
    rng = np.random.default_rng([seed, fold, *trial.encode()])
    parameters = sampled(rng, "uniform") if parameters is None else parameters
    gain = GAINS.get(parameters.get("sampling.kind"), 0.0)
    counts = {split: split_counts(rng, gain, PIXELS[split], absent) for split in ("val", "test")}
    scores = [c.tp / (c.tp + c.fp + c.fn) for c in counts["val"].values() if c.tp + c.fp + c.fn]
    fields = {
        "study": "synthetic", "trial": trial, "attempt": 1, "status": Status.COMPLETE,
        "started": "2024-05-01T10:00:00+00:00", "finished": "2024-05-01T10:20:00+00:00",
        "parameters": parameters | {"seed": seed, "data.fold": fold},
        "config": {"recipe": "street/small", "seed": seed}, "config_hash": str(hash_of(parameters)),
        "block": Block(seed=seed, fold=fold), "dataset": dataset(), "versions": {"rarepix": "0.1.0", "torch": "2.11.0"},
        "device": "cpu", "objective": Objective(name="miou", value=float(np.mean(scores)), epoch=9), "counts": counts,
        "timings": {"startup_imports": 4.0, "startup_first_step": 2.5, "startup_total": 6.5, "train": 55.0},
    }  # fmt: skip
    return TrialRecord(**fields | changes)


def hash_of(parameters: dict) -> str:
    """A stand-in for the configuration's hash."""
    return str(sorted(map(str, parameters.items())))[:400]


def history(record: TrialRecord, epochs: int = 10, attempts: int = 1) -> pd.DataFrame:
    """A curve that rises to the objective; a later attempt starts again in the middle."""
    top = record.objective.value if record.objective else 0.4
    parts = []
    for attempt in range(1, attempts + 1):
        epoch = np.arange(1 if attempt == 1 else epochs // 2, epochs // 2 + 2 if attempt < attempts else epochs + 1)
        score = top * (1 - np.exp(-epoch / 3)) / (1 - np.exp(-epochs / 3))
        columns = {"attempt": attempt, "epoch": epoch, "step": epoch * 50, "seconds": epoch * 5.0, "lr": 0.01}
        losses = {"train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "objective": score, "miou": score}
        parts.append(
            pd.DataFrame(columns | losses | {"rare_iou": score / 2, "worst_iou": score / 4, "iou/bottle": score / 4})
        )
    return pd.concat(parts, ignore_index=True)


def add_trial(study: Path, record: TrialRecord, *, attempts: int = 1, images: bool = True, epochs: int = 10) -> Path:
    """Write what a trial leaves: record, history and image counts."""
    folder = study / "trials" / record.trial
    write(record, folder / "record.json")
    history(record, epochs, attempts).to_csv(folder / "history.csv", index=False)
    if images and record.counts:
        rows = [
            {"split": split, "image": f"im{i}", "class": name}
            | {key: value // 2 for key, value in counts.model_dump().items()}
            for split, by_class in record.counts.items()
            for name, counts in by_class.items()
            for i in range(2)
        ]
        pd.DataFrame(rows).to_parquet(folder / "images.parquet")
    return folder


def add_broken(study: Path) -> None:
    """A failed, a stopped and a running trial, a cut-off record, one of a newer schema, a folder without one."""
    empty = {"objective": None, "counts": {}, "timings": {}}
    error = Failure(
        type="NonFiniteLoss", message="the loss must be finite, but is nan at step 12 <script>", where="module.py:80"
    )
    add_trial(study, make_record("failed1", status=Status.FAILED, error=error, **empty | {"dataset": None}), epochs=3)
    add_trial(study, make_record("stopped1", status=Status.STOPPED, **empty), epochs=4)
    add_trial(study, make_record("running1", status=Status.RUNNING, finished=None, **empty), epochs=2)
    whole = (study / "trials" / "stopped1" / "record.json").read_text()
    for name, text in (("cut1", whole[: len(whole) // 2]), ("newer1", whole.replace('"schema": 2', '"schema": 99', 1))):
        (study / "trials" / name).mkdir()
        (study / "trials" / name / "record.json").write_text(text)
    (study / "trials" / "nothing1").mkdir()


def build_study(study: Path, trials: int = 8, *, broken: bool = True, seed: int = 0) -> Path:
    """Write a study in which *trials* differ in sampling, loss and learning rate over four blocks (seeds 0 … 3)."""
    rng = np.random.default_rng(seed)
    kinds = list(GAINS)
    for i in range(trials):
        parameters = sampled(rng, kinds[i % 3])
        absent = "bottle" if i == 1 else None
        record = make_record(f"t{i:03d}", seed=(i // 3) % 4, parameters=parameters, absent=absent, attempt=1 + (i == 0))
        add_trial(study, record, attempts=record.attempt)
    if broken:
        add_broken(study)
    return study


NNI_TABLES = """
CREATE TABLE TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
CREATE TABLE MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
CREATE TABLE ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
    logDir text, nextSequenceId integer, revision integer);
"""
"""As NNI 3.0 makes them: seen in ``db/nni.sqlite`` of experiments that it ran (its indices left out)."""


def given_by_nni(number: int, **parameters) -> str:
    """What comes with an event RUNNING: the parameters that NNI means a trial to have."""
    return json.dumps({"parameter_id": number, "parameter_source": "algorithm", "parameters": parameters})


def build_database(folder: Path, events: Iterable[tuple], reports: Iterable[tuple], name: str = "made") -> Path:
    """Write an experiment's ``db/nni.sqlite`` into *folder*.

    *events* are (job, event, data or None), *reports* (job, parameter id, PERIODICAL or FINAL, sequence, value), each
    with the time in seconds before them; the experiment is called *name* and has the id ``x1``.
    """
    (folder / "db").mkdir(parents=True)
    file = folder / "db" / "nni.sqlite"
    profile = json.dumps({"experimentName": name, "trialCommand": "python -m trials.segment --recipe demo"})
    with sqlite3.connect(file) as database:
        database.executescript(NNI_TABLES)
        database.executemany(
            "insert into TrialJobEvent (timestamp, trialJobId, event, data) values (?, ?, ?, ?)",
            [(1000 * second, *row) for second, *row in events],
        )
        database.executemany(
            "insert into MetricData values (?, ?, ?, ?, ?, ?)",
            [(1000 * second, *row, json.dumps(json.dumps(value))) for second, *row, value in reports],
        )
        database.execute("insert into ExperimentProfile (params, id, revision) values (?, 'x1', 3)", [profile])
        database.execute("insert into ExperimentProfile (params, id, revision) values ('{}', 'x1', 2)")
    database.close()
    return file


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """Eight complete trials and everything that can go wrong."""
    return build_study(tmp_path_factory.mktemp("results") / "synthetic")


@pytest.fixture(scope="session")
def tables(study) -> Tables:
    return load_study(study)


@pytest.fixture(scope="session")
def results(tables) -> Results:
    """Everything that the report computes from ``tables``, computed once: it takes seconds."""
    return compute_results(tables)


@pytest.fixture
def new_study(tmp_path) -> Callable[..., Path]:
    """Write a study into a fresh folder: ``new_study(trials=8, broken=True)``."""
    return lambda **how: build_study(tmp_path / "results" / "fresh", **how)


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Reports without figures, for tests that look at something else: drawing takes seconds."""
    monkeypatch.setattr("analysis.plots.FIGURES", {})
    monkeypatch.setattr("analysis.plots.interactive.INTERACTIVE", {})


@pytest.fixture
def make() -> SimpleNamespace:
    """The builders, for tests that need a record or a study of their own."""
    return SimpleNamespace(
        record=make_record,
        add=add_trial,
        study=build_study,
        counts=counts_for,
        history=history,
        database=build_database,
        given=given_by_nni,
    )
