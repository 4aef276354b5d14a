"""The comparison finds what is wrong, and nothing in a real study. (In full: python -m tests.faults.truth.)"""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import truth
from tests.faults.truth import Told
from tests.search.lab import Lab

pytestmark = pytest.mark.full

GOOD = Told("7", {"x": 1}, "SUCCEEDED", 0.5)
DEAD = Told("8", {"x": 2}, "FAILED")


def sources(**changed: dict[str, Told]) -> dict[str, dict[str, Told]]:
    """Return what the four tell of trial a (number 0, good) and trial b (number 3, which dies before it asks)."""
    both = {"a": GOOD, "b": DEAD}
    return {"record": {"a": GOOD}, "database": both, "web UI": both, "export": {"a": GOOD}} | {
        name.replace("_", " "): told for name, told in changed.items()
    }


@pytest.mark.parametrize(
    ("changed", "numbers", "wrong"),
    [
        ({}, {"a": 0, "b": 3}, {}),
        ({"export": {"a": replace(GOOD, parameters={"x": 2})}}, {"a": 0, "b": 3}, {"a": "parameters: "}),
        ({"record": {"a": replace(GOOD, parameter_id="8")}}, {"a": 0, "b": 3}, {"a": "parameter_id: "}),
        ({"export": {"a": replace(GOOD, final=0.4)}}, {"a": 0, "b": 3}, {"a": "final: "}),
        ({"export": {"b": GOOD}}, {"a": 0, "b": 3}, {"a": "good: told of by ", "b": "die: told of by "}),
        ({"record": {"c": GOOD}}, {"a": 0, "b": 3}, {"a": "good: told of by ", "c": "unknown to the web UI"}),
        ({}, {"a": 0, "b": 0}, {"all": "the numbers must be 0, 3", "b": "good: told of by "}),
    ],
)
def test_what_is_told_wrongly_is_found(
    changed: dict[str, dict[str, Told]], numbers: dict[str, int], wrong: dict[str, str]
) -> None:
    found = truth.compare(sources(**changed), numbers, [0, 3])
    assert found.keys() == wrong.keys()
    for trial, begins in wrong.items():
        assert found[trial][0].startswith(begins)


def test_in_a_real_study_all_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert truth.run(Lab(tmp_path, monkeypatch), concurrency=4, trials=20) == (11, {})
