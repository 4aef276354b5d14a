"""Files of weights: the tensors by name, out of whatever a library wrapped them in. Nothing is unpickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rarepix.settings import ConfigError

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "module", "weights")
"""Keys under which training code keeps the state dictionary, the one that is taken first."""
DEPTH = 3
"""Wrappers inside one another, at most."""
NAMED_AT_MOST = 3
"""Tensors that a message names."""
NEEDS_CODE = ("GLOBAL", "TorchScript")
"""What torch's message says if a file holds objects and not only tensors."""


class WeightsError(ConfigError):
    """A file of weights cannot be read, or does not fit the network; the message says where it differs."""


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of *file* by name, on the CPU, as floats or integers of the file's own precision.

    Raises:
        WeightsError: it holds no state dictionary, must be unpickled, or has values that are not finite.
    """
    state = _state_of(_read(file), file)
    broken = [name for name, value in state.items() if value.is_floating_point() and not _is_finite(value)]
    if broken:
        raise WeightsError(
            f"{file} must hold finite weights, but {shortened(broken)} {'has' if len(broken) == 1 else 'have'} NaN or "
            f"infinite values: take a checkpoint from before its training diverged"
        )
    return state


def _read(file: Path) -> Any:
    if file.suffix == ".safetensors":
        try:
            return load_file(file)
        except Exception as error:  # safetensors has no public class of errors
            raise WeightsError(f"{file} must be a file of safetensors, but: {_first_line(error)}") from error
    try:
        return torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises whatever its reader of pickles raises
        if any(word in str(error) for word in NEEDS_CODE):
            raise WeightsError(
                f"{file} must hold tensors alone, but reading it would run code that it names (a pickled object or a "
                f"TorchScript archive): load it where you trust it, and save its state_dict()"
            ) from error
        raise WeightsError(
            f"{file} must be a file of weights that torch.save wrote, but cannot be read as one "
            f"({type(error).__name__}): it is cut off, or something else"
        ) from error


def _state_of(tree: Any, file: Path) -> dict[str, Tensor]:
    """Return the state dictionary in *tree*: the first level that holds tensors by name."""
    for _ in range(DEPTH + 1):
        if not isinstance(tree, Mapping):
            break
        state = {name: value for name, value in tree.items() if isinstance(value, Tensor) and isinstance(name, str)}
        if any("." in name for name in state):
            return state
        inner = [tree[key] for key in WRAPPERS if isinstance(tree.get(key), Mapping)]
        mappings = [value for value in tree.values() if isinstance(value, Mapping) and value]
        if not inner and len(mappings) != 1:
            break
        tree = inner[0] if inner else mappings[0]
    keys = f"the keys {shortened([str(key) for key in tree])}" if isinstance(tree, Mapping) else type(tree).__name__
    raise WeightsError(
        f"{file} must hold a state dictionary (name → tensor), by itself or under {' or '.join(WRAPPERS[:4])}, but "
        f"holds {keys}: save model.state_dict()"
    )


def _is_finite(value: Tensor) -> bool:
    return bool(value.float().isfinite().all())  # types of 8 bits cannot tell by themselves


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(" .:")


def shortened(names: list[str]) -> str:
    """Return the first of *names*, and how many more there are."""
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"{', '.join(names[:NAMED_AT_MOST])}{more}"
