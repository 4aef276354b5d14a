"""What is still running of an experiment, and its end.

A killed manager leaves its trials and its tuner behind; a resumed study must not meet them: NNI would take the last
words of an old trial for those of the new one. ``python -m rarepix.search.nni.orphans EXPERIMENT`` does the same on
another machine.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import psutil

from rarepix.search.nni.processes import lives

SECONDS_TO_CLOSE = 8.0
"""Which a process has, after it was asked to end, to write its last word."""
SECONDS_TO_DIE = 20.0
"""After a kill; longer, and the process hangs in the kernel."""


class OrphanError(RuntimeError):
    """A process of an experiment that cannot be ended; the message names it."""


def processes(experiment: str) -> list[psutil.Process]:
    """Return this user's processes on this machine that belong to an experiment of NNI.

    They are its manager and the keepers of its trials (by their command line), its tuner (by the folder of its log),
    its trials, and what those have started (by the environment that they inherit). This process is none of them.
    """
    me = psutil.Process()
    spared = {me.pid, *(parent.pid for parent in me.parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in spared and process.uids().real == os.getuid() and _belongs(process, experiment):
                found.append(process)
        except psutil.Error:  # it has just ended, or it is a zombie, which holds nothing any more
            continue
    return found


def end(experiment: str, seconds: float = SECONDS_TO_CLOSE) -> list[str]:
    """End what is left of *experiment* on this machine, and return what that was, a line each.

    First those are asked that no other one of them has started, so that a trial can stop its own helpers and close its
    record; what has not gone after *seconds* is killed.

    Raises:
        LeftoverError: one cannot be ended.
    """
    ended: dict[int, str] = {}
    left = _described(processes(experiment), ended)
    ours = {process.pid for process in left}
    _each(psutil.Process.terminate, (process for process in left if _parent(process) not in ours))
    _wait(left, seconds)
    for _ in range(3):  # a process may have started another one while it was looked at
        left = _described(processes(experiment), ended)
        if not left:
            return list(ended.values())
        _each(psutil.Process.kill, left)
        _wait(left, SECONDS_TO_DIE)
    names = "; ".join(_describe(process) for process in left)
    raise OrphanError(f"what is left of the study {experiment} must end, but cannot be killed: {names}")


def tuner(manager: int) -> int | None:
    """Return the process id of the tuner that a manager (given by its own process id) has started, None if none runs.

    NNI starts it by a shell, which may or may not stay between them.
    """
    try:
        below = psutil.Process(manager).children(recursive=True)
    except psutil.Error:
        return None
    for process in below:
        try:
            if lives(process.pid) and "--exp_params" in process.cmdline():
                return process.pid
        except psutil.Error:
            continue
    return None


def _belongs(process: psutil.Process, experiment: str) -> bool:
    words = process.cmdline()
    if any(pair == ("--experiment-id", experiment) for pair in pairwise(words)):
        return True
    if len(words) > 1 and words[-2].endswith("trial_keeper/main.js") and experiment in Path(words[-1]).parts:
        return True
    environment = process.environ()
    tuner_log = Path(environment.get("NNI_LOG_DIRECTORY", ""))
    of_tuner = environment.get("SDK_PROCESS") == "dispatcher" and tuner_log.parts[-2:] == (experiment, "log")
    return of_tuner or environment.get("NNI_EXP_ID") == experiment


def _described(found: list[psutil.Process], ended: dict[int, str]) -> list[psutil.Process]:
    for process in found:
        ended.setdefault(process.pid, _describe(process))
    return found


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


def _wait(left: list[psutil.Process], seconds: float) -> None:
    """Wait until all have ended; psutil's own waiting takes a zombie whose parent is another process for alive."""
    until = time.monotonic() + seconds
    while any(lives(process.pid) for process in left) and time.monotonic() < until:
        time.sleep(0.05)


def _each(act: Callable[[psutil.Process], None], found: Iterable[psutil.Process]) -> None:
    for process in found:
        try:
            act(process)
        except psutil.NoSuchProcess:
            continue


def main() -> int:
    """End what is left here of the experiment named on the command line, and print it."""
    if len(sys.argv) != 2:
        print("usage: python -m rarepix.search.nni.orphans EXPERIMENT", file=sys.stderr)
        return 2
    for line in end(sys.argv[1]):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
