"""The display of a running study, and how watch deals with a manager that does not answer."""

import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from rarepix.layout import JOURNAL
from rarepix.records import Block
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import ManagerUnreachable, Report, Trial, retries
from rarepix.search.optimizer.journal import Journal, StudySummary, read_summary
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.studies import display
from rarepix.search.studies.watch import Outcome, trial_problems, watch

PARAMETERS = {"optim.lr": 0.0012345, "loss": {"_name": "focal", "gamma": 2.0}, "sampling.kind": "uniform"}


def trial(number: int, status: str, count: int = 0, value: float = 0.0) -> Trial:
    """Return a trial as the manager reports it."""
    report = Report(count=count, value=value, final=status == "SUCCEEDED") if count else None
    return Trial(id=f"id{number}", number=number, status=status, parameters=PARAMETERS, report=report, seconds=None)


def test_a_line_at_the_start_at_the_end_and_seldom_in_between() -> None:
    out = io.StringIO()
    lines = display.Lines(2, out)
    lines([trial(0, "WAITING")], {})
    lines([trial(0, "RUNNING")], {})
    lines([trial(0, "RUNNING")], {})
    lines([trial(0, "RUNNING", 1, 0.1), trial(1, "RUNNING")], {})
    lines([trial(0, "SUCCEEDED", 3, 0.5), trial(1, "FAILED")], {"id1": "DataError: no mask"})
    lines([trial(0, "SUCCEEDED", 3, 0.5), trial(1, "FAILED")], {"id1": "DataError: no mask"})
    printed = [line.split(maxsplit=1)[1] for line in out.getvalue().splitlines()]
    assert printed == [
        "trial 0 id0  running  optim.lr=0.00123 loss=focal(gamma=2) sampling.kind=uniform",
        "trial 1 id1  running  optim.lr=0.00123 loss=focal(gamma=2) sampling.kind=uniform",
        "trial 0 id0  done  validation 3  objective 0.5000  2 of 2 finished  best 0.5000 (trial 0)",
        "trial 1 id1  FAILED: DataError: no mask  2 of 2 finished  " + display.format_parameters(PARAMETERS),
    ]


def test_a_running_trial_is_printed_again_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    out, now = io.StringIO(), [100.0]
    monkeypatch.setattr(display, "time", SimpleNamespace(monotonic=lambda: now[0]))
    lines = display.Lines(None, out)
    for count in range(4):
        lines([trial(0, "RUNNING", count, count / 10)], {})
        now[0] += 3
    assert [line.rpartition("validation ")[2][:1] for line in out.getvalue().splitlines()[1:]] == ["2"]


def test_the_table_shows_every_trial() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=120)
    trials = [trial(0, "RUNNING", 2, 0.25), trial(1, "FAILED")]
    console.print(
        display._table(trials, {"id1": "[lost]"}, display._finished(trials, 8, 2), display.BestObjective()(trials))
    )
    text = console.file.getvalue()
    assert "FAILED: [lost]" in text
    assert "1 of 8 finished" in text
    assert "best 0.2500 (trial 0)" in text


def running(number: int, started: float, reported: float | None = None) -> Trial:
    """Return a running trial that began and last reported so many seconds ago."""
    now = time.time()
    report = Report(count=1, value=0.0, final=False, when=now - reported) if reported is not None else None
    return replace(trial(number, "RUNNING"), started=now - started, report=report)


def done(number: int, seconds: float) -> Trial:
    """Return a trial that took so many seconds."""
    return replace(trial(number, "SUCCEEDED", 3, 0.5), seconds=seconds, started=0.0)


def again(number: int, status: str, of: int) -> Trial:
    """Return a trial that continues trial *of*."""
    return replace(trial(number, status), parameters=PARAMETERS | {"continues": f"id{of}"}, started=1.0)


def test_a_long_time_without_a_report_is_shown() -> None:
    assert display.without_report(running(0, 299)) == ""
    assert display.without_report(running(0, 730)) == "no report for 12 min"
    assert display.without_report(running(0, 3000, reported=10)) == ""
    assert display.without_report(running(0, 3000, reported=301)) == "no report for 5 min"
    assert display.without_report(running(0, 10, reported=3000)) == "", "its report is of an earlier attempt"
    assert display.without_report(done(0, 1)) == ""


