"""A stage that is not trained, but taken from a finished trial: its checkpoint and its tables are copied.

The trial is then whole in itself: its folder can be moved, tested and resumed when the other one is gone.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rarepix import records
from rarepix.config import TrialConfig, build_config
from rarepix.files import replacing
from rarepix.layout import BEST, CHECKPOINTS, RECORD, STAGE, stage_folder
from rarepix.records import Status
from rarepix.settings import ConfigError
from rarepix.trial.stage_result import StageResult, read_finished, write_finished


class FinishedTraining(NamedTuple):
    """A training of a finished trial."""

    folder: Path
    """Of the trial, or of the stage by which it is judged."""
    config: TrialConfig
    result: StageResult


def find_training(trial: Path, key: str) -> FinishedTraining:
    """Return the training of a complete *trial*, or the stage whose folder *trial* is. *key* gave it.

    Raises:
        ConfigError: it is no finished training.
    """
    if (trial / STAGE).is_file():
        document = json.loads((trial / STAGE).read_text(encoding="utf-8"))
        config = build_config(document["config"])
        return FinishedTraining(trial, config, read_finished(document["name"], config, trial))
    record = records.read(trial / RECORD) if (trial / RECORD).is_file() else None
    if record is None or record.status is not Status.COMPLETE:
        state = f"its trial is {record.status}" if record else "there is no record of one"
        raise ConfigError(
            f"{key} must be the folder of a finished trial or of a finished stage, but got {trial}: {state}"
        )
    if record.stages:
        judged = [stage for stage in record.stages if stage.checkpoint == record.files.get("best")] or record.stages
        return find_training(stage_folder(trial, judged[-1].name), key)
    of_record = {name: value for name, value in record if name in StageResult.model_fields}
    here = {"name": record.plan, "checkpoint": trial / CHECKPOINTS / BEST, "epochs": 0, "steps": 0}
    result = StageResult(**of_record | here)
    return FinishedTraining(trial, build_config(record.config), result)


def take(name: str, training: FinishedTraining, folder: Path, *, device: str, tables: Iterable[str]) -> StageResult:
    """Copy a finished *training* into *folder*, where it is stage *name*, and return its result there.

    Nothing of it was trained in this trial: it has neither epochs nor steps nor seconds of it, nor a gate of its own.
    """
    (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    for file in (*tables, Path(CHECKPOINTS, BEST)):
        if (training.folder / file).is_file():
            with replacing(folder / file) as temporary:
                shutil.copyfile(training.folder / file, temporary)
    nothing = {"epochs": 0, "steps": 0, "pasting": {}, "timings": {}, "gate": None, "gated": {}}
    here = {"name": name, "device": device, "checkpoint": folder / CHECKPOINTS / BEST}
    result = training.result.model_copy(update=nothing | here)
    write_finished(result, training.config, folder)
    return result


def read_taken(folder: Path) -> StageResult | None:
    """Return the result of a stage that an earlier attempt has taken; None if none has."""
    return find_training(folder, STAGE).result if (folder / STAGE).is_file() else None
