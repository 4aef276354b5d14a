"""Architectures of our own by name, beside those of segmentation-models-pytorch.

A whole architecture (``ARCHITECTURES``) is a module with

* ``Parameters``, a class of settings: its keys in the section ``model``,
* ``network(config) -> NetworkSpec``: what it says and which sizes it takes,
* ``build(config, *, classes, presence, channels)``: the network, see ``rarepix.models.build_model``.

A decoder (``DECODERS``) is a module with ``Parameters`` and a class ``Decoder``, see ``rarepix.models.decoders``; the
encoder and the heads are put to it.

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
"""Whole architecture of our own → its module."""
DECODERS: dict[str, str] = {
    "bifpn": "rarepix.models.decoders.bifpn",
    "fapn": "rarepix.models.decoders.fapn",
    "plain_unet": "rarepix.models.decoders.plain_unet",
}
"""Decoder of our own → its module."""


def own_architecture(name: str) -> ModuleType | None:
    """Return the module of an architecture or a decoder of our own; None if it is none of ours."""
    known = ARCHITECTURES | DECODERS
    return import_module(known[name.lower()]) if name.lower() in known else None


def is_decoder(name: str) -> bool:
    """Return whether an architecture is a decoder of our own, to which encoder and heads are put."""
    return name.lower() in DECODERS
