"""The environment in which nnictl runs: with our patch of NNI's server, and with this environment's programs first.

``python -m rarepix.search.nni.install_patch`` gives it to plain ``nnictl``, too. ``make env`` does this; in a conda
environment, run it by hand, once and after each update of rarepix.
"""

import argparse
import getpass
import os
import socket
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rarepix.files import write_text

FILE = Path(__file__).with_name("patch") / "main.cjs"
NNI_VERSION = "3.0"
START_UP = "rarepix_nni.pth"
"""The file in site-packages that Python reads when it starts."""
HOST_VARIABLE = "RAREPIX_NNI_HOST"
"""Address on which the patched NNI server listens."""
NAMES_VARIABLE = "RAREPIX_NNI_NAMES"
"""Host names, beside those of 127.0.0.1, to which the patched NNI server answers."""
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"

_LINE = (
    "import sys; any('nni' in part for part in sys.orig_argv[1:])"
    " and 'rarepix.search.nni.install_patch' not in sys.orig_argv"
    " and __import__('importlib.util').util.find_spec('rarepix')"
    " and __import__('rarepix.search.nni.install_patch', fromlist=['install_patch']).at_start_up(sys.orig_argv)\n"
)


class PatchError(RuntimeError):
    """NNI is missing, or of a version that the patch was not made for."""


def environment() -> dict[str, str]:
    """Return the environment for nnictl.

    Its ``PATH`` begins with the folder of the running Python, so that ``python`` in a trial command is this one;
    ``NODE_OPTIONS`` loads the patch; connections to this machine bypass any proxy.

    Raises ``PatchError`` unless nni is installed as version 3.0 exactly.
    """
    check_version()
    variables = dict(os.environ)
    programs, path = str(Path(sys.executable).parent), variables.get("PATH", os.defpath)
    variables["PATH"] = path if path.split(os.pathsep)[0] == programs else os.pathsep.join([programs, path])
    quoted = str(FILE).replace("\\", "\\\\").replace('"', '\\"')
    option, options = f'--require "{quoted}"', variables.get("NODE_OPTIONS", "")
    variables["NODE_OPTIONS"] = options if option in options else f"{options} {option}".strip()
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in variables.get(name, "").split(",") if host]
        variables[name] = ",".join([*hosts, *(host for host in ("localhost", LOOPBACK) if host not in hosts)])
    return variables


def check_version() -> None:
    """Raise ``PatchError`` unless nni is installed as the one version that the patch was made for."""
    try:
        installed = version("nni")
    except PackageNotFoundError:
        installed = "none"
    if installed != NNI_VERSION:
        raise PatchError(
            f"nni must be version {NNI_VERSION} exactly (the patch corrects that version's server), but got "
            f"{installed}: pip install nni=={NNI_VERSION}"
        )


def set_bind_host(host: str) -> str | None:
    """Let the managers that this process starts listen on *host*, and return a warning; None for this machine only.

    Raises ``ConfigError`` if *host* is no IPv4 address of this machine.
    """
    import psutil  # this and pydantic are not loaded when Python starts

    from rarepix.settings import ConfigError

    interfaces = psutil.net_if_addrs().values()
    addresses = [each.address for interface in interfaces for each in interface if each.family == socket.AF_INET]
    if host not in (*addresses, EVERYWHERE):
        raise ConfigError(
            f"--host must be {LOOPBACK} (this machine only), {EVERYWHERE} (every network) or an IPv4 address of this "
            f"machine ({', '.join(addresses)}), but got {host!r}"
        )
    if host == LOOPBACK:
        return None
    names = [os.environ.get(NAMES_VARIABLE), socket.gethostname(), socket.getfqdn(), *addresses]
    os.environ[HOST_VARIABLE] = host
    os.environ[NAMES_VARIABLE] = ",".join(dict.fromkeys(filter(None, names)))
    return (
        f"--host {host}: NNI has no login, so whoever reaches this port over the network can run programs as "
        f"{getpass.getuser()}; a tunnel (see above) with --host {LOOPBACK} is the safe way"
    )


def ssh_tunnel(port: int) -> str:
    """Return the command that makes *port* of this machine reachable on the machine where it is typed."""
    return f"ssh -L {port}:{LOOPBACK}:{port} {getpass.getuser()}@{socket.gethostname()}"


def install() -> Path:
    """Let NNI's programs in this environment start with ``environment()``; return the file that does it.

    Raises ``PatchError`` as ``environment`` does, and ``WriteError`` if the environment belongs to somebody else.
    """
    check_version()
    file = Path(sysconfig.get_path("purelib")) / START_UP
    write_text(file, _LINE)
    return file


def at_start_up(arguments: list[str]) -> None:
    """Give this process ``environment()`` if it is one of NNI's programs, by its command line (``sys.orig_argv``).

    It is called while Python starts, so another version of NNI is printed as a warning and not raised.
    """
    if not is_nni(arguments):
        return
    try:
        os.environ.update(environment())
    except PatchError as error:
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


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m rarepix.search.nni.install_patch", description=__doc__).parse_args()
    print(
        f"{install()} written: nnictl in {sys.prefix} runs with rarepix's corrections of NNI (remove the file to undo)"
    )
