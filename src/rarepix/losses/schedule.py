"""How the weight of a term goes over the epochs: functions of the epoch, so that a resumed run needs nothing kept."""

import math
from collections.abc import Callable

from rarepix.choices import pick


def constant(alpha: float, epoch: int, **_: float) -> float:
    """Return alpha."""
    return alpha


def step(alpha: float, epoch: int, *, every: int, factor: float, limit: float, **_: float) -> float:
    """Return alpha multiplied by *factor* after each *every* epochs, at most *limit*."""
    steps = epoch // every
    if not steps or not alpha:
        return alpha
    if factor > 1 and steps * math.log(factor) > math.log(limit) - math.log(alpha):
        return limit  # factor ** steps itself may overflow
    return min(alpha * factor**steps, limit)


def linear(alpha: float, epoch: int, *, start: float, over: int, **_: float) -> float:
    """Return a share of alpha that goes straight from *start* to 1 within *over* epochs."""
    return alpha * (start + (1 - start) * min(epoch / over, 1))


def cosine(alpha: float, epoch: int, *, start: float, over: int, **_: float) -> float:
    """Return a share of alpha that goes along half a cosine from *start* to 1 within *over* epochs."""
    return alpha * (start + (1 - start) * (1 - math.cos(math.pi * min(epoch / over, 1))) / 2)


SCHEDULES: dict[str, Callable[..., float]] = {"constant": constant, "step": step, "linear": linear, "cosine": cosine}


def alpha_at(epoch: int, schedule: str, alpha: float, **parameters: float) -> float:
    """Return the weight of a term in an epoch, counted from 0."""
    return pick(SCHEDULES, schedule, "schedule")(alpha, epoch, **parameters)
