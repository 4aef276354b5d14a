"""Architectures of our own by name, beside those of segmentation-models-pytorch.

An architecture is a module with

* ``Parameters``, a class of settings: its keys in the section ``model``,
* ``network(config) -> NetworkSpec``: what it says and which sizes it takes,
* ``build(config, *, classes, presence, channels)``: the network, see ``rarepix.models.build_model``.

The module is imported when its architecture is chosen, so that a configuration without it imports no torch.
"""

from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from rarepix.settings import STRIDE


class NetworkSpec(NamedTuple):
    """What is known of a network without building it."""

    outputs: tuple[str, ...] = ("mask",)
    """The fields of ``SegOutput`` that it fills: mask, presence, or both."""
    stride: int = STRIDE
    """Rows and columns of its input must be multiples of this."""


ARCHITECTURES: dict[str, str] = {
    "classifier": "rarepix.models.classifier",
}
"""Architecture of our own → its module."""


def own_architecture(name: str) -> ModuleType | None:
    """Return the module of an architecture of our own; None if it is none of ours."""
    return import_module(ARCHITECTURES[name.lower()]) if name.lower() in ARCHITECTURES else None
