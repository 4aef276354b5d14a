"""A section of a plan that changes keys of the configuration in one of its stages."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from rarepix.settings import Settings


class Overrides(Settings):
    """A section whose further keys are dotted keys of the configuration, put over it in one stage of a plan.

    The configuration that has such a section has a method ``stage(section)``, which returns the stage's configuration.

    Example: ``first: {optim.lr: 0.001, loss: {_name: focal, gamma: 2.0}}``, or ``--set first.optim.lr=0.001``.
    """

    model_config = ConfigDict(extra="allow")

    @classmethod
    def check_key(cls, key: str) -> None:
        """Raise ``ValueError`` for a key that a stage must not change; here for none."""

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        for key, value in self.overrides().items():
            self.check_key(key)
            if "." not in key and not (isinstance(value, Mapping) and "_name" in value):
                raise ValueError(
                    f"the keys of a stage must be dotted, such as optim.lr (or a choice with _name and its "
                    f"parameters), but got {key!r}: give each key of a section by itself"
                )
        return self

    def overrides(self) -> dict[str, Any]:
        """Return dotted key → value."""
        return dict(self.__pydantic_extra__ or {})
