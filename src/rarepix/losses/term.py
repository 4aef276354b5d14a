"""What a row of the table of terms says, and the types that parameters of several terms share.

Light, as the files of the terms are: the parameters of a loss are checked without importing torch, so those files
import it in the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from rarepix.labels import Task
from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Gamma = Annotated[float, Field(ge=0, le=100)]
"""A focal exponent: the larger, the less easy pixels or classes count."""
ClassWeights = tuple[Weight, ...] | None
"""A weight for each class (binary: background, class; multilabel: a weight for each channel)."""

SIGMOID = (Task.BINARY, Task.MULTILABEL)
"""The tasks of which each channel is a yes or no of its own."""


class Term(NamedTuple):
    """A loss term: a function of a ``Batch`` and its parameters that returns a scalar."""

    function: Callable[..., Tensor]
    parameters: type[Settings]
    """Their types, bounds and defaults. A parameter means the same in every term that has it."""
    tasks: tuple[Task, ...] = tuple(Task)
    """What it is defined for."""
    needs: Literal["mask", "presence"] = "mask"
    """What it compares: the masks N C H W, or which classes are in an image, a multilabel batch N K 1."""
    presence: bool = False
    """Whether a term of masks also compares presence, with the weight ``presence_weight``: its function then takes
    ``presence_batch``, None where that weight is 0 and the network has no presence head."""
    soft: bool = False
    """Whether it is defined on soft masks: then it must not ask the batch for ``one_hot`` or ``is_background``."""
    needs_sums: bool = False
    """Whether it needs the soft counts of each class, whatever its parameters."""
    is_marginal: bool = False
    """Whether it compares how many pixels a class has, not which, so that it cannot segment alone."""
    class_pixels: bool = False
    """Whether its function also takes ``class_pixels``, the pixel counts of the training part."""
    published: Callable[..., Tensor] | None = None
    """The form with exactly the published reductions and epsilons, where there is one."""


class PerClass(Settings):
    """The parameter of terms that are a mean over classes."""

    foreground_only: bool = False
    """Multiclass: leaves the background out of the mean over classes."""
