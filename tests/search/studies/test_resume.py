"""A real study that is killed, listed, gone on with, done, looked at and listed again."""

import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import Result
from typer.testing import CliRunner

from rarepix.cli import app
from rarepix.search.nni import database, nnictl, orphans
from rarepix.search.nni.client import Trial
from rarepix.search.nni.processes import lives
from rarepix.search.studies import listing, study
from rarepix.search.studies.listing import Overview
from rarepix.search.studies.resume import resume
from rarepix.search.studies.study import Study, StudyError
from rarepix.search.studies.watch import Outcome, watch
from rarepix.settings import ConfigError
from tests.search.lab import Lab
from tests.search.ports import free_port

pytestmark = pytest.mark.full


class Story(NamedTuple):
    """What was seen on the way."""

    started: Study
    told_before: list[Trial]
    """By the manager, while two trials hang."""
    read_before: list[Trial]
    """From the disk, after the manager was killed."""
    overviews: dict[str, Overview]
    """Moment → how the list had it."""
    refusals: dict[str, str]
    """Moment → what a resume was answered."""
    ended: list[str]
    resumed: Study
    outcome: Outcome
    judged: dict[str, Result]
    """Moment → what was said of the study when it had ended."""


@pytest.fixture(scope="module")
def story(lab: Lab) -> Story:
    overviews: dict[str, Overview] = {}
    refusals: dict[str, str] = {}

    def look(moment: str) -> None:
        (overviews[moment],) = listing.overviews()

    def try_to_resume(moment: str) -> None:
        with pytest.raises(StudyError) as refused:
            resume(started.id, free_port())
        refusals[moment] = str(refused.value)

    lab.pretend(_0="hang", _1="hang")
    started = study.start(lab.study(maxTrialNumber=3), free_port())
    _until(lambda: len(list(lab.folder.glob("child-of-*"))) == 2)
    look("running")
    try_to_resume("running")
    told_before = started.manager.trials()
    os.kill(nnictl.list_experiments()[started.id].pid, signal.SIGKILL)
    _until(lambda: not nnictl.list_experiments()[started.id].alive)
    look("killed")
    judged = {"killed": CliRunner().invoke(app, ["study", "watch", started.id])}
    read_before = database.trials(nnictl.list_experiments()[started.id].folder)

    lab.pretend()
    resumed, ended = resume(started.id, free_port())
    outcome = watch(resumed, lambda trials, wrong: None, every=0.3)
    look("done")
    study.stop(resumed.id)
    look("stopped")
    judged["stopped"] = CliRunner().invoke(app, ["study", "watch", started.id])
    study.view(resumed.id, free_port())
    look("viewed")
    try_to_resume("viewed")
    study.stop(resumed.id)
    return Story(started, told_before, read_before, overviews, refusals, ended, resumed, outcome, judged)


def test_a_running_study_is_not_resumed(story: Story) -> None:
    assert "must have ended, but it runs (NNI says RUNNING)" in story.refusals["running"]


def test_a_study_that_is_looked_at_is_not_resumed(story: Story) -> None:
    assert "must be closed, but it is open for reading" in story.refusals["viewed"]


def test_an_unknown_study_is_not_resumed(story: Story) -> None:
    with pytest.raises(StudyError, match="unknown study 'nobody'"):
        resume("nobody")


def test_a_study_without_a_database_is_not_resumed(lab: Lab, story: Story, tmp_path: Path) -> None:
    experiments = lab.folder / "home" / "nni-experiments" / story.started.id / "db"
    experiments.rename(tmp_path / "db")
    with pytest.raises(StudyError, match=r"cannot be gone on with: .*nni\.sqlite must be NNI's database"):
        resume(story.started.id, free_port())
    (state,) = listing.overviews()
    (tmp_path / "db").rename(experiments)
    assert state.state == "unreadable"


def test_the_port_must_be_free(story: Story) -> None:
    with pytest.raises(ConfigError, match="the port must be a number"):
        resume(story.started.id, 0)


def test_the_disk_tells_what_the_manager_told(story: Story) -> None:
    def told(trials: list[Trial]) -> list[tuple]:
        return [(trial.id, trial.number, trial.status, trial.parameters, trial.report) for trial in trials]

    assert [trial.status for trial in story.told_before] == ["RUNNING", "RUNNING"]
    assert told(story.read_before) == told(story.told_before)


def test_what_the_killed_manager_had_left_is_ended_first(story: Story) -> None:
    """Two trials and the process that each has started, and the tuner."""
    assert sum("trials.segment" in line for line in story.ended) == 2
    assert sum("sleep 600" in line for line in story.ended) == 2
    assert sum("--exp_params" in line for line in story.ended) >= 1


def test_interrupted_trials_run_again_under_their_ids(story: Story) -> None:
    assert story.outcome.exit_code == 0
    assert story.outcome.summary() == "3 of 3 trials done"
    before = {trial.id: trial.parameters for trial in story.told_before}
    after = {trial.id: trial.parameters for trial in story.outcome.trials}
    assert before.items() <= after.items()
    assert story.resumed.folder == story.started.folder


def test_no_process_is_left(lab: Lab, story: Story) -> None:
    assert orphans.processes(story.started.id) == []
    assert not any(lives(int(file.read_text())) for file in lab.folder.glob("child-of-*"))


def test_the_list_tells_how_a_study_is(story: Story) -> None:
    assert {moment: (seen.state, f"{seen.done}/{seen.planned}") for moment, seen in story.overviews.items()} == {
        "running": ("running", "0/3"),
        "killed": ("died", "0/3"),
        "done": ("done", "3/3"),
        "stopped": ("done", "3/3"),
        "viewed": ("open", "3/3"),
    }
    assert story.overviews["stopped"].best == 0.5
    assert story.overviews["killed"].results == story.started.folder


def test_the_list_is_lines_that_a_program_can_read(story: Story) -> None:
    out = io.StringIO()
    listing.show(list(story.overviews.values())[-1:], out)
    heading, line = out.getvalue().splitlines()
    assert heading.split() == ["study", "name", "state", "trials", "best", "begun", "results"]
    assert line.split()[:5] == [story.started.id, "pretended", "open", "3/3", "0.5000"]
    assert heading.index("results") == line.index(str(story.started.folder))


def test_how_it_ended_can_be_asked_afterwards(story: Story) -> None:
    killed, stopped = story.judged["killed"], story.judged["stopped"]
    assert killed.exit_code == 2
    assert f"`rarepix study resume {story.started.id}` goes on" in killed.output
    assert (stopped.exit_code, stopped.output) == (0, f"study {story.started.id}: 3 of 3 trials done\n")


def test_what_has_reached_its_limit_is_not_resumed(story: Story) -> None:
    with pytest.raises(StudyError, match="it has reached maxTrialNumber or maxExperimentDuration"):
        resume(story.started.id, free_port())


def test_stopping_what_has_ended_does_no_harm(story: Story) -> None:
    assert study.stop(story.started.id) == []


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
