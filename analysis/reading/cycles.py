"""Python's search for cycles of objects, put off while much is made and all of it is kept."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_cycles() -> Iterator[None]:
    """Do not search for cycles in this block, or in a function that this decorates.

    Records and tables have none, and looking through all that was made so far, again and again, took half of the time
    of reading a thousand records, and a tenth of that of a report. Figures do have some: what a block leaves behind is
    found after it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
