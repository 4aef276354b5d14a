"""The classes of a dataset: what the ids in a mask mean; and the letters used for shapes.

Shapes, everywhere: N images of a batch, C classes or channels, H rows, W columns.
An image batch is ``N 3 H W`` float, a mask batch ``N H W`` integer ids (multilabel: ``N C H W`` of 0, 1 and the
ignore id), logits are ``N C H W`` float (binary: one channel).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

IGNORE = 255
SOFT_SCALE = 254
"""Soft masks are fixed-point numbers: v from 0 to 254 stands for v / 254, and 255 is ignored."""


M = TypeVar("M")
"""An array of numpy or a tensor of torch."""


class Task(StrEnum):
    """How classes relate in one pixel."""

    BINARY = "binary"
    """Background (id 0) or foreground (id 1), by one channel of the network."""
    MULTICLASS = "multiclass"
    """One of several classes per pixel: an id and a channel each."""
    MULTILABEL = "multilabel"
    """Any number of classes per pixel, or none: a 0/1 mask and a channel each, no background."""


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """The classes of a dataset: the position of a name is its id in the masks."""

    names: tuple[str, ...]
    background: int | None = None
    ignore: int = IGNORE
    palette: tuple[tuple[int, int, int], ...] = ()
    rare: tuple[str, ...] = ()
    task: Task = Task.MULTICLASS
    scale: int = 1
    """The value in a mask that means 1, where masks are of 0 and 1: 1, or ``SOFT_SCALE`` where masks are soft."""

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or not self.names:
            raise ValueError(f"class names must be given and differ from each other, but got {list(self.names)}")
        if not max(self.count, 2) <= self.ignore <= 255:
            raise ValueError(
                f"the ignore id must be from {max(self.count, 2)} to 255, since masks are 8-bit and it "
                f"must not be a class id, but got {self.ignore} with {self.count} classes"
            )
        if self.background is not None and not 0 <= self.background < self.count:
            raise ValueError(f"the background must be a class id from 0 to {self.count - 1}, but got {self.background}")
        if self.task is Task.BINARY and (self.count != 2 or self.background != 0):
            raise ValueError(
                f"a binary task must have two classes, the first of which is background, but got {list(self.names)} "
                f"with background {self.background}: write background as the first class, or use task multiclass"
            )
        if self.task is Task.BINARY and self.names[1] == "background":
            raise ValueError(
                f"the first class of a binary task is the background, but got {list(self.names)}: swap them"
            )
        if self.task is Task.MULTILABEL and self.background is not None:
            raise ValueError(
                f"a multilabel task must have no background (it is where no class is), but got "
                f"{self.names[self.background]!r}: leave it out"
            )
        unknown = sorted(set(self.rare) - set(self.names))
        if unknown:
            raise ValueError(f"rare classes must be among {list(self.names)}, but got {unknown}")
        self._check_scale()

    def _check_scale(self) -> None:
        if self.scale not in (1, SOFT_SCALE):
            raise ValueError(f"scale must be 1 or, of soft masks, {SOFT_SCALE}, but got {self.scale}")
        if self.is_soft and (self.task is Task.MULTICLASS or self.ignore != IGNORE):
            raise ValueError(
                f"soft masks go with task binary or multilabel and the ignore id {IGNORE}, but the task is {self.task} "
                f"and the ignore id {self.ignore}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists, numbers and texts, for a file."""
        fields = asdict(self) | {"task": str(self.task)}
        return fields if self.is_soft else {key: value for key, value in fields.items() if key != "scale"}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the label space that ``as_dict`` described.

        Raises:
            ValueError: the fields are not those of a label space, or do not go together.
        """
        try:
            plain = {key: tuple(fields[key]) for key in ("names", "rare")}
            palette = tuple(tuple(colour) for colour in fields["palette"])
            return cls(**dict(fields) | plain | {"palette": palette, "task": Task(fields["task"])})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"a label space must have names, background, ignore, palette, rare, task: {error}"
            ) from error

    @property
    def count(self) -> int:
        """Number of classes C, background included where there is one."""
        return len(self.names)

    @property
    def channels(self) -> int:
        """Number of output channels of a network: one per class, but a single one for a binary task."""
        return 1 if self.task is Task.BINARY else self.count

    @property
    def presence_names(self) -> tuple[str, ...]:
        """The classes whose presence in an image can be told: all but the background."""
        return tuple(name for name in self.names if name not in self.background_names)

    @property
    def is_soft(self) -> bool:
        """Whether masks hold shares instead of 0 and 1."""
        return self.scale != 1

    @property
    def background_names(self) -> tuple[str, ...]:
        """The name of the background class, or an empty tuple if there is none."""
        return () if self.background is None else (self.names[self.background],)


def is_on(mask: M, labels: LabelSpace) -> M:
    """Return where a mask of 0 and 1 (binary, or a layer of a multilabel one) has its class, as bool of its shape.

    Ignored pixels have not. Of a soft mask, where the share is above one half.
    """
    return (mask > labels.scale // 2) & (mask != labels.ignore)


def hard_mask(mask: M, labels: LabelSpace) -> M:
    """Return a soft mask with 1 where ``is_on``, else 0, and the ignore id where it was; any other mask as it is.

    It has the type and shape of *mask*, and is what code that knows only ids, or layers of 0 and 1, can take. Not for
    predictions: they are hard, even if the masks of the dataset are soft.
    """
    if not labels.is_soft:
        return mask
    return is_on(mask, labels) + (mask == labels.ignore) * mask
