"""The environment in which nnictl runs: with our preload for NNI's server, and this environment's programs first."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FILE = Path(__file__).with_name("preload.cjs")
NNI_VERSION = "3.0"


class PreloadError(RuntimeError):
    """NNI is missing, or of a version that the preload was not made for."""


def environment() -> dict[str, str]:
    """Return the environment for nnictl.

    Its ``PATH`` begins with the folder of the running Python, so that ``python`` in a trial command is this one;
    ``NODE_OPTIONS`` loads the preload; connections to this machine go past any proxy.

    Raises:
        PreloadError: nni is not installed as version 3.0 exactly.
    """
    check_version()
    found = dict(os.environ)
    found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    found["NODE_OPTIONS"] = _with_preload(found.get("NODE_OPTIONS", ""))
    for name in ("no_proxy", "NO_PROXY"):
        found[name] = ",".join(filter(None, [found.get(name), "localhost,127.0.0.1"]))
    return found


def check_version() -> None:
    """Raise ``PreloadError`` unless nni is installed as the one version whose server the preload knows."""
    try:
        came = version("nni")
    except PackageNotFoundError:
        came = "none"
    if came != NNI_VERSION:
        raise PreloadError(
            f"nni must be version {NNI_VERSION} exactly (the preload corrects that version's server), but got {came}: "
            f"pip install nni=={NNI_VERSION}"
        )


def _with_preload(options: str) -> str:
    quoted = str(FILE).replace("\\", "\\\\").replace('"', '\\"')
    mine = f'--require "{quoted}"'
    return options if mine in options else f"{options} {mine}".strip()
