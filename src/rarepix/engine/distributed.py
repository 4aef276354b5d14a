"""The processes (ranks) of one trial on several devices, one per device: rank, size and a few collectives.

In a trial of one process every function here returns at once and copies nothing.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn


def join_group(meeting_file: Path, rank: int, size: int, *, gpu: bool) -> None:
    """Become process *rank* of *size*, before Lightning's Trainer is built; returns when all processes have joined.

    They find one another by *meeting_file*, which must be new, and talk over the loopback interface alone: a group
    that meets at a TCP port would listen on every interface of the machine.
    """
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0"}  # tells Lightning that the processes are started already
    if gpu:
        torch.cuda.set_device(rank)
    device = torch.device("cuda", rank) if gpu else None
    dist.init_process_group(
        "nccl" if gpu else "gloo", init_method=f"file://{meeting_file}", rank=rank, world_size=size, device_id=device
    )


def leave_group() -> None:
    """Wait for the other processes to finish, then leave."""
    dist.barrier()
    dist.destroy_process_group()


def world_size() -> int:
    """Return the number of processes of this trial."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main_process() -> bool:
    """Return whether this is the process that writes files."""
    return rank() == 0


@contextmanager
def main_process_first() -> Iterator[None]:
    """Let the main process run the block before the others, which then find its results in the cache."""
    if not is_main_process():
        dist.barrier()
    yield
    if world_size() > 1 and is_main_process():
        dist.barrier()


def all_reduce_sum(values: Tensor) -> Tensor:
    """Return the sum of *values* over all processes, exact for integers."""
    if world_size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def broadcast_buffers(model: nn.Module) -> None:
    """Give every process the main process's buffers, such as the running statistics of batch normalisation."""
    if world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)
