"""The weights in a checkpoint file, and how they get into a network: all of them, or none.

Loading is strict: a checkpoint must hold exactly the weights of the network.
"""

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rarepix.engine.module import METADATA_KEY

NAMED_AT_MOST = 3
"""Weights that an error names."""

PREFIX = "model."
"""Of the names of the network's weights in the checkpoints of a trial."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read or does not fit the network; the message says where it differs."""


def load_weights(network: nn.Module, checkpoint: Path) -> None:
    """Load the weights in the *checkpoint* of a training into *network*.

    Raises:
        CheckpointError: the checkpoint cannot be read, or does not fit the network in every weight.
    """
    state, _ = read_checkpoint(checkpoint)
    fill(network, state, checkpoint)


def read_checkpoint(file: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Return the network's weights by name, and the metadata of a trial's checkpoint (see ``wiring.build_module``)."""
    try:
        is_safetensors = file.suffix == ".safetensors"
        tree: Any = load_file(file) if is_safetensors else torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises whatever its reader of pickles raises
        raise CheckpointError(
            f"{file} must be a checkpoint that holds weights and nothing that has to be unpickled, but: "
            f"{_first_line(error)}: save the network's state_dict()"
        ) from error
    metadata = tree.get(METADATA_KEY) if isinstance(tree, dict) else None
    if metadata is not None and not (isinstance(metadata, dict) and {"labels", "division"} <= metadata.keys()):
        raise CheckpointError(
            f"{file} must say under {METADATA_KEY!r} which classes it is of, but does not: {metadata!r}"
        )
    state = tree.get("state_dict", tree) if isinstance(tree, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{file} must hold a state dictionary (name → tensor), but does not: save model.state_dict()"
        )
    if all(name.startswith(PREFIX) for name in state):
        state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    return state, metadata


def fill(network: nn.Module, state: dict[str, Tensor], file: Path) -> None:
    """Load *state* into *network*; raise ``CheckpointError`` unless names, shapes and types agree."""
    expected = network.state_dict()
    both = [(name, state[name], value) for name, value in expected.items() if name in state]
    problems = {
        "lacks": [name for name in expected if name not in state],
        "has besides": [name for name in state if name not in expected],
        "has other than as floats": [
            name for name, value, wanted in both if value.is_floating_point() != wanted.is_floating_point()
        ],
        "has with values that are not finite": [name for name, value in state.items() if not value.isfinite().all()],
        "has in another shape": [
            f"{name} {tuple(value.shape)} for {tuple(wanted.shape)}"
            for name, value, wanted in both
            if value.shape != wanted.shape
        ],
    }
    differences = [f"it {what} {_shortened(names)}" for what, names in problems.items() if names]
    if differences:
        raise CheckpointError(
            f"{file} must fit the network in every weight, but {'; '.join(differences)}: "
            f"give the recipe that it was trained by, or another checkpoint"
        )
    network.load_state_dict(state)


def _first_line(error: Exception) -> str:
    """Return the first line of a library's message, without terminal colours."""
    first = (str(error) or type(error).__name__).splitlines()[0]
    return re.sub(r"\x1b\[[0-9;]*m", "", first).rstrip(" .:")


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"{', '.join(names[:NAMED_AT_MOST])}{more}"
