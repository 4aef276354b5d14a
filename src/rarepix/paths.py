"""Where data, recipes and caches lie on this machine. (Where results lie: ``layout``.)"""

import os
import re
from pathlib import Path

RECIPES_VARIABLE = "RAREPIX_RECIPES"
CACHE_VARIABLE = "RAREPIX_CACHE"
NAMES_FILE = "~/.config/rarepix/paths.env"
"""Lines ``NAME=/path``: the places that paths may name on this machine, whoever starts a trial here."""


class PathsError(ValueError):
    """A line of ``NAMES_FILE`` that cannot be read; the message says which."""


def recipes_root() -> Path:
    """Return the folder of the named recipes (default ``trials/recipes`` of the checkout)."""
    given = os.environ.get(RECIPES_VARIABLE)
    return Path(given) if given else Path(__file__).parents[2] / "trials" / "recipes"


def expand(path: str | Path) -> Path:
    """Return *path* with ``~`` and ``$VARIABLES`` replaced, so that each machine can find its own data.

    A variable that the environment does not have is looked up in ``NAMES_FILE``: a program that is started over SSH
    has no environment of its user's making.

    Raises:
        FileNotFoundError: *path* names a variable that neither has.
        PathsError: ``NAMES_FILE`` cannot be read.
    """
    known = (_names() if "$" in str(path) else {}) | os.environ
    text = re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda match: known.get(match[1] or match[2], match[0]), str(path))
    if "$" in text:
        raise FileNotFoundError(
            f"every variable in a path must be set, but got {str(path)!r}: set it, write NAME=/path into {NAMES_FILE}, "
            f"or give the path itself"
        )
    return Path(text).expanduser()


def _names() -> dict[str, str]:
    file = Path(NAMES_FILE).expanduser()
    if not file.is_file():
        return {}
    names = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name, _, value = (part.strip() for part in line.partition("="))
        if line.strip() and not line.lstrip().startswith("#"):
            if not value or not name.isidentifier():
                raise PathsError(f"{file}:{number} must be of the form NAME=/path, but is {line!r}")
            names[name] = value
    return names


def cache_root() -> Path:
    """Return the folder of what can be made again: ``$RAREPIX_CACHE``, else ``~/.cache/rarepix``."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/rarepix").expanduser()
