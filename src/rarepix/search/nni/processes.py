"""Whether a process runs."""

import psutil


def lives(pid: int | None) -> bool:
    """Return whether a process runs; one that has ended does not, even if nobody has asked yet how (a zombie).

    Where a process's parent has died and nothing reaps, as in some containers, it stays in the list for ever.
    """
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