def test_a_time_without_a_report_is_printed_once_a_minute() -> None:
    out = io.StringIO()
    lines = display.Lines(1, out)
    lines([running(0, 730)], {})
    lines([running(0, 731)], {})
    assert out.getvalue().count("running  no report for 12 min") == len(out.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("trials", "total", "concurrency", "left"),
    [
        (lambda: [], 8, 2, None),
        (lambda: [running(0, 50)], 8, 2, None),
        (lambda: [done(0, 100)], None, 2, None),
        (lambda: [done(0, 100), done(1, 100)], 2, 2, None),
        (lambda: [done(0, 100), done(1, 300)], 6, 2, 400),
        (lambda: [done(0, 100), running(1, 40), running(2, 500)], 5, 2, 130),  # of 400 s, 40 and at most 100 are over
        (lambda: [done(0, 100)], 3, 8, 100),
        (lambda: [done(0, 100), trial(1, "FAILED"), again(2, "RUNNING", of=1)], 3, 1, 100),
    ],
)
def test_the_time_left_comes_from_what_finished_trials_took(
    trials: Callable[[], list[Trial]], total: int | None, concurrency: int, left: float | None
) -> None:
    assert display.time_left(trials(), total, concurrency) == (None if left is None else pytest.approx(left, abs=1))


def test_a_retried_trial_is_no_failure() -> None:
    out = io.StringIO()
    trials = [trial(0, "FAILED"), again(3, "FAILED", of=0), again(5, "SUCCEEDED", of=0), trial(4, "FAILED")]
    assert retries(trials) == {"id0": 5, "id3": 5}
    assert display.state(trials[0], {}, retries(trials)) == "retried as trial 5"
    assert "continues" not in display.format_parameters(trials[1].parameters)
    display.Lines(8, out)(trials, {"id4": "lost"})
    assert "2 of 8 finished" in out.getvalue()
    outcome = Outcome(
        tuple(trials), {"id4": "lost"}, search=StudySummary(configurations=2, blocks=1, anomalies={"late": 3})
    )
    assert outcome.summary() == "1 of 2 trials done, 1 failed, 2 tried again, 3 reports too late"


@dataclass
class PretendedStudy:
    """A study whose manager gives the answers in *says*."""

    says: list
    id: str = "x1"
    trial_seconds: float = 60
    folder: Path = Path("none")
    logs: Path = Path("none")
    trials: int | None = None
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.manager = PretendedManager(self.says)


@dataclass
class PretendedManager:
    """Gives the answers in *says* in order, then the last one again and again; None: it does not answer."""

    says: list
    asked: int = field(default=0)

    def status(self) -> tuple[str, list[str]]:
        self.now = self.says[min(self.asked, len(self.says) - 1)]
        self.asked += 1
        if self.now is None:
            raise ManagerUnreachable("nobody answers")
        return self.now[0], ["trouble"]

    def trials(self) -> list[Trial]:
        return self.now[1]


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """NNI's list of experiments: the study is alive in the first two answers, then it has ended normally."""
    says = iter([(True, False), (True, False)])

    def listed() -> dict:
        alive, ended = next(says, (False, True))
        return {"x1": SimpleNamespace(alive=alive, ended=ended, started=0.0)}

    monkeypatch.setattr(nnictl, "list_experiments", listed)


STOPPED = [trial(0, "EARLY_STOPPED")]


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(
    ("says", "code", "broken"),
    [
        ([("RUNNING", STOPPED), None, None, ("DONE", STOPPED)], 0, None),
        ([("RUNNING", []), ("TUNER_NO_MORE_TRIAL", STOPPED)], 0, None),
        ([("ERROR", STOPPED)], 2, "trouble. Its logs are in none"),
        ([("RUNNING", STOPPED), None], 2, "it was stopped before its end; continue it with `rarepix study resume x1`"),
        ([("DONE", [])], 2, None),
    ],
)
def test_watch_distinguishes_an_end_from_a_break(says: list, code: int, broken: str | None) -> None:
    outcome = watch(PretendedStudy(says), lambda trials, wrong: None, every=0)
    assert (outcome.exit_code, outcome.broken) == (code, broken)


SPACE = {"optim.lr": {"_type": "uniform", "_value": [0.0, 1.0]}}
BLOCKS = (Block(seed=0, fold=0), Block(seed=1, fold=0))


def searched(folder: Path, ends: Sequence[str], *, blocks: int = 1, limit: int = 9, **settings: object) -> Scheduler:
    """Write the journal of a search into a study's folder: a run for each of *ends*, "open" if it has not ended."""
    journal = Journal(folder / JOURNAL)
    search_settings = SearchSettings(**{"sampler": "random"} | settings)
    search = Scheduler(search_settings, SPACE, {"optim.lr": 0.1}, blocks=BLOCKS[:blocks], journal=journal, limit=limit)
    for end in ends:
        run = search.next()
        search.job(run.number, f"id{run.number}")
        if end == "lost":
            search.end(run.number, "failed", end)
        elif end == "complete":
            search.end(run.number, end, metrics={"default": 0.5})
    return search


