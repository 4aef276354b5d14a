"""A progress bar that shows nothing."""

from contextlib import nullcontext


def no_bar(shown: str, steps: int):
    """Return the context of a bar that nobody sees."""
    return nullcontext(lambda done: None)
