"""What a person sees of a study, and how watch deals with a manager that falters."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from rarepix.search import nnictl, progress
from rarepix.search.rest import ManagerGone, Report, Trial
from rarepix.search.watch import watch

PARAMETERS = {"optim.lr": 0.0012345, "loss": {"_name": "focal", "gamma": 2.0}, "sampling.kind": "uniform"}


def trial(number: int, status: str, count: int = 0, value: float = 0.0) -> Trial:
    """Return a trial as the manager would tell it."""
    report = Report(count=count, value=value, final=status == "SUCCEEDED") if count else None
    return Trial(id=f"id{number}", number=number, status=status, parameters=PARAMETERS, report=report, seconds=None)


def test_a_line_at_the_start_at_the_end_and_seldom_in_between() -> None:
    out = io.StringIO()
    lines = progress.Lines(2, out)
    lines([trial(0, "WAITING")], {})
    lines([trial(0, "RUNNING")], {})
    lines([trial(0, "RUNNING")], {})
    lines([trial(0, "RUNNING", 1, 0.1), trial(1, "RUNNING")], {})
    lines([trial(0, "SUCCEEDED", 3, 0.5), trial(1, "FAILED")], {"id1": "DataError: no mask"})
    lines([trial(0, "SUCCEEDED", 3, 0.5), trial(1, "FAILED")], {"id1": "DataError: no mask"})
    told = [line.split(maxsplit=1)[1] for line in out.getvalue().splitlines()]
    assert told == [
        "trial 0 id0  running  optim.lr=0.00123 loss=focal(gamma=2) sampling.kind=uniform",
        "trial 1 id1  running  optim.lr=0.00123 loss=focal(gamma=2) sampling.kind=uniform",
        "trial 0 id0  done  validation 3  objective 0.5000  2 of 2 over  best 0.5000 (trial 0)",
        "trial 1 id1  FAILED: DataError: no mask  2 of 2 over  " + progress.short(PARAMETERS),
    ]


def test_a_running_trial_is_told_again_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    out, now = io.StringIO(), [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    lines = progress.Lines(None, out)
    for count in range(4):
        lines([trial(0, "RUNNING", count, count / 10)], {})
        now[0] += 3
    assert [line.rpartition("validation ")[2][:1] for line in out.getvalue().splitlines()[1:]] == ["2"]


def test_the_table_shows_every_trial() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=120)
    console.print(progress._table([trial(0, "RUNNING", 2, 0.25), trial(1, "FAILED")], {"id1": "[lost]"}, 8))
    text = console.file.getvalue()
    assert "FAILED: [lost]" in text
    assert "1 of 8 over" in text
    assert "best 0.2500 (trial 0)" in text


@dataclass
class PretendedStudy:
    """A study whose manager says what it is told to say."""

    says: list
    id: str = "x1"
    trial_seconds: float = 60
    folder: Path = Path("none")
    logs: Path = Path("none")
    asked: int = field(default=0)

    @property
    def manager(self) -> "PretendedStudy":
        return self

    def status(self) -> tuple[str, list[str]]:
        self.now = self.says[min(self.asked, len(self.says) - 1)]
        self.asked += 1
        if self.now is None:
            raise ManagerGone("nobody answers")
        return self.now[0], ["trouble"]

    def trials(self) -> list[Trial]:
        return self.now[1]


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """NNI's list, in which the study is alive until it has been asked for twice, and then ended in order."""
    says = iter([(True, False), (True, False)])

    def listed() -> dict:
        alive, ended = next(says, (False, True))
        return {"x1": SimpleNamespace(alive=alive, ended=ended)}

    monkeypatch.setattr(nnictl, "listed", listed)


STOPPED = [trial(0, "EARLY_STOPPED")]


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(
    ("says", "code", "broken"),
    [
        ([("RUNNING", STOPPED), None, None, ("DONE", STOPPED)], 0, None),
        ([("RUNNING", []), ("TUNER_NO_MORE_TRIAL", STOPPED)], 0, None),
        ([("ERROR", STOPPED)], 2, "trouble. Its logs are in none"),
        ([("RUNNING", STOPPED), None], 2, "it was stopped before its end"),
        ([("DONE", [])], 2, None),
    ],
)
def test_watch_tells_an_end_from_a_break(says: list, code: int, broken: str | None) -> None:
    outcome = watch(PretendedStudy(says), lambda trials, wrong: None, every=0)
    assert (outcome.exit_code, outcome.broken) == (code, broken)
