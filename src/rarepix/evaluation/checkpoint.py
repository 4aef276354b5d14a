"""A trained network from where it lies: a trial's folder, or a checkpoint file with the recipe that it was trained by.

Loading is strict: a checkpoint that does not fit in every weight, or is of other classes, is an error.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rarepix import data_validation, records, wiring
from rarepix.config import TrialConfig, build_config, load_recipe, updated
from rarepix.data.sources import source_of
from rarepix.engine.module import KEPT
from rarepix.engine.precision import Hardware, choose_hardware, set_threads
from rarepix.labels import LabelSpace
from rarepix.layout import BEST, CHECKPOINTS, RECORD

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule

NAMED_AT_MOST = 3
PREFIX = "model."
"""Before the names of the network's weights in the checkpoints of a trial."""


class CheckpointError(ValueError):
    """A checkpoint that is not the wanted one; the message says where it differs."""


class TrainedModel(NamedTuple):
    """A network that can be asked."""

    config: TrialConfig
    labels: LabelSpace
    module: "SegmentationModule"
    """In evaluation mode, on its device."""
    hardware: Hardware
    checkpoint: Path
    folder: Path
    """Of its trial, or the folder that the checkpoint lies in."""
    division: Mapping[str, Any] | None
    """What decided which images it was trained on, see ``agreement.division``; None if its file does not say."""

    def autocast(self) -> torch.autocast:
        """Return the context in which the network computes as it did in its trial."""
        bf16 = self.hardware.precision.startswith("bf16")
        return torch.autocast(self.module.device.type, torch.bfloat16, enabled=bf16)


def load_trained_model(
    what: Path, *, recipe: str | None = None, settings: Mapping[str, Any] | None = None
) -> TrainedModel:
    """Return the network in *what*.

    Args:
        what: folder of a trial (its best checkpoint is taken), or a checkpoint: one of a trial, or a state dictionary
            of the network in a file of torch or safetensors.
        recipe: of a checkpoint file; a trial's folder knows its own.
        settings: dotted keys put over the configuration, such as ``evaluate.flips``.

    Raises:
        FileNotFoundError: there is no such thing.
        CheckpointError: the checkpoint cannot be read or does not fit.
        ConfigError: the configuration cannot be used.
    """
    config, checkpoint = _found(what, recipe)
    config = updated(config, {"model.weights": "none"} | dict(settings or {}))
    state, kept = _read(checkpoint)
    labels = LabelSpace.from_dict(kept["labels"]) if kept else source_of(config.data).labels
    data_validation.check_classes(config, labels)
    set_threads(config.engine)
    hardware = choose_hardware(config.engine)
    module = wiring.build_module(config, labels, gpu=hardware.accelerator == "gpu")
    _fill(module.model, state, checkpoint)
    module.eval().to("cuda" if hardware.accelerator == "gpu" else "cpu")
    folder = what if what.is_dir() else checkpoint.parent
    return TrainedModel(config, labels, module, hardware, checkpoint, folder, kept["division"] if kept else None)


def _found(what: Path, recipe: str | None) -> tuple[TrialConfig, Path]:
    if what.is_dir():
        record, checkpoint = what / RECORD, what / CHECKPOINTS / BEST
        if recipe is not None:
            raise CheckpointError(f"{what} is a trial's folder, which knows its configuration: leave --recipe out")
        if not record.is_file() or not checkpoint.is_file():
            lacks = checkpoint if record.is_file() else record
            raise FileNotFoundError(f"{what} must be the folder of a trial that has been validated, but has no {lacks}")
        return build_config(records.read(record).config), checkpoint
    if not what.is_file():
        raise FileNotFoundError(f"the network must be a trial's folder or a checkpoint file, but {what} does not exist")
    if recipe is None:
        raise CheckpointError(f"{what} is a checkpoint file: say with --recipe which network it is of")
    return load_recipe(recipe), what


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Return the network's weights by name, and what a trial's checkpoint says besides (``wiring.build_module``)."""
    try:
        plain = file.suffix == ".safetensors"
        tree: Any = load_file(file) if plain else torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # torch lets through whatever its reader of pickles stumbles over
        raise CheckpointError(
            f"{file} must be a checkpoint that holds weights and nothing that has to be unpickled, but: "
            f"{_words(error)}: save the network's state_dict()"
        ) from error
    kept = tree.get(KEPT) if isinstance(tree, dict) else None
    if kept is not None and not (isinstance(kept, dict) and {"labels", "division"} <= kept.keys()):
        raise CheckpointError(f"{file} must say under {KEPT!r} which classes it is of, but does not: {kept!r}")
    state = tree.get("state_dict", tree) if isinstance(tree, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{file} must hold a state dictionary (name → tensor), but does not: save model.state_dict()"
        )
    if all(name.startswith(PREFIX) for name in state):
        state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    return state, kept


def _fill(network: nn.Module, state: dict[str, Tensor], file: Path) -> None:
    """Load *state* into *network*; raise ``CheckpointError`` unless every weight has its place."""
    wanted = network.state_dict()
    problems = {
        "lacks": [name for name in wanted if name not in state],
        "has besides": [name for name in state if name not in wanted],
        "has other than as floats": [
            name
            for name, value in wanted.items()
            if name in state and value.is_floating_point() != state[name].is_floating_point()
        ],
        "has with values that are not finite": [name for name, value in state.items() if not value.isfinite().all()],
        "has in another shape": [
            f"{name} {tuple(state[name].shape)} for {tuple(value.shape)}"
            for name, value in wanted.items()
            if name in state and state[name].shape != value.shape
        ],
    }
    found = [f"it {what} {_some(names)}" for what, names in problems.items() if names]
    if found:
        raise CheckpointError(
            f"{file} must fit the network in every weight, but {'; '.join(found)}: "
            f"give the recipe that it was trained by, or another checkpoint"
        )
    network.load_state_dict(state)


def _words(error: Exception) -> str:
    """Return the first line of what a library said, without the colours that it is meant for a terminal in."""
    first = (str(error) or type(error).__name__).splitlines()[0]
    return re.sub(r"\x1b\[[0-9;]*m", "", first).rstrip(" .:")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"{', '.join(names[:NAMED_AT_MOST])}{more}"
