"""Files are written whole or not at all, and known by their content."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EEXIST, EFBIG, ENOSPC, ENOTDIR, EPERM, EROFS
from pathlib import Path

CANNOT_WRITE = (ENOSPC, EFBIG, EDQUOT, EROFS, EACCES, EPERM, ENOTDIR, EEXIST)


class WriteError(OSError):
    """A file that cannot be written here; the message names it and says what to do."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn the system's error about a place that cannot be written to into one that names *path*.

    Raises:
        WriteError: no room, no leave to write, or no folder.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        raise WriteError(
            f"{path} must be written whole, but: {os.strerror(error.errno)}; what was there before is as it was: "
            f"make room or leave to write there, or choose another place"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside *path* to write to, which takes the place of *path* at the end.

    If something is raised, *path* stays as it was. The folder is made where it is missing.

    Raises:
        WriteError: *path* cannot be written.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write *text* to *path*, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
