"""The processes of an experiment on this machine, and their end.

A killed manager leaves its trials and its tuner running. They must end before the study is resumed: NNI would take a
report of an old trial for one of the new trial. ``python -m rarepix.search.nni.orphans EXPERIMENT`` ends them.

The source of this module is also sent to other machines of a study, where rarepix may not be installed: it imports
nothing but the standard library and psutil, which comes with nni.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil

SECONDS_TO_CLOSE = 8.0
"""Time for a process to finish its record after it was asked to end."""
SECONDS_TO_DIE = 20.0
"""Time for a killed process to disappear; one that takes longer hangs in the kernel."""


class OrphanError(RuntimeError):
    """A process of an experiment that cannot be ended; the message names it."""


def is_running(pid: int | None) -> bool:
    """Return whether a process runs; a zombie (ended, but not yet reaped by its parent) does not.

    Some containers reap nothing: there, a zombie whose parent has died stays in the process list for ever.
    """
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def processes(experiment: str) -> list[psutil.Process]:
    """Return this user's processes on this machine that belong to an experiment of NNI.

    They are its manager and the remote runners of its trials (known by their command line), its tuner (by the folder
    of its log), its trials, and what those have started (by the environment that they inherit). The calling process
    and its parents are left out.
    """
    this = psutil.Process()
    excluded = {this.pid, *(parent.pid for parent in this.parents())}
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has just ended, or it is a zombie, which holds nothing any more
            if process.pid not in excluded and process.uids().real == os.getuid() and _belongs(process, experiment):
                members.append(process)
    return members


def end(experiment: str, seconds: float = SECONDS_TO_CLOSE) -> list[str]:
    """End the processes of *experiment* on this machine, and return one line about each.

    SIGTERM goes first to those whose parent does not belong to the experiment, so that a trial can stop its own helper
    processes and finish its record; what still runs after *seconds* is killed.

    Raises ``OrphanError`` if a process cannot be ended.
    """
    lines: dict[int, str] = {}
    running = _described(processes(experiment), lines)
    members = {process.pid for process in running}
    _each(psutil.Process.terminate, (process for process in running if _parent(process) not in members))
    _wait(running, seconds)
    for _ in range(3):  # a process may have started another one in the meantime
        running = _described(processes(experiment), lines)
        if not running:
            return list(lines.values())
        _each(psutil.Process.kill, running)
        _wait(running, SECONDS_TO_DIE)
    names = "; ".join(_describe(process) for process in running)
    raise OrphanError(f"what is left of the study {experiment} must end, but cannot be killed: {names}")


def tuner(manager: int) -> int | None:
    """Return the process id of the tuner that a manager (given by its own process id) has started, None if none runs.

    NNI starts it by a shell, which may or may not stay between them.
    """
    try:
        children = psutil.Process(manager).children(recursive=True)
    except psutil.Error:
        return None
    for process in children:
        with suppress(psutil.Error):
            if is_running(process.pid) and "--exp_params" in process.cmdline():
                return process.pid
    return None


def _belongs(process: psutil.Process, experiment: str) -> bool:
    words = process.cmdline()
    if any(pair == ("--experiment-id", experiment) for pair in pairwise(words)):
        return True
    if len(words) > 1 and words[-2].endswith("trial_keeper/main.js") and experiment in Path(words[-1]).parts:
        return True
    environment = process.environ()
    tuner_log = Path(environment.get("NNI_LOG_DIRECTORY", ""))
    is_tuner = environment.get("SDK_PROCESS") == "dispatcher" and tuner_log.parts[-2:] == (experiment, "log")
    return is_tuner or environment.get("NNI_EXP_ID") == experiment


def _described(running: list[psutil.Process], lines: dict[int, str]) -> list[psutil.Process]:
    for process in running:
        lines.setdefault(process.pid, _describe(process))
    return running


def _describe(process: psutil.Process) -> str:
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        words = "?"
    return f"process {process.pid}: {words[:100]}"


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _wait(running: list[psutil.Process], seconds: float) -> None:
    """Wait until all have ended. (psutil's own wait counts a zombie of another parent as running.)"""
    deadline = time.monotonic() + seconds
    while any(is_running(process.pid) for process in running) and time.monotonic() < deadline:
        time.sleep(0.05)


def _each(act: Callable[[psutil.Process], None], running: Iterable[psutil.Process]) -> None:
    for process in running:
        with suppress(psutil.NoSuchProcess):
            act(process)


def main() -> int:
    """End the processes of the experiment named on the command line, and print a line about each."""
    if len(sys.argv) != 2:
        print("usage: python -m rarepix.search.nni.orphans EXPERIMENT", file=sys.stderr)
        return 2
    for line in end(sys.argv[1]):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
