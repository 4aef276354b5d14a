"""What the end of a trial job means for its run."""

from collections.abc import Mapping

from rarepix.search.optimizer.study_state import finite
from rarepix.trial.exit_codes import NON_FINITE, OUT_OF_MEMORY

CAUSES = {OUT_OF_MEMORY: "out_of_memory", NON_FINITE: "non_finite", None: "lost", 137: "lost", 143: "lost"}
"""Exit code → cause. None: ended by a signal, or its machine was lost; 128 + n is how shells say the former."""


def outcome_of(
    event: str, exit_code: int | None, *, why_stopped: str | None, final: Mapping[str, float]
) -> tuple[str, str | None]:
    """Return outcome and cause of a run whose job ended with NNI's *event*.

    A final report counts, whatever came after it. *why_stopped* says why the search asked it to stop, if it did.
    """
    if finite(final, "objective") is not None:
        return "complete", None
    if why_stopped == "pruned":
        return "stopped", None
    if why_stopped == "hung":
        return "failed", "hung"
    if event == "USER_CANCELED":
        return "canceled", None
    if event == "EARLY_STOPPED":  # NNI's own doing: maxTrialDuration
        return "failed", "too_long"
    if event == "SUCCEEDED":
        return "failed", "no_result"
    return "failed", CAUSES.get(exit_code, "crash")
