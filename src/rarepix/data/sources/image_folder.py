"""A folder of images or masks: which file belongs to an id, whatever its format and however its suffix is written."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rarepix.data import dicom
from rarepix.data.images import SUFFIXES, is_hidden
from rarepix.data.source import DataError, first_of

LOSSY = (".jpg", ".jpeg")
"""Suffixes of files that change the ids of a mask."""
LOSSLESS = tuple(suffix for suffix in SUFFIXES if suffix not in (*LOSSY, *dicom.SUFFIXES))
"""Suffixes of masks of ids; DICOM holds images alone."""


def other_files_note(missing: Path) -> str:
    """Return the end of a message about a file that does not exist: files beside it that are called like it, if any."""
    if not missing.parent.is_dir():
        return ""
    stem = re.compile(rf"{re.escape(missing.stem)}(?![^\W_])", re.IGNORECASE)
    names = sorted(file.name for file in missing.parent.iterdir() if stem.match(file.name))
    return f" (there is {first_of(names, 3)}: rename or convert it)" if names else ""


class ImageFolder:
    """The files of a folder with one of *suffixes*, in any case; it is read once, when the first file is asked for.

    Args:
        path: the folder. Ids may name folders below it: ``city/name``.
        suffixes: in lower case.
        usual: the suffix of a file that does not exist, for messages.
    """

    def __init__(self, path: Path, suffixes: Sequence[str] = SUFFIXES, *, usual: str = SUFFIXES[0]) -> None:
        self.path, self._suffixes, self._usual = path, suffixes, usual
        self._files: dict[Path, dict[str, list[Path]]] = {}

    def names(self) -> list[str]:
        """Return the ids of all files that lie in the folder itself, sorted."""
        return sorted(self._of(self.path))

    def has(self, name: str) -> bool:
        """Return whether there is a file of this id."""
        return bool(self.files(name))

    def find(self, name: str) -> Path:
        """Return the file of an id; if none exists, the path of one with the usual suffix.

        Raises:
            DataError: there are several, such as ``a.jpg`` and ``a.png``.
        """
        files = self.files(name)
        if len(files) > 1:
            raise DataError(
                f"{self.path} must hold one file for each id, but for {name!r} there are "
                f"{' and '.join(file.name for file in files)}: keep one of them"
            )
        return files[0] if files else self.path / f"{name}{self._usual}"

    def resolve(self, line: str) -> str:
        """Return the id that the *line* of a list means.

        It is the line as it is, without the suffix of an image file, or without the folder of the images and those in
        front of it: of ``JPEGImages/a.jpg`` it is ``a``. A line of which no file is found stays as it is.
        """
        path = PurePosixPath(line.replace("\\", "/"))
        names = [str(path), path.name if path.parent.name in ("", self.path.name) else str(path)]
        names += [name.removesuffix(path.suffix) for name in names if path.suffix.lower() in SUFFIXES]
        return next((name for name in names if self.has(name)), line)

    def files(self, name: str) -> list[Path]:
        """Return the files of an id, which differ in their suffix alone."""
        path = self.path / name
        return self._of(path.parent).get(path.name, [])

    def _of(self, folder: Path) -> dict[str, list[Path]]:
        """Return the files in *folder* by their names without suffix."""
        if folder not in self._files:
            by_stem = defaultdict(list)
            for file in sorted(folder.iterdir()) if folder.is_dir() else ():
                if file.suffix.lower() in self._suffixes and not is_hidden(file):
                    by_stem[file.stem].append(file)
            self._files[folder] = dict(by_stem)
        return self._files[folder]
