"""The result of one training, and the file from which a later attempt knows that the training has finished."""

import json
from pathlib import Path
from typing import Any

from pydantic import Field, NonNegativeInt, ValidationError

from rarepix.config import TrialConfig, config_hash
from rarepix.files import write_text
from rarepix.gates import TunedGate
from rarepix.layout import BEST, CHECKPOINTS, STAGE
from rarepix.record_splits import ClassCounts, GatedSums, RecordModel, SplitCurves, SplitSums
from rarepix.records import Dataset, Objective
from rarepix.trial.lifecycle import AttemptError


class StageResult(RecordModel):
    """The result of one training."""

    name: str
    """Of the stage."""
    epochs: NonNegativeInt
    """Epochs that were trained."""
    steps: NonNegativeInt
    """Steps of the optimiser."""
    objective: Objective
    """Of the checkpoint that was kept; ``epoch`` counts from the beginning of the stage."""
    checkpoint: Path
    """The checkpoint that was kept."""
    device: str
    dataset: Dataset
    counts: dict[str, dict[str, ClassCounts]]
    """Split → class → counts."""
    sums: dict[str, SplitSums]
    """Split → further sums."""
    gate: TunedGate | None = None
    """The gate that was tuned on the validation part; None: none was."""
    gated: dict[str, GatedSums] = Field(default_factory=dict)
    """Split → what is counted with the gate."""
    curves: dict[str, SplitCurves] = Field(default_factory=dict)
    """Split → curves over thresholds, of the splits that can have some; empty where an older version trained it."""
    pasting: dict[str, NonNegativeInt]
    """Outcome of copy-paste → training images, over all attempts."""
    timings: dict[str, float]
    """Seconds, and ``images_per_second``, as in a record."""


def identity(name: str, config: TrialConfig) -> dict[str, str]:
    """Return the name of a stage and the hash of its configuration: files that belong to the stage hold both."""
    return {"name": name, "config_hash": config_hash(config)}


def write_finished(result: StageResult, config: TrialConfig, folder: Path) -> None:
    """Note in the folder of a stage that it has finished, whole or not at all."""
    stage = identity(result.name, config)
    fields = result.model_dump(mode="json", exclude={"checkpoint"})  # its place is known, and the folder may be moved
    document = {**stage, "config": config.model_dump(mode="json"), "result": fields}
    write_text(folder / STAGE, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_finished(name: str, config: TrialConfig, folder: Path) -> StageResult | None:
    """Return the result of a stage from its folder; None if it has not finished.

    Raises:
        AttemptError: the file is not whole, or belongs to another stage.
    """
    file = folder / STAGE
    if not file.is_file():
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        check_identity(file, {key: document[key] for key in ("name", "config_hash")}, name, config)
        return StageResult(**document["result"], checkpoint=folder / CHECKPOINTS / BEST)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise AttemptError(
            f"{file} must be the whole result of a stage, but: {error!r}: remove it to evaluate the stage again"
        ) from error


def check_identity(file: Path, stage: Any, name: str, config: TrialConfig) -> None:
    """Raise ``AttemptError`` unless *stage*, the identity that *file* names, is that of this stage."""
    expected = identity(name, config)
    if stage == expected:
        return
    other = "to none that it names"
    if isinstance(stage, dict) and stage.keys() == expected.keys():
        other = f"to stage {stage['name']!r} (configuration {stage['config_hash']})"
    raise AttemptError(
        f"{file} must belong to stage {name!r} (configuration {expected['config_hash']}), but belongs {other}: "
        f"put the right file there, or remove it to train the stage from its beginning"
    )
