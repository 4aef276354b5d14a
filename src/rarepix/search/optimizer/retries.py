"""Which runs are run again: those that failed fewer times for their cause than the study allows."""

from rarepix.search.optimizer.settings import Retries
from rarepix.search.optimizer.study_state import Run, StudyState


def should_retry(run: Run, history: StudyState, retries: Retries) -> bool:
    """Return whether *run* failed, has not been run again yet, and may be."""
    if run.outcome != "failed" or history.last_attempts(run.configuration)[run.block] is not run:
        return False
    attempts = [other for other in history.runs_of[run.configuration] if other.block == run.block]
    return sum(other.cause == run.cause for other in attempts) <= getattr(retries, run.cause, 0)
