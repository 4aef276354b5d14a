"""Load a trained network: from a trial's folder, or from a checkpoint file with the recipe that it was trained by.

It is of the classes of its data, and has exactly the weights of its checkpoint (``checkpoint_weights``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from rarepix import config_data_checks, records, wiring
from rarepix.config import TrialConfig, build_config, load_recipe, updated
from rarepix.data.sources import source_of
from rarepix.engine.hardware import Hardware, choose_hardware, set_threads
from rarepix.evaluation.checkpoint_weights import CheckpointError, fill, read_checkpoint
from rarepix.evaluation.gates.files import read_gate
from rarepix.files import sha256
from rarepix.gates import TunedGate
from rarepix.labels import LabelSpace
from rarepix.layout import BEST, CHECKPOINTS, RECORD, STAGE, stage_folder
from rarepix.models.outputs import Prediction
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule


class TrainedModel(NamedTuple):
    """A trained network, ready to predict."""

    config: TrialConfig
    labels: LabelSpace
    module: "SegmentationModule"
    """In evaluation mode, on its device."""
    hardware: Hardware
    checkpoint: Path
    folder: Path
    """The folder of its trial, or else of the checkpoint."""
    split_fingerprint: Mapping[str, Any] | None
    """The keys that decided which images it was trained on, see ``config_data_checks.split_fingerprint``; None if the
    checkpoint does not say."""
    gate: TunedGate | None = None
    """What is applied to its predictions."""
    classifier: "TrainedModel | None" = None
    """The network that the gate asks, where that is another one."""

    def autocast(self) -> torch.autocast:
        """Return the context in which the network computes as it did in its trial."""
        bf16 = self.hardware.precision.startswith("bf16")
        return torch.autocast(self.module.device.type, torch.bfloat16, enabled=bf16)

    @property
    def has_masks(self) -> bool:
        """Whether the network predicts masks, and not only which classes are in an image."""
        return "mask" in self.module.model.outputs

    def refuse_without_masks(self, wanted: Sequence[str]) -> None:
        """Raise ``ConfigError`` if something that needs masks is *wanted*, and the network predicts none."""
        if wanted and not self.has_masks:
            raise ConfigError(
                f"{', '.join(wanted)} must have predicted masks, but {self.checkpoint} is a network that only says "
                f"which classes are in an image (model.architecture={self.config.model.architecture}): "
                f"leave {'it' if len(wanted) == 1 else 'them'} out"
            )

    def refuse_other_classes(self, what: str, of: str, labels: LabelSpace) -> None:
        """Raise ``CheckpointError`` unless the network, named *what*, is of the classes *labels* of something else."""
        if (self.labels.names, self.labels.task) != (labels.names, labels.task):
            raise CheckpointError(
                f"{what} must be of the classes of {of} ({labels.task}: {', '.join(labels.names)}), but "
                f"{self.checkpoint} is of {self.labels.task}: {', '.join(self.labels.names)}: "
                f"give one that was trained on these classes"
            )

    def predict(self, batch: dict) -> Prediction:
        """Return the prediction for a batch, without gradients; see ``inference.predictor.Predictor``."""
        with torch.inference_mode(), self.autocast():
            return self.module.predict(batch | {"image": batch["image"].to(self.module.device)})


def load_trained_model(
    path: Path, *, recipe: str | None = None, settings: Mapping[str, Any] | None = None, gated: bool = False
) -> TrainedModel:
    """Return the network in *path*.

    Args:
        path: a trial's folder (its best checkpoint is taken, of several stages that of the stage by which the trial is
            judged), the folder of a finished stage, or a checkpoint file: a trial's, or a state dictionary written by
            torch or safetensors.
        recipe: of a checkpoint file; a trial's folder holds its own configuration.
        settings: dotted keys put over the configuration, such as ``evaluate.flips``.
        gated: apply the gate that lies beside the checkpoint, if there is one.

    Raises:
        GateError: the gate does not fit the checkpoint, its classes or the way in which it predicts.
        FileNotFoundError: *path* or a file in it does not exist.
        CheckpointError: the checkpoint cannot be read or does not fit.
        ConfigError: the configuration cannot be used.
    """
    config, checkpoint = _locate(path, recipe)
    config = updated(config, {"model.weights": "none"} | dict(settings or {}))
    state, metadata = read_checkpoint(checkpoint)
    labels = LabelSpace.from_dict(metadata["labels"]) if metadata else source_of(config.data).labels
    config_data_checks.check_classes(config, labels)
    config_data_checks.check_scores(config, labels)
    set_threads(config.engine)
    hardware = choose_hardware(config.engine)
    normalisation = (metadata or {}).get(wiring.NORMALISATION)
    if normalisation is None and not config.data.bands.is_rgb:
        raise CheckpointError(
            f"{checkpoint} must hold the mean and standard deviation of its bands, since data.channels and data.range "
            f"say that images are not 8-bit RGB, but does not: give the checkpoint of a trial with that configuration"
        )
    tuned = read_gate(checkpoint, labels, config) if gated else None
    module = wiring.build_module(config, labels, normalisation=normalisation, gate=tuned and tuned.gate)
    fill(module.model, state, checkpoint)
    module.eval().to("cuda" if hardware.accelerator == "gpu" else "cpu")
    folder = path if path.is_dir() else checkpoint.parent
    fingerprint = metadata["division"] if metadata else None
    classifier = _classifier_of(tuned, checkpoint, config, labels) if tuned and tuned.classifier else None
    return TrainedModel(config, labels, module, hardware, checkpoint, folder, fingerprint, tuned, classifier)


def load_classifier(path: Path, config: TrialConfig, labels: LabelSpace) -> TrainedModel:
    """Return the network in *path*, which a gate asks for the presence of classes of the images of another network.

    It predicts in its own size, with batches of the same images as the other one, which is that of *config*.

    Raises:
        CheckpointError: it is a file, says nothing of presence, or is of other classes than *labels*.
    """
    if path.is_file():
        raise CheckpointError(
            f"a classifier must be the folder of a trial, which holds its configuration, but got the file {path}: give "
            f"the folder"
        )
    same = {"evaluate.batch_size": config.evaluate.batch_size, "engine.device": config.engine.device}
    classifier = load_trained_model(path, settings=same)
    if "presence" not in classifier.module.model.outputs:
        raise CheckpointError(
            f"a classifier must say which classes are in an image, but {classifier.checkpoint} predicts only masks: "
            f"give a network with model.architecture=classifier, or with a presence head"
        )
    classifier.refuse_other_classes("a classifier", "the network", labels)
    return classifier


def _classifier_of(tuned: TunedGate, gated: Path, config: TrialConfig, labels: LabelSpace) -> TrainedModel:
    """Return the classifier that a gate names; the same checkpoint, wherever the trial now lies that it names."""
    checkpoint = gated.parent / tuned.classifier.path
    if not checkpoint.is_file() or sha256(checkpoint) != tuned.classifier.checkpoint:
        raise CheckpointError(
            f"the gate asks the classifier {checkpoint} (SHA-256 {tuned.classifier.checkpoint[:12]}…), but that is "
            f"{'another one now' if checkpoint.is_file() else 'not there'}: tune the gate again, or give --no-gate"
        )
    return load_classifier(checkpoint.parents[1], config, labels)


def _locate(path: Path, recipe: str | None) -> tuple[TrialConfig, Path]:
    if path.is_dir():
        if recipe is not None:
            raise CheckpointError(f"{path} is a trial's folder, which knows its configuration: leave --recipe out")
        folder = _stage_or_trial(path)
        checkpoint, description = folder / CHECKPOINTS / BEST, folder / STAGE
        if not description.is_file():
            description = path / RECORD
        if not description.is_file() or not checkpoint.is_file():
            missing = checkpoint if description.is_file() else description
            raise FileNotFoundError(
                f"{path} must be the folder of a trial that has been validated, but has no {missing}"
            )
        is_stage = description.name == STAGE
        tree = json.loads(description.read_text())["config"] if is_stage else records.read(description).config
        return build_config(tree), checkpoint
    if not path.is_file():
        raise FileNotFoundError(f"the network must be a trial's folder or a checkpoint file, but {path} does not exist")
    if recipe is None:
        raise CheckpointError(f"{path} is a checkpoint file: say with --recipe which network it is of")
    return load_recipe(recipe), path


def _stage_or_trial(trial: Path) -> Path:
    """Return the folder of the network in a trial's folder: of the stage by which a trial of several is judged."""
    record = records.read(trial / RECORD) if (trial / RECORD).is_file() else None
    if record is None or not record.stages:
        return trial
    judged = [stage for stage in record.stages if stage.checkpoint == record.files.get("best")] or record.stages
    return stage_folder(trial, judged[-1].name)
