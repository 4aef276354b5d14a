"""Where data, recipes and caches lie on this machine. (Where results lie belongs to ``records``.)"""

import os
from pathlib import Path

RECIPES_VARIABLE = "RAREPIX_RECIPES"
CACHE_VARIABLE = "RAREPIX_CACHE"


def recipes_root() -> Path:
    """Return the folder of the named recipes (default ``trials/recipes`` of the checkout)."""
    given = os.environ.get(RECIPES_VARIABLE)
    return Path(given) if given else Path(__file__).parents[2] / "trials" / "recipes"


def expand(path: str | Path) -> Path:
    """Return *path* with ``~`` and ``$VARIABLES`` replaced, so that each machine can find its own data.

    Raises:
        FileNotFoundError: *path* names a variable that is not set.
    """
    text = os.path.expandvars(path)
    if "$" in text:
        raise FileNotFoundError(
            f"every variable in a path must be set, but got {str(path)!r}: set it, or give the path itself"
        )
    return Path(text).expanduser()


def cache_root() -> Path:
    """Return the folder of what can be made again: ``$RAREPIX_CACHE``, else ``~/.cache/rarepix``."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/rarepix").expanduser()
