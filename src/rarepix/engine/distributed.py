"""The processes that share one trial, a device each: which one this is, and what they tell one another.

In a trial of one process nothing is told, copied or waited for.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
import torch.distributed as dist
from torch import Tensor


def join(meeting: Path, rank: int, size: int, *, gpu: bool) -> None:
    """Become process *rank* of *size*; returns when all are there.

    They find one another by the file *meeting*, which must be new, and talk over the loopback interface alone: a
    group that met at a port would listen on every interface.
    """
    loopback = _loopback()
    os.environ |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0"}  # by these Lightning knows that it need not start others
    if gpu:
        torch.cuda.set_device(rank)
    device = torch.device("cuda", rank) if gpu else None
    dist.init_process_group(
        "nccl" if gpu else "gloo", init_method=f"file://{meeting}", rank=rank, world_size=size, device_id=device
    )


def leave() -> None:
    """Say goodbye to the others, when the work is done."""
    dist.barrier()
    dist.destroy_process_group()


def size() -> int:
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
    """Let the leader do the work before the others, who then find what it has left in the cache."""
    if size() > 1 and not is_main_process():
        dist.barrier()
    yield
    if size() > 1 and is_main_process():
        dist.barrier()


def all_reduce_sum(values: Tensor) -> Tensor:
    """Return the sum of *values* over all processes, exact for integers."""
    if size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def mean(values: Tensor) -> Tensor:
    """Return the mean of *values* over all processes; its gradient flows into all of them."""
    return values if size() == 1 else _Mean.apply(values)


def all_gather(share: Tensor) -> Tensor:
    """Return the batch of which each process has a *share* of the same shape, in the order of the processes.

    A loss of the whole batch is the loss that one process would have computed, whatever it divides by. Its gradient
    flows into the own share, times the number of processes: DistributedDataParallel takes the mean over them where
    the sum is due.
    """
    return share if size() == 1 else _WholeBatch.apply(share)


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        return all_reduce_sum(values.detach()) / size()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return all_reduce_sum(gradient) / size()


class _WholeBatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx, share: Tensor) -> Tensor:
        ctx.images = len(share)
        own = share.detach().contiguous()
        bits = own.flatten().view(torch.uint8)  # no backend lacks this type
        parts = [torch.empty_like(bits) for _ in range(size())]
        dist.all_gather(parts, bits)
        return torch.cat([part.view(own.dtype).view(own.shape) for part in parts])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        first = rank() * ctx.images
        return gradient[first : first + ctx.images] * size()


def _loopback() -> str:
    """Return the name of the interface that has 127.0.0.1."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(address.family == socket.AF_INET and address.address == "127.0.0.1" for address in addresses):
            return name
    raise RuntimeError("the processes of a trial talk over 127.0.0.1, but no network interface has this address")
