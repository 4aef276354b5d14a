"""The command line of NNI that belongs to this environment, always run with the preload."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.search.nni import install_patch, run_nnictl


class NniError(RuntimeError):
    """nnictl refused; the message is the reason that it gave."""


@dataclass(frozen=True)
class Experiment:
    """One experiment in NNI's list of all experiments of this user."""

    id: str
    name: str
    port: int | None
    """None: NNI found its manager dead and forgot the port."""
    pid: int | None
    folder: Path
    """Its logs and its database."""
    ended: bool
    """Whether it came to an orderly end; one that was killed did not."""
    started: float = 0.0
    """Seconds since 1970; when it was last resumed, if it was."""

    @property
    def alive(self) -> bool:
        """Whether its manager runs. (A process id alone would not tell: ids are used again.)"""
        try:
            return bool(self.pid) and self.id.encode() in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return not Path("/proc/self").exists() and _signal_reaches(self.pid)


def list_experiments() -> dict[str, Experiment]:
    """Return id → experiment, of all experiments that NNI knows for this user, oldest first."""
    known = _read_list(Path.home() / "nni-experiments" / ".experiment")
    return {name: _listed(name, entry) for name, entry in sorted(known.items(), key=lambda item: item[1]["startTime"])}


def create(config: Path, port: int) -> str:
    """Start the experiment in *config* and return its id.

    Raises:
        NniError: nnictl refused. (What fails after it has said yes shows in the manager's status only.)
    """
    return _id_in(run("create", "--config", str(config), "--port", str(port)))


def resume(experiment: str, port: int) -> None:
    """Go on with an experiment that has ended. Raises ``NniError`` if nnictl refuses."""
    run("resume", experiment, "--port", str(port))


def view(experiment: str, port: int) -> None:
    """Serve the web UI of an experiment that has ended. Raises ``NniError`` if nnictl refuses."""
    run("view", experiment, "--port", str(port))


def stop(experiment: str) -> None:
    """Stop the manager of *experiment* and its running trials. Raises ``NniError`` if nnictl refuses."""
    run("stop", experiment)


def run(*arguments: str, seconds: float = 120) -> str:
    """Run nnictl and return what it printed, without colours.

    Raises:
        PreloadError: nni is not installed as the version that the preload knows.
        NniError: nnictl returned non-zero, or did not return within *seconds*.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", run_nnictl.__name__, *arguments],
            env=install_patch.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NniError(f"nnictl {arguments[0]} must return within {seconds:.0f} s, but did not") from error
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    if done.returncode != 0:
        raise NniError(f"nnictl {' '.join(arguments)} failed: {_reason(said)}")
    return said


def port_taken(port: int) -> bool:
    """Return whether something on this machine already listens on *port*."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _read_list(file: Path, attempts: int = 5) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        if not attempts:
            raise NniError(f"{file} must be NNI's list of experiments, but: {error}: repair or remove it") from error
    time.sleep(0.1)  # NNI writes it in place: this may have been half of it
    return _read_list(file, attempts - 1)


def _listed(name: str, entry: dict[str, Any]) -> Experiment:
    return Experiment(
        id=name,
        name=entry.get("experimentName") or "",
        port=entry.get("port"),
        pid=entry.get("pid"),
        folder=Path(entry["logDir"], name),
        ended=isinstance(entry.get("endTime"), int),
        started=entry["startTime"] / 1000,
    )


def _id_in(said: str) -> str:
    found = re.search(r"Experiment ID: (\w+)", said)
    if not found:
        raise NniError(f"nnictl create must name the experiment's id, but said: {_reason(said)}")
    return found[1]


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _signal_reaches(pid: int | None) -> bool:
    try:
        os.kill(pid or -1, 0) if pid else None
    except OSError:
        return False
    return bool(pid)
