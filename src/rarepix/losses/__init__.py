"""Losses by name: ``build_loss(name, …)(logits, target)`` gives ``{"loss": …}`` and every named term."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rarepix.losses.build import build_loss as build_loss


def __getattr__(name: str) -> Any:
    """Import ``build_loss`` at its first use, so that checking a configuration does not import torch."""
    if name == "build_loss":
        from rarepix.losses.build import build_loss

        return build_loss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
