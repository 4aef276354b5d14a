"""NNI's durations: whole seconds, or a number with a unit."""

from typing import Annotated, Any

from pydantic import BeforeValidator

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def in_seconds(duration: int | str) -> float:
    """Return a duration of NNI's (``90``, ``90s``, ``1.5h``) in seconds."""
    return float(duration[:-1]) * UNITS[duration[-1].lower()] if isinstance(duration, str) else float(duration)


def _must_be_duration(value: Any) -> Any:
    try:
        positive = not isinstance(value, bool) and in_seconds(value) > 0
    except (TypeError, ValueError, LookupError):
        positive = False
    if not positive:
        raise ValueError("a duration must be whole seconds or a number with a unit (90s, 10m, 2h, 1d)")
    return value


Duration = Annotated[int | str, BeforeValidator(_must_be_duration)]
