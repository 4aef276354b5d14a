"""The comparison finds differences, and none in a real study. (At length: python -m tests.faults.truth.)"""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import truth
from tests.faults.truth import Facts
from tests.search.lab import Lab

GOOD = Facts("7", {"x": 1}, "SUCCEEDED", 0.5)
DEAD = Facts("8", {"x": 2}, "FAILED")


def sources(**changed: dict[str, Facts]) -> dict[str, dict[str, Facts]]:
    """Return what the four sources say of trial a (number 0, good) and b (number 3, dies before it asks)."""
    both = {"a": GOOD, "b": DEAD}
    return {"record": {"a": GOOD}, "database": both, "web UI": both, "export": {"a": GOOD}} | {
        name.replace("_", " "): facts for name, facts in changed.items()
    }


@pytest.mark.parametrize(
    ("changed", "numbers", "wrong"),
    [
        ({}, {"a": 0, "b": 3}, {}),
        ({"export": {"a": replace(GOOD, parameters={"x": 2})}}, {"a": 0, "b": 3}, {"a": "parameters: "}),
        ({"record": {"a": replace(GOOD, parameter_id="8")}}, {"a": 0, "b": 3}, {"a": "parameter_id: "}),
        ({"export": {"a": replace(GOOD, final=0.4)}}, {"a": 0, "b": 3}, {"a": "final: "}),
        ({"export": {"b": GOOD}}, {"a": 0, "b": 3}, {"a": "good: it must be in ", "b": "die: it must be in "}),
        ({"record": {"c": GOOD}}, {"a": 0, "b": 3}, {"a": "good: it must be in ", "c": "unknown to the web UI"}),
        ({}, {"a": 0, "b": 0}, {"all": "the numbers must be 0, 3", "b": "good: it must be in "}),
    ],
)
def test_differences_are_found(
    changed: dict[str, dict[str, Facts]], numbers: dict[str, int], wrong: dict[str, str]
) -> None:
    differences = truth.compare(sources(**changed), numbers, [0, 3])
    assert differences.keys() == wrong.keys()
    for trial, begins in wrong.items():
        assert differences[trial][0].startswith(begins)


@pytest.mark.full
def test_in_a_real_study_all_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials 3, 4 and 5 end badly, each in its own way; others start beside and after them."""
    assert truth.run(Lab(tmp_path, monkeypatch), concurrency=4, trials=10) == (7, {})
