"""What the log of an experiment's manager says about its end."""

import json
from pathlib import Path

import pytest

from rarepix.search.nni.nnictl import last_state, list_experiments


def write_log(folder: Path, states: list[str]) -> None:
    (folder / "log").mkdir(parents=True)
    line = "[2026-01-01 00:00:00] INFO (NNIManager) Change NNIManager status from: X to: {}\n"
    (folder / "log" / "nnimanager.log").write_text("".join(line.format(state) for state in states))


@pytest.mark.parametrize(
    ("states", "last"),
    [
        (["RUNNING", "NO_MORE_TRIAL", "DONE", "STOPPING", "STOPPED", "VIEWED"], "DONE"),
        (["RUNNING"], "RUNNING"),
        (["RUNNING", "ERROR", "STOPPED", "RUNNING"], "RUNNING"),
        ([], None),
    ],
)
def test_the_log_says_how_far_the_manager_was(tmp_path: Path, states: list[str], last: str | None) -> None:
    write_log(tmp_path, states)
    assert last_state(tmp_path) == last


def test_without_a_log_nothing_is_known(tmp_path: Path) -> None:
    assert last_state(tmp_path) is None


@pytest.mark.parametrize(
    ("states", "end", "ended"),
    [
        (["RUNNING", "STOPPING", "STOPPED"], 2000, True),
        (["RUNNING", "DONE", "STOPPING", "STOPPED", "RUNNING", "DONE", "RUNNING"], 2000, False),  # an extension's end
        (["RUNNING"], "N/A", False),
        ([], 2000, True),
    ],
)
def test_an_experiment_that_was_killed_beyond_a_limit_was_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[str], end: object, ended: bool
) -> None:
    """NNI keeps the time at which a limit was reached when the limit is raised, as that of the end."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "nni-experiments"
    write_log(folder / "x1", states)
    entry = {"experimentName": "s", "logDir": str(folder), "startTime": 1000, "endTime": end, "port": 1, "pid": None}
    (folder / ".experiment").write_text(json.dumps({"x1": entry}))
    assert list_experiments()["x1"].ended is ended