def test_the_summary_is_read_from_the_journal(tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None
    search = searched(tmp_path, ["lost", "open"], samples=2)
    search.anomaly("missing", "a")
    search.stop(1, "hung")
    summary = StudySummary(
        configurations=2, blocks=1, begun=1, unfinished=1, anomalies={"missing": 1}, hung=frozenset({"id1"})
    )
    assert read_summary(tmp_path) == summary
    assert (summary.runs, summary.left) == (2, 2)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({"configurations": [{}, {"optim.lr": 1.0}, {"optim.lr": 2.0}]}, 6),
        ({"sampler": "grid", "grid_points": 3}, 8),  # and the default one
        ({}, None),
    ],
)
def test_the_runs_are_configurations_times_blocks(tmp_path: Path, settings: dict, runs: int | None) -> None:
    Scheduler(
        SearchSettings(**settings), SPACE, {"optim.lr": 0.123}, blocks=BLOCKS, journal=Journal(tmp_path / JOURNAL)
    )
    assert read_summary(tmp_path).runs == runs


NOT_DONE = (
    "configurations were not finished: start a new study with a larger maxTrialNumber, which begins with the best of "
    "this one"
)


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(
    ("ends", "settings", "most", "broken"),
    [
        (None, {}, 2, None),
        (None, {}, 3, "its time (maxExperimentDuration) was over when 2 of 3 trials had begun"),
        (["complete", "complete"], {"samples": 2}, 2, None),
        (["complete", "complete"], {"samples": 2}, 9, None),  # whatever the limit was
        (["complete", "complete"], {"samples": 3}, 2, f"maxTrialNumber (2) was reached when 1 of 3 {NOT_DONE}"),
        (["lost", "open"], {"samples": 1}, 2, f"maxTrialNumber (2) was reached when 1 of 1 {NOT_DONE}"),
        (["complete", "lost"], {"samples": 1, "blocks": 2}, 2, None),  # no room to try again: a failed trial, no more
        (["complete", "complete"], {"sampler": "grid", "grid_points": 2}, 2,
         f"maxTrialNumber (2) was reached when 1 of 3 {NOT_DONE}"),
        (["complete", "open"], {}, 2, None),
    ],
)  # fmt: skip
def test_an_end_with_work_left_is_a_break(
    tmp_path: Path, ends: list | None, settings: dict, most: int, broken: str | None
) -> None:
    if ends:
        searched(tmp_path, ends, limit=most, **settings)
    over = [trial(number, "EARLY_STOPPED") for number in range(2)]
    outcome = watch(PretendedStudy([("DONE", over)], folder=tmp_path, trials=most), lambda *_: None, every=0)
    assert (outcome.broken or "").partition(" (classArgs")[0] == (broken or "")


def test_a_trial_that_was_stopped_because_it_hung_does_not_count(tmp_path: Path) -> None:
    """NNI gives it the same status as one that a pruner has stopped."""
    search = searched(tmp_path, ["open", "open"], samples=2)
    search.stop(0, "pruned")
    search.stop(1, "hung")
    both = [trial(number, "EARLY_STOPPED") for number in range(2)]
    assert trial_problems(PretendedStudy([], folder=tmp_path), both) == {
        "id0": None,
        "id1": "stopped because it had not reported for too long (heartbeat_timeout)",
    }


@pytest.mark.usefixtures("alive")
def test_a_study_that_is_open_for_reading_is_not_followed() -> None:
    outcome = watch(PretendedStudy([("VIEWED", STOPPED)]), lambda *_: None, every=0)
    assert "it does not run, it is open for reading" in outcome.broken


def test_the_best_objective_is_remembered() -> None:
    best = display.BestObjective()
    assert best([trial(0, "RUNNING")]) == ""
    assert best([trial(0, "RUNNING", 3, 0.6), trial(1, "RUNNING", 1, 0.2)]) == "best 0.6000 (trial 0)"
    assert best([trial(0, "RUNNING", 4, 0.5), trial(1, "RUNNING", 2, 0.55)]) == "best 0.6000 (trial 0)"
    assert best([trial(0, "RUNNING", 5, math.nan), trial(1, "RUNNING", 3, 0.7)]) == "best 0.7000 (trial 1)"
