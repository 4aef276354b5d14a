"""What a folder has, and lacks, of a dataset layout."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Evidence(NamedTuple):
    """What a folder has of a layout; it is of the layout where nothing is missing."""

    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the folder is of the layout."""
        return bool(self.found) and not self.missing

    def __str__(self) -> str:
        return f"has {', '.join(self.found)}; lacks {', '.join(self.missing)}"


def of_folders(root: Path, folders: Sequence[str]) -> Evidence:
    """Return which of *folders* are in *root*."""
    return Evidence(
        tuple(name for name in folders if (root / name).is_dir()),
        tuple(name for name in folders if not (root / name).is_dir()),
    )
