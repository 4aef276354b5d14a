"""Room on the disks that a study writes to. A full disk ends NNI's database in the middle of a study."""

import shutil
from pathlib import Path

LEAST = 2**30
"""Bytes: a few trials of a small network, or NNI's own records of any study. A study of large ones needs more, which
shows only when they are trained."""


def disk_problems(folders: dict[str, Path], least: int = LEAST) -> list[str]:
    """Return what is wrong with the file systems of *folders* (what for → where), one line for each."""
    found = []
    for what, folder in folders.items():
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free = shutil.disk_usage(there).free
        if free < least:
            found.append(
                f"{what} need {least / 2**30:.0f} GiB at least, but {there} has {free / 2**30:.1f} GiB free: "
                f"make room, or choose another place"
            )
    return found
