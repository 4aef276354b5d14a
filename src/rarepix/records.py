"""The record: the file in which a trial keeps what it received, what it ran, and what it counted.

Counts are integers; readers derive every ratio from them. ``rarepix.layout`` says where the file lies.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, NonNegativeInt, ValidationError, model_validator

from rarepix.files import write_text
from rarepix.gates import TunedGate
from rarepix.record_splits import ClassCounts, GatedSums, RecordModel, SplitCurves, SplitSums

SCHEMA = 2
READ_SCHEMAS = (1, 2)
"""Schemas that are read. 1 has neither sums nor stages: both are empty in what is read from it."""
DEFAULT_PLAN = "segment"
"""Plan of a trial that names none (see ``rarepix.trial.plans``), as of every record of schema 1: one training."""
BLOCK_KEYS = ("seed", "data.fold")
"""The keys of a block, which configurations share when they are compared: enumerated, never tuned."""
CHOICE_KEYS = {
    "data": "source", "sampling": "kind", "crop": "kind", "paste": "kind", "model": "architecture", "loss": "name",
    "optim": "name",
}  # fmt: skip
"""Section → its key that the ``_name`` of a nested choice sets (``loss: {"_name": "focal", …}`` sets ``loss.name``)."""
FURTHER_CHOICES = ("model.presence", "model.hypercolumn", "optim.schedule")
"""Keys that a nested choice sets by their own name: ``optim.schedule: {"_name": "cosine", …}``; its parameters lie in
the section (``optim.warmup``)."""
ENVIRONMENT_KEYS = (
    "recipe",
    "data.root",
    "data.workers",
    "data.cache_gib",
    "engine.device",
    "engine.devices",
    "engine.threads",
    "engine.progress",
    "engine.tensorboard",
    "evaluate.batch_size",
)
"""Keys that say where and how a trial ran; they do not make it another configuration."""


def describes_environment(key: str, value: object) -> bool:
    """Return whether a key of the configuration says only where and how a trial ran.

    Several devices change what is computed (each has its own share of the loss), so that ``engine.devices`` describes
    the environment only while it is 1.
    """
    return key in ENVIRONMENT_KEYS and not (key == "engine.devices" and value != 1)


class Status(StrEnum):
    """Where a trial is in its life."""

    RUNNING = "running"
    """Started and not finished. A trial that was killed keeps this status until it is started again."""
    COMPLETE = "complete"
    """Trained, evaluated on every split, everything written."""
    STOPPED = "stopped"
    """Ended early by the search; its curve is in ``history.csv``."""
    FAILED = "failed"
    """Ended by an error, which ``error`` describes."""


class RecordError(ValueError):
    """A record cannot be read; the message names the file and says why."""


class ClassPixels(RecordModel):
    """How much of a class one split holds."""

    images: NonNegativeInt
    """Images with at least one pixel of the class."""
    pixels: NonNegativeInt


class Dataset(RecordModel):
    """The data that a trial ran on."""

    name: str
    root: str
    source: str | None = None
    """The layout that was read, also where the configuration says auto; None in records of before it was written."""
    inventory_hash: str
    split: str
    """Name of the split kind."""
    split_file: str
    classes: tuple[str, ...]
    rare: tuple[str, ...]
    thinned: NonNegativeInt = 0
    """Images of the training list that ``data.scarcity`` left out."""
    images: dict[str, NonNegativeInt]
    """Split → number of images."""
    pixels: dict[str, NonNegativeInt]
    """Split → number of pixels that are not ignored."""
    contents: dict[str, dict[str, ClassPixels]]
    """Split → class → how much of it there is."""


class Block(RecordModel):
    """What configurations share when they are compared."""

    seed: int
    fold: int


class Objective(RecordModel):
    """The validation score that the search saw, of the checkpoint that was kept."""

    name: str
    value: float
    epoch: int
    gated: bool = False
    """Whether it is the score of what is behind the trial's gate, as of a trial of two stages."""


class Stage(RecordModel):
    """One training of a trial that holds several."""

    name: str
    epochs: NonNegativeInt
    """Epochs that were trained."""
    objective: Objective
    """Of the checkpoint that the stage kept; ``epoch`` counts from the beginning of the stage."""
    checkpoint: str
    """Path relative to the trial's folder."""
    trial: str = ""
    """Folder of the finished trial that the stage was taken from instead of being trained; empty: it was trained."""


