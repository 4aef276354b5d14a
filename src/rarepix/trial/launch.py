"""A trial on several devices: the process that was started runs one process (rank) per device and supervises them.

It computes nothing itself, so that a signal always reaches it and a rank that hangs cannot hold it up. It alone holds
the lock on the trial's folder, talks to NNI and reports; a rank gets the finished configuration. The ranks train by
Lightning's DDP; rank 0 writes the files. No rank outlives the supervisor, whatever ends it.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from rarepix.records import Failure, TrialRecord
from rarepix.trial.lifecycle import RankFailed, RunContext, describe_failure

POLL_SECONDS = 0.05
Work = Callable[[RunContext, TrialRecord], object]


def run_ranks(work: Work, context: RunContext, record: TrialRecord) -> None:
    """Do *work* in one process per device, of which none is left at the end; ``context.report`` gets their reports.

    Raises:
        RankFailed: a rank failed or was killed; the cause is that of the first one.
        RuntimeError: this process was itself started as one of several, by torchrun.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise RuntimeError("engine.devices starts the processes of a trial itself: start it once, without torchrun")
    spawn = multiprocessing.get_context("spawn")
    messages = spawn.SimpleQueue()
    ranks: list[BaseProcess] = []
    with tempfile.TemporaryDirectory(prefix="rarepix-") as folder:
        rank_context = replace(context, report=messages.put)
        try:
            for rank in range(context.config.engine.devices):
                arguments = (rank, work, rank_context, record, Path(folder) / "meeting")
                ranks.append(spawn.Process(target=_run_rank, args=arguments))
                ranks[-1].start()
            _supervise(ranks, messages, context.report)
        finally:
            for process in ranks:
                process.kill()
                process.join()


def _supervise(ranks: list[BaseProcess], messages: SimpleQueue, report: Callable[[dict[str, float]], None]) -> None:
    """Pass reports on until all ranks have finished; raise ``RankFailed`` when one fails."""
    while True:
        codes = [process.exitcode for process in ranks]  # read before the messages: a rank sends its error, then ends
        failures = []
        while not messages.empty():
            message = messages.get()
            if isinstance(message, dict):
                report(message)
            else:
                failures.append(message)
        killed = {rank: process.exitcode for rank, process in enumerate(ranks) if (process.exitcode or 0) < 0}
        if failures and not killed:  # if one was killed, the others only complain that the connection was lost
            rank, cause, text = failures[0]
            error = RankFailed(rank, len(ranks), cause)
            error.add_note(text)
            raise error
        if lost := killed or {rank: code for rank, code in enumerate(codes) if code}:
            rank, code = next(iter(lost.items()))
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            cause = Failure(type="ProcessLost", message=f"a process of the trial {how}", where="")
            raise RankFailed(rank, len(ranks), cause)
        if all(code == 0 for code in codes):
            return
        time.sleep(POLL_SECONDS)


def _run_rank(rank: int, work: Work, context: RunContext, record: TrialRecord, meeting_file: Path) -> None:
    """Do *work* as one of the ranks; send an error to the supervisor."""
    # signals that stop a trial are for the supervisor: Lightning's handler would wait for the other ranks
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    threading.Thread(target=_exit_with_supervisor, daemon=True).start()
    if rank:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # only rank 0 prints
    # before torch is imported: DDP warns at each start when a network has no unused parameters
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        from rarepix.engine import distributed
        from rarepix.engine.hardware import choose_hardware

        gpu = choose_hardware(context.config.engine).is_gpu
        distributed.join_group(meeting_file, rank, context.config.engine.devices, gpu=gpu)
        work(context, record)
        distributed.leave_group()
    except Exception as error:
        context.report((rank, describe_failure(error), "".join(traceback.format_exception(error))))
        os._exit(1)  # an orderly exit could wait for the other ranks for ever


def _exit_with_supervisor() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
