"""A trial on several devices, seen by the process that was started: it starts one process (rank) for each and ends all.

It computes nothing itself, so that it can always listen, be interrupted, and say how the trial ended. It alone holds
the trial's folder, receives parameters and reports; a rank gets a finished configuration and knows nothing of NNI.
Ranks end with it, whatever ends it: they read from a pipe that it holds open.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO

import psutil

from rarepix.config import TrialConfig
from rarepix.records import Failure
from rarepix.trial.lifecycle import RunContext

LOOK = 0.1
"""Seconds between looks at whether all ranks are alive."""
GRACE = 2.0
"""Seconds that the other ranks get to say what is wrong, when one has failed: the first one is the cause."""
FAREWELL = 20.0
"""Seconds that ranks get to end by themselves when the trial is complete."""


class RankFailed(RuntimeError):
    """One of the processes of a trial failed, and with it the trial."""

    def __init__(self, rank: int, size: int, cause: Failure) -> None:
        super().__init__(f"{cause.type}: {cause.message} (process {rank} of a trial on {size} devices)")
        self.cause = cause


def run_ranks(
    config: TrialConfig, place: RunContext, listener: Callable[[dict[str, float]], None], *, began: float
) -> None:
    """Run the trial, whose record has been begun, with a process per device; its record is complete when this returns.

    *listener* hears the scores of each validation once, in this process. *began* is when the trial's first process
    did, in seconds since 1970. No rank is left when this returns or raises.

    Raises:
        RankFailed: a process failed or was killed. Where several did, it is the one that did so first.
        RuntimeError: this process was itself started as one of several, by torchrun.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise RuntimeError("engine.devices starts the processes of a trial itself: start it once, without torchrun")
    with tempfile.TemporaryDirectory(prefix="rarepix-") as folder:
        job = {
            "config": config.model_dump(mode="json"),
            "place": asdict(place) | {"results": str(place.results)},
            "meeting": str(Path(folder) / "meeting"),
            "size": config.engine.devices,
            "began": began,
        }
        ranks: list[_Rank] = []
        inbox: queue.SimpleQueue[tuple[int, dict]] = queue.SimpleQueue()
        try:
            for number in range(config.engine.devices):
                ranks.append(_Rank(number, job, Path(folder), inbox))
            _follow(ranks, inbox, listener)
        finally:
            for rank in ranks:
                rank.end()


class _Rank:
    """One process, what it is told and what it says."""

    def __init__(self, number: int, job: dict, folder: Path, inbox: queue.SimpleQueue) -> None:
        self.number = number
        self.errors = folder / f"{number}.err"
        mouth, pen = os.pipe()
        with self.errors.open("wb") as errors, os.fdopen(pen, "wb"):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rarepix.trial.rank"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if number else None,
                stderr=errors if number else None,
                pass_fds=(pen,),
            )
        threading.Thread(target=self._listen, args=(os.fdopen(mouth, encoding="utf-8"), inbox), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):  # it has ended, as will be seen
            self.process.stdin.write(json.dumps(job | {"rank": number, "tell": pen}).encode() + b"\n")
            self.process.stdin.flush()

    def _listen(self, words: IO[str], inbox: queue.SimpleQueue) -> None:
        with words:
            for line in words:
                inbox.put((self.number, json.loads(line)))

    def death(self) -> Failure | None:
        """Return how it died, if it did."""
        code = self.process.poll()
        if not code:
            return None
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        said = self.errors.read_text(errors="replace").strip().splitlines()
        last = f"; its last words: {said[-1]}" if said else ""
        return Failure(type="ProcessLost", message=f"a process of the trial {how}{last}", where="")

    def end(self) -> None:
        """End it and the processes that it started, and wait for it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.stdin.close()
        self.process.wait()


def _follow(ranks: list[_Rank], inbox: queue.SimpleQueue, listener: Callable[[dict[str, float]], None]) -> None:
    """Pass on what the ranks say until the leader has written the complete record and all have ended."""
    while True:
        for number, said in _said(inbox):
            if "scores" in said:
                listener(said["scores"])
            elif "failure" in said:
                raise _first_failure(ranks, inbox, [(number, said)])
            else:
                _wait_for(ranks)
                return
        if any(rank.death() for rank in ranks):
            raise _first_failure(ranks, inbox, [])


def _said(inbox: queue.SimpleQueue) -> list[tuple[int, dict]]:
    """Return what a rank has said, or nothing after a while."""
    try:
        return [inbox.get(timeout=LOOK)]
    except queue.Empty:
        return []


def _first_failure(ranks: list[_Rank], inbox: queue.SimpleQueue, heard: list[tuple[int, dict]]) -> RankFailed:
    """Return the failure that the others followed from.

    A process that was killed says nothing, and its fellows then complain of a lost connection: so it comes first.
    """
    until = time.monotonic() + GRACE
    while time.monotonic() < until and len(heard) < len(ranks):
        heard += [(number, said) for number, said in _said(inbox) if "failure" in said]
    told = {number for number, _ in heard}
    silent = [(rank.number, rank.death()) for rank in ranks if rank.number not in told and rank.death()]
    if silent:
        number, cause = silent[0]
        return RankFailed(number, len(ranks), cause)
    number, said = min(heard, key=lambda pair: pair[1]["at"])
    error = RankFailed(number, len(ranks), Failure(**said["failure"]))
    error.add_note(said["traceback"])
    return error


def _wait_for(ranks: list[_Rank]) -> None:
    """Let the ranks of a complete trial end by themselves, for a while."""
    until = time.monotonic() + FAREWELL
    for rank in ranks:
        with contextlib.suppress(subprocess.TimeoutExpired):
            rank.process.wait(timeout=max(0.0, until - time.monotonic()))
