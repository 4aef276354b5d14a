"""Which tensors of a file are which of a network: by name and shape, whatever a library puts before the names."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor

ENCODER, TIMM = "encoder.", "model."
"""What the names of an encoder's tensors begin with in a network, and after it those of an encoder of timm."""
PREFIX_PARTS = 4
"""Dotted parts that may stand before the names in a file, at most."""
COUNTER = "num_batches_tracked"
"""Counters of batch normalisation, which older files lack and which decide nothing."""
BANDS = 3
"""Of the images that the networks of libraries take."""


class Match(NamedTuple):
    """Which tensors of a file are which of a network."""

    used: dict[str, str]
    """Name in the network → name in the file."""
    other_shape: dict[str, str]
    """The same, where the name agrees and the shape does not."""
    of_encoder: dict[str, str]
    """Tensors of the file's encoder, as far as the prefix tells: flat name in an encoder → name in the file."""


def encoder_tensors(network: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the encoder's tensors without its counters."""
    return [name for name in network if name.startswith(ENCODER) and not name.endswith(COUNTER)]


def match_by_name(network: Mapping[str, Tensor], file: Mapping[str, Tensor]) -> Match:
    """Return the match of most tensors, over all prefixes of the file's names, with the network or its encoder."""
    scopes = [scope for scope in ("", ENCODER, ENCODER + TIMM) if any(name.startswith(scope) for name in network)]
    prefixes = _prefixes(file, len(encoder_tensors(network)) / 2)  # the others cannot match an encoder
    matches = [_match(network, file, scope, prefix) for prefix in prefixes for scope in scopes]
    return max(matches, key=lambda match: (len(match.used), len(match.other_shape)))


def match_by_order(network: Mapping[str, Tensor], file: Mapping[str, Tensor]) -> Match | None:
    """Return the match of a file that begins with all tensors of the encoder in their order, under other names."""
    wanted = encoder_tensors(network)
    names = [name for name in file if not name.endswith(COUNTER)]
    pairs = dict(zip(wanted, names, strict=False))
    same = [
        target.rpartition(".")[2] == name.rpartition(".")[2] and _fits(file[name], network, target)
        for target, name in pairs.items()
    ]
    return Match(pairs, {}, {}) if len(pairs) == len(wanted) and all(same) else None


def flat(name: str) -> str:
    """Return a name without levels: timm writes ``stages.0`` as ``stages_0`` where a network gives features."""
    return name.replace(".", "_")


def _prefixes(names: Iterable[str], shared: float) -> list[str]:
    """Return what stands before more than *shared* of the names, the shortest first: an empty text, ``module.``, …"""
    parts = [name.split(".")[:-1][:PREFIX_PARTS] for name in names]
    counts = Counter("".join(f"{part}." for part in each[:count]) for each in parts for count in range(len(each) + 1))
    return sorted((prefix for prefix in counts if not prefix or counts[prefix] > shared), key=len)


def _match(network: Mapping[str, Tensor], file: Mapping[str, Tensor], scope: str, prefix: str) -> Match:
    local = {name.removeprefix(prefix): name for name in file if name.startswith(prefix)}
    by_flat = {flat(name): full for name, full in local.items()}
    wanted = {name: by_flat.get(flat(name.removeprefix(scope))) for name in network if name.startswith(scope)}
    both = {target: name for target, name in wanted.items() if name is not None}
    used = {target: name for target, name in both.items() if _fits(file[name], network, target)}
    other_shape = {target: name for target, name in both.items() if target not in used}
    before = "" if scope else ENCODER
    of_encoder = {
        flat(name.removeprefix(before).removeprefix(TIMM)): full
        for name, full in local.items()
        if name.startswith(before) and not name.endswith(COUNTER)
    }
    return Match(used, other_shape, of_encoder)


def _fits(value: Tensor, network: Mapping[str, Tensor], target: str) -> bool:
    """Return whether the shapes agree; those of the first layer may differ in the number of bands."""
    wanted = network[target].shape
    if value.ndim == 4 == len(wanted) and value.shape[1] == BANDS and target == _first_layer(network):
        return (value.shape[0], *value.shape[2:]) == (wanted[0], *wanted[2:])
    return value.shape == wanted


def _first_layer(network: Mapping[str, Tensor]) -> str | None:
    return next((name for name in network if name.startswith(ENCODER) and network[name].ndim == 4), None)
