"""What the ids in a mask mean, and the letters used for shapes.

Shapes, everywhere: N images of a batch, C classes or channels, H rows, W columns.
An image batch is ``N 3 H W`` float, a mask batch ``N H W`` integer ids, logits are ``N C H W`` float.
"""

from dataclasses import dataclass
from enum import StrEnum

IGNORE = 255


class Task(StrEnum):
    """How classes relate in one pixel."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """The classes of a dataset: the position of a name is its id in the masks."""

    names: tuple[str, ...]
    background: int | None = None
    ignore: int = IGNORE
    palette: tuple[tuple[int, int, int], ...] = ()
    rare: tuple[str, ...] = ()
    task: Task = Task.MULTICLASS

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or not self.names:
            raise ValueError(f"class names must be given and differ from each other, but got {list(self.names)}")
        if not self.count <= self.ignore <= 255:
            raise ValueError(
                f"the ignore id must be from {self.count} to 255, since masks are 8-bit and it "
                f"must not be a class id, but got {self.ignore} with {self.count} classes"
            )
        if self.background is not None and not 0 <= self.background < self.count:
            raise ValueError(f"the background must be a class id from 0 to {self.count - 1}, but got {self.background}")
        unknown = sorted(set(self.rare) - set(self.names))
        if unknown:
            raise ValueError(f"rare classes must be among {list(self.names)}, but got {unknown}")

    @property
    def count(self) -> int:
        """Number of classes C, background included where there is one."""
        return len(self.names)

    @property
    def background_names(self) -> tuple[str, ...]:
        """The name of the background, or nothing where there is none."""
        return () if self.background is None else (self.names[self.background],)
