"""NNI's command line in this environment, always run with rarepix's patch, its list of experiments, and their logs.

::

    python -m rarepix.search.nni.nnictl create --config nni_config.yml

Run so, nnictl differs from the original in two points. It gives NNI's server 20 s to come up instead of 3, which a busy
machine exceeds. And a killed manager that nobody has reaped (in some containers nobody ever does) counts as ended;
otherwise nnictl would not resume its experiment.
"""

import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.search.nni import install_patch
from rarepix.search.nni.orphans import is_running

SERVER_ATTEMPTS = 20
"""nnictl asks NNI's server once a second whether it is up."""
STOP_STATES = ("STOPPING", "STOPPED")
"""States of a manager that was told to stop."""
IDLE_STATES = ("INITIALIZED", *STOP_STATES, "VIEWED")
"""States of the manager that do not say how far the study is."""


class StudyError(RuntimeError):
    """A study that broke, or that does not exist; the message says where to look."""


class NniError(RuntimeError):
    """nnictl failed; the message gives its reason."""


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
    end_noted: bool
    """Whether NNI has noted when it ended. It notes that of a limit, too, and keeps it when the limit is raised."""
    started: float = 0.0
    """Seconds since 1970, of the last start or resume."""

    @property
    def ended(self) -> bool:
        """Whether it was stopped in order; a killed one was not."""
        return self.end_noted and was_stopped(self.folder)

    @property
    def alive(self) -> bool:
        """Whether its manager runs. (A process id alone is not enough: the system uses ids again.)"""
        try:
            return bool(self.pid) and self.id.encode() in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return not Path("/proc/self").exists() and is_running(self.pid)


def list_experiments() -> dict[str, Experiment]:
    """Return id → experiment, of all experiments that NNI knows for this user, oldest first."""
    entries = _read_list(Path.home() / "nni-experiments" / ".experiment")
    return {
        id: Experiment(
            id=id,
            name=entry.get("experimentName") or "",
            port=entry.get("port"),
            pid=entry.get("pid"),
            folder=Path(entry["logDir"], id),
            end_noted=isinstance(entry.get("endTime"), int),
            started=entry["startTime"] / 1000,
        )
        for id, entry in sorted(entries.items(), key=lambda item: item[1]["startTime"])
    }


def find_experiment(name: str) -> Experiment:
    """Return the experiment with this id or results folder, whether it runs or not.

    Raises ``StudyError`` if there is none.
    """
    experiments = list_experiments()
    experiment = experiments.get(Path(name).name.rpartition("-")[2])
    if experiment is None:
        ids = ", ".join(experiments) or "none"
        raise StudyError(f"unknown study {name!r}: {nearest(name, experiments)}NNI knows {ids}")
    return experiment


def create(config: Path, port: int) -> str:
    """Start the experiment in *config* and return its id.

    Raises ``NniError`` if nnictl fails. (What fails later shows only in the manager's status.)
    """
    output = run("create", "--config", str(config), "--port", str(port))
    match = re.search(r"Experiment ID: (\w+)", output)
    if not match:
        raise NniError(f"nnictl create must print the experiment's id, but printed: {last_line(output)}")
    return match[1]


def stop(experiment: str) -> None:
    """Stop the manager of *experiment* and its running trials. Raises ``NniError`` if nnictl fails."""
    run("stop", experiment)


def run(*arguments: str, seconds: float = 120) -> str:
    """Run nnictl and return what it printed, without colours.

    Raises ``PatchError`` as ``install_patch.environment`` does, and ``NniError`` if nnictl returns non-zero, or not
    within *seconds*.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, *arguments],
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
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    if done.returncode != 0:
        raise NniError(f"nnictl {' '.join(arguments)} failed: {last_line(output)}")
    return output


def last_state(folder: Path) -> str | None:
    """Return how far the manager of the experiment in *folder* last was (``RUNNING``, ``DONE``, …), None if unknown."""
    return next((state for state in reversed(_states(folder)) if state not in IDLE_STATES), None)


def was_stopped(folder: Path) -> bool:
    """Return whether the manager of the experiment in *folder* was stopped in order, as far as its log knows.

    One that was killed did not get to it. Without a log, it counts as stopped.
    """
    states = _states(folder)
    return not states or states[-1] in STOP_STATES


def dispatcher_error(logs: Path, since: float) -> str:
    """Return the last exception that an experiment's tuner has written to *logs* ("" if none).

    Only what was written after *since* (seconds since 1970) counts: a resumed experiment appends to the same log.
    """
    try:
        lines = (logs / "dispatcher.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    written, message, in_traceback = math.inf, [], False
    for line in lines:
        stamp = re.match(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]", line)
        if stamp:
            written = datetime.strptime(stamp[1], "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
        if written >= since and line.startswith("Traceback "):
            message, in_traceback = [], True
        elif stamp or not line.strip():
            in_traceback = False
        elif in_traceback and not line.startswith(" "):
            message.append(line)
    return "; ".join(message)


def last_line(output: str | bytes) -> str:
    """Return the last line of what a program printed."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    return (text.strip().splitlines() or ["it printed nothing"])[-1]


def port_taken(port: int) -> bool:
    """Return whether something on this machine already listens on *port*."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _states(folder: Path) -> list[str]:
    """Return every state that the manager of the experiment in *folder* was in, oldest first."""
    try:
        log = (folder / "log" / "nnimanager.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return re.findall(r"Change NNIManager status from: \w+ to: (\w+)", log)


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


def correct_nnictl() -> None:
    """Change nnictl in this process as the module's docstring says."""
    from nni.experiment import launcher
    from nni.tools.nnictl import nnictl_utils

    launcher._check_rest_server = partial(launcher._check_rest_server, retry=SERVER_ATTEMPTS)
    nnictl_utils.detect_process = is_running


def main() -> None:
    """Run nnictl's command line."""
    from nni.tools.nnictl import nnictl

    os.environ.update(install_patch.environment())
    correct_nnictl()
    nnictl.parse_args()


if __name__ == "__main__":
    main()
