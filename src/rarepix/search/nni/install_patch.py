"""The environment in which nnictl runs: with our corrections of NNI's server, and this environment's programs first.

``python -m rarepix.search.nni.install_patch`` gives it to plain ``nnictl``, too. ``make env`` does this; in a conda
environment, run it once by hand.
"""

import os
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rarepix.files import write_text

FILE = Path(__file__).with_name("patch") / "main.cjs"
NNI_VERSION = "3.0"
START_UP = "rarepix_nni.pth"
"""The file in site-packages that Python reads when it starts."""

_LINE = (
    "import sys; any('nni' in part for part in sys.orig_argv[1:])"
    " and __import__('importlib.util').util.find_spec('rarepix')"
    " and __import__('rarepix.search.nni.install_patch', fromlist=['install_patch']).at_start_up(sys.orig_argv)\n"
)


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
    programs, path = str(Path(sys.executable).parent), found.get("PATH", os.defpath)
    found["PATH"] = path if path.split(os.pathsep)[0] == programs else os.pathsep.join([programs, path])
    found["NODE_OPTIONS"] = _with_preload(found.get("NODE_OPTIONS", ""))
    for name in ("no_proxy", "NO_PROXY"):
        past = [host for host in found.get(name, "").split(",") if host]
        found[name] = ",".join([*past, *(host for host in ("localhost", "127.0.0.1") if host not in past)])
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


def install() -> Path:
    """Let NNI's programs in this environment start with ``environment()``; return the file that does it.

    Raises:
        PreloadError: as ``environment`` does.
        WriteError: the environment belongs to somebody else.
    """
    check_version()
    file = Path(sysconfig.get_path("purelib")) / START_UP
    write_text(file, _LINE)
    return file


def at_start_up(arguments: list[str]) -> None:
    """Give this process ``environment()`` if it is one of NNI's programs, by its command line (``sys.orig_argv``).

    Called while Python starts, so an NNI of another version is said and not raised.
    """
    if not is_nni(arguments):
        return
    try:
        os.environ.update(environment())
    except PreloadError as error:
        print(f"rarepix: NNI's server is not corrected: {error}", file=sys.stderr)


def is_nni(arguments: list[str]) -> bool:
    """Return whether a Python's command line runs nnictl, or one of the modules of nni (``-m nni…``)."""
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "-m":
            module = next(rest, "")
            return module == "nni" or module.startswith("nni.")
        if argument == "-c":
            return False
        if argument in ("-W", "-X"):
            next(rest, None)
        elif not argument.startswith("-"):
            return Path(argument).name == "nnictl"
    return False


def _with_preload(options: str) -> str:
    quoted = str(FILE).replace("\\", "\\\\").replace('"', '\\"')
    mine = f'--require "{quoted}"'
    return options if mine in options else f"{options} {mine}".strip()


if __name__ == "__main__":
    print(
        f"{install()} written: nnictl in {sys.prefix} runs with rarepix's corrections of NNI (remove the file to undo)"
    )
