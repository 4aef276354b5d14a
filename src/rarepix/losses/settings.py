"""The section ``loss`` of the configuration."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ModelWrapValidatorHandler, field_validator, model_validator

from rarepix.losses.libraries import is_library
from rarepix.losses.names import KNOWN, canonical, needs_of
from rarepix.losses.parameters import idle, parameters_class, parameters_of
from rarepix.losses.proposed import OF_FOCAL
from rarepix.settings import OneOf, Settings

ARGUMENT = "arguments."
"""Beginning of the dotted key of an argument of a library's loss."""


class LossConfig(OneOf):
    """The loss and its parameters; only those of the named loss may be given."""

    section: ClassVar = "loss"
    choosers: ClassVar = {"name": {name: parameters_class(name) for name in KNOWN}}

    name: str = "ce"
    """A term (ce, focal, dice, …) or a sum of terms: the first counts as it is, each further one times alpha. Or a loss
    of a library: smp/TverskyLoss, toolbelt/BinaryFocalLoss, …"""

    @model_validator(mode="wrap")
    @classmethod
    def _collect_arguments(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Take ``arguments.alpha``, as a nested choice of a search space gives it, for ``alpha`` in ``arguments``.

        None stands for an argument that is not given, as it does for every parameter.
        """
        if not isinstance(given, Mapping):
            return handler(given)
        dotted = {key.removeprefix(ARGUMENT): value for key, value in given.items() if str(key).startswith(ARGUMENT)}
        tree = {key: value for key, value in given.items() if not str(key).startswith(ARGUMENT)}
        arguments = tree.get("arguments") or {}
        if (dotted or is_library(str(tree.get("name")))) and isinstance(arguments, Mapping):
            tree["arguments"] = {key: value for key, value in (arguments | dotted).items() if value is not None}
        return handler(tree)

    @field_validator("name")
    @classmethod
    def _one_spelling(cls, name: str) -> str:
        return cls.spelled(name)

    @classmethod
    def spelled(cls, choice: str) -> str:
        """Return the one spelling of the name of a loss."""
        return canonical(choice)

    @classmethod
    def parameters_class(cls, chooser: str, choice: str) -> type[Settings]:
        """Return the class of the parameters of a loss, of any sum of terms as well.

        Raises:
            ValueError: there is no such loss.
        """
        return parameters_class(choice, f"loss.{chooser}")

    @model_validator(mode="after")
    def _of_the_pixel_loss(self) -> Self:
        unused = sorted(idle(self.name, super().parameters()) & set(OF_FOCAL) & set(self.given()))
        if unused:
            raise ValueError(
                f"loss.{unused[0]} belongs to loss.pixel=focal, but that is 'ce': leave loss.{unused[0]} out"
            )
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """The outputs that the network must have, of ``mask`` and ``presence``, for the loss to compare them."""
        return needs_of(self.name, self.parameters())

    @property
    def compares(self) -> tuple[str, ...]:
        """What the loss compares where the network has it: also a presence whose weight is 0."""
        return needs_of(self.name)

    def parameters(self, chooser: str | None = None) -> dict[str, Any]:
        """Return all parameters, defaults filled in: without those of schedules and of a focal loss that are not used,
        of a library's loss by dotted keys (``arguments.alpha``).
        """
        parameters = super().parameters(chooser)
        if is_library(self.name):
            given = {f"{ARGUMENT}{key}": value for key, value in parameters.pop("arguments").items()}
            return parameters | given
        unused = idle(self.name, parameters)
        return {key: value for key, value in parameters.items() if key not in unused}

    def defaults(self, chooser: str | None = None) -> dict[str, Any]:
        """Return the parameters of the named loss with their defaults, of a library's loss also by dotted keys."""
        return parameters_of(self.name)
