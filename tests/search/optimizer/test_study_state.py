"""The outcome of a run by the end of its job, and the exit code by which a trial gives the cause of its failure."""

import pytest
import torch

from rarepix.engine.module import NonFiniteLoss
from rarepix.search.nni.study_context import outcome_of
from rarepix.trial.lifecycle import NON_FINITE, OTHER, OUT_OF_MEMORY, exit_code

FINAL = {"default": 0.5}


@pytest.mark.parametrize(
    ("event", "code", "why", "final", "expected"),
    [
        ("SUCCEEDED", 0, None, FINAL, ("complete", None)),
        ("FAILED", 1, None, FINAL, ("complete", None)),
        ("EARLY_STOPPED", None, "pruned", FINAL, ("complete", None)),
        ("EARLY_STOPPED", None, "pruned", {}, ("stopped", None)),
        ("EARLY_STOPPED", None, "hung", {}, ("failed", "hung")),
        ("EARLY_STOPPED", None, None, {}, ("failed", "too_long")),
        ("USER_CANCELED", None, None, {}, ("canceled", None)),
        ("SUCCEEDED", 0, None, {}, ("failed", "no_result")),
        ("SUCCEEDED", 0, None, {"default": float("nan")}, ("failed", "no_result")),
        ("FAILED", None, None, {}, ("failed", "lost")),
        ("FAILED", 137, None, {}, ("failed", "lost")),
        ("FAILED", OUT_OF_MEMORY, None, {}, ("failed", "out_of_memory")),
        ("FAILED", NON_FINITE, None, {}, ("failed", "non_finite")),
        ("FAILED", 1, None, {}, ("failed", "crash")),
        ("FAILED", 3, None, {}, ("failed", "crash")),
    ],
)
def test_the_outcome_follows_from_the_end_of_the_job(event, code, why, final, expected):
    assert outcome_of(event, code, why_stopped=why, final=final) == expected


def test_the_exit_code_gives_the_cause():
    with pytest.raises(RuntimeError) as too_much:
        torch.empty(2**45, dtype=torch.float64)
    assert exit_code(too_much.value) == OUT_OF_MEMORY
    assert exit_code(torch.OutOfMemoryError("CUDA out of memory")) == OUT_OF_MEMORY
    assert exit_code(MemoryError()) == OUT_OF_MEMORY
    assert exit_code(NonFiniteLoss("at step 3")) == NON_FINITE
    assert exit_code(ValueError("anything else")) == OTHER
