"""How a trial tells the search why it failed: by its exit code, which gets through from any machine."""

from rarepix.trial.launch import RankFailed

OUT_OF_MEMORY = 75
NON_FINITE = 76
OTHER = 1


def exit_code(error: BaseException) -> int:
    """Return the exit code of a trial that *error* ended."""
    name, text = error.cause.type if isinstance(error, RankFailed) else type(error).__name__, str(error)
    # torch says it with a class of its own on a GPU, with a plain RuntimeError on a CPU
    if name in ("OutOfMemoryError", "MemoryError") or "can't allocate memory" in text or "out of memory" in text:
        return OUT_OF_MEMORY
    return NON_FINITE if name == "NonFiniteLoss" else OTHER
