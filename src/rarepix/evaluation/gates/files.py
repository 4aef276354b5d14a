"""``gate.json``, beside the checkpoint that a gate is of: written by a tuning, read by tests and predictions."""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rarepix.config import TrialConfig
from rarepix.evaluation.gates.bounds import GateError
from rarepix.files import sha256, write_text
from rarepix.gates import AskedClassifier, Certificate, Gate, TunedGate
from rarepix.labels import LabelSpace
from rarepix.layout import GATE, STAGES
from rarepix.settings import explain

PREDICTED_AS = ("threshold", "window", "overlap", "flips", "scales")
"""Keys of ``evaluate`` that change what the network predicts for an image."""


def gate_file(checkpoint: Path) -> Path:
    """Return where the gate of *checkpoint* lies."""
    return checkpoint.parent / GATE


def predicted_as(config: TrialConfig) -> dict[str, Any]:
    """Return the keys by which a network predicts, which a gate is tuned for."""
    evaluate = config.evaluate.model_dump(mode="json")
    resize = config.model_dump(mode="json")["data"]["resize"]
    return {f"evaluate.{name}": evaluate[name] for name in PREDICTED_AS} | {"data.resize": resize}


def tuned_gate(
    gate: Gate, certificate: Certificate, checkpoint: Path, config: TrialConfig, *, classifier: Path | None = None
) -> TunedGate:
    """Return the gate of *checkpoint* with what it must be applied to; *classifier* is the checkpoint that it asks."""
    asked = None
    if classifier is not None:
        path = _path_from(checkpoint.absolute(), classifier.absolute())
        asked = AskedClassifier(path=path, checkpoint=sha256(classifier))
    return TunedGate(
        gate=gate,
        certificate=certificate,
        checkpoint=sha256(checkpoint),
        classifier=asked,
        predicted_as=predicted_as(config),
    )


def _path_from(checkpoint: Path, classifier: Path) -> str:
    """Return the path of *classifier*; relative to the gate's folder if both are of one trial, which may be moved."""
    stages = classifier.parents[2:3]
    of_one_trial = stages == checkpoint.parents[2:3] and [folder.name for folder in stages] == [STAGES]
    return os.path.relpath(classifier, checkpoint.parent) if of_one_trial else str(classifier)


def write_gate(tuned: TunedGate, checkpoint: Path) -> Path:
    """Write the gate beside *checkpoint*, whole or not at all, and return its file."""
    file = gate_file(checkpoint)
    write_text(file, json.dumps(tuned.model_dump(mode="json"), indent=1, allow_nan=False) + "\n")
    return file


def read_gate(checkpoint: Path, labels: LabelSpace, config: TrialConfig) -> TunedGate | None:
    """Return the gate beside *checkpoint*; None where there is none.

    Raises:
        GateError: the file is not whole, or the gate is of another checkpoint, of other classes, or of a network that
            predicts in another way.
    """
    file = gate_file(checkpoint)
    if not file.is_file():
        return None
    try:
        tuned = TunedGate(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        problems = "; ".join(explain(error, TunedGate).splitlines()) if isinstance(error, ValidationError) else error
        raise GateError(f"{file} must be a whole gate, but: {problems}: tune it again, or give --no-gate") from error
    if tuned.gate.classes != labels.presence_names:
        raise GateError(
            f"{file} is a gate of the classes {', '.join(tuned.gate.classes)}, but the network is of "
            f"{', '.join(labels.presence_names)}: tune a gate of this network, or give --no-gate"
        )
    if tuned.checkpoint != sha256(checkpoint):
        raise GateError(
            f"{file} is the gate of another checkpoint than {checkpoint} (SHA-256 {tuned.checkpoint[:12]}…): "
            f"tune a gate of this one, or give --no-gate"
        )
    now = predicted_as(config)
    different = [key for key in now if now[key] != tuned.predicted_as.get(key)]
    if different:
        changes = ", ".join(f"{key} is {now[key]!r}, was {tuned.predicted_as.get(key)!r}" for key in different)
        raise GateError(
            f"{file} was tuned for a network that predicts in another way: {changes}: "
            f"leave that as it was, tune again with it, or give --no-gate"
        )
    return tuned