class Failure(RecordModel):
    """Why a trial failed."""

    type: str
    message: str
    where: str
    """File and line of ours, or of the library that raised."""


class TrialRecord(RecordModel):
    """Everything about one trial that cannot be derived."""

    schema_version: int = SCHEMA
    study: str
    trial: str
    attempt: int
    """1 for the first start; one more each time the trial was started again under its id."""
    resumed_from_epoch: int | None = None
    """Epochs that were done when this attempt resumed (None: it began at epoch 0)."""
    status: Status
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    parameters: dict[str, Any]
    """As the trial itself received them, nested choices included."""
    parameter_id: str | None = None
    """NNI's id of these parameters (None outside NNI)."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keys set on the command line, put over the recipe before the parameters."""
    config: dict[str, Any]
    """The full configuration."""
    config_hash: str
    """See ``rarepix.config.config_hash``."""
    block: Block
    dataset: Dataset | None = None
    versions: dict[str, str]
    device: str
    machine: str | None = None
    """Name of the computer of this attempt (None in records written before this field existed)."""
    objective: Objective | None = None
    counts: dict[str, dict[str, ClassCounts]] = Field(default_factory=dict)
    """Split → class → counts. Empty if the network predicts no masks."""
    first_weights: str = ""
    """What ``model.weights`` gave the network of the first stage: how many tensors, of which file. Empty: random
    weights, or those that the encoder's library loaded."""
    sums: dict[str, SplitSums] = Field(default_factory=dict)
    """Split → further sums. Empty in schema 1."""
    gate: TunedGate | None = None
    """The gate that was tuned on the validation part, and how sure it is what it does; None: the trial tunes none."""
    gated: dict[str, GatedSums] = Field(default_factory=dict)
    """Split → what is counted with the gate; empty without one."""
    curves: dict[str, SplitCurves] = Field(default_factory=dict)
    """Split → curves, of the splits that hold both empty images and images with foreground."""
    plan: str = DEFAULT_PLAN
    stages: list[Stage] = Field(default_factory=list)
    """The finished trainings of a trial that holds several, in their order."""
    pasting: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """Outcome of copy-paste → training images, over all attempts; empty without copy-paste."""
    timings: dict[str, float] = Field(default_factory=dict)
    """Seconds, and ``images_per_second``; ``startup_*`` are the steps from process start to the first optimiser step,
    ``fit`` is training and validation in all attempts together."""
    files: dict[str, str] = Field(default_factory=dict)
    """What → path, relative to the trial's folder."""
    error: Failure | None = None

    @model_validator(mode="after")
    def _check_complete(self) -> "TrialRecord":
        if self.status is Status.COMPLETE and (
            self.objective is None or not (self.counts or self.sums) or self.dataset is None
        ):
            raise ValueError("a complete record must have its dataset, its objective and its counts or sums")
        return self


def write(record: TrialRecord, path: Path) -> None:
    """Write *record* to *path* atomically: if writing fails, the file that was there before is unchanged."""
    document = {"schema": record.schema_version} | record.model_dump(mode="json", exclude={"schema_version"})
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read(path: Path) -> TrialRecord:
    """Return the record in *path*.

    Raises:
        RecordError: not a whole record of a schema that this version reads.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        schema = document.pop("schema")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise RecordError(f"{path} must be a whole record (JSON with a schema number), but: {error!r}") from error
    try:
        return parse(document, schema)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
    except (ValidationError, TypeError) as error:
        raise RecordError(f"{path} is not a record of schema {schema}: {error}") from error


def parse(document: dict[str, Any], schema: object) -> TrialRecord:
    """Return the record that the fields *document* of this *schema* hold.

    Raises:
        RecordError: a schema that this version does not read.
        pydantic.ValidationError: not a record of its schema.
    """
    if type(schema) is not int or schema not in READ_SCHEMAS:
        readable = " or ".join(map(str, READ_SCHEMAS))
        raise RecordError(f"a record must have schema {readable}, but has {schema!r}: update rarepix to read it")
    return TrialRecord(schema_version=schema, **document)
