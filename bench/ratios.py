"""Pairs of rates that were measured in turn, and their ratios."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch


class Pair(NamedTuple):
    """Images per second of the thing and of what it is held against, measured one after the other."""

    ours: float
    reference: float


def now(device: torch.device) -> float:
    """Return the time, after what *device* has still to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def rate(work: Callable[[], int], device: torch.device) -> float:
    """Return images per second of *work*, which returns how many images it handled."""
    began = now(device)
    images = work()
    return images / (now(device) - began)


def describe(name: str, pairs: list[Pair]) -> str:
    """Return one line: the median ratio with its spread, and both rates."""
    ratios = sorted(pair.ours / pair.reference for pair in pairs)
    return (
        f"{name}: ratio {statistics.median(ratios):.3f} "
        f"(min {ratios[0]:.3f}, max {ratios[-1]:.3f}, n = {len(ratios)}); "
        f"{statistics.median(pair.ours for pair in pairs):.1f} against "
        f"{statistics.median(pair.reference for pair in pairs):.1f} images/s"
    )
