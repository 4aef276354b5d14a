"""A real study that is canceled in part, killed, resumed, finished, stopped and viewed, and listed at every step."""

import io
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request

import pytest
from click.testing import Result
from typer.testing import CliRunner

from rarepix.cli import app
from rarepix.search.nni import client, nnictl, orphans
from rarepix.search.nni.client import Trial, stored_trials
from rarepix.search.nni.orphans import is_running
from rarepix.search.studies import listing, study
from rarepix.search.studies.listing import ListedStudy
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
    canceled: str
    """Id of the trial that a person canceled."""
    from_manager: list[Trial]
    """The trials as the manager reports them, while two of them hang."""
    from_disk: list[Trial]
    """The same trials from NNI's files, after the manager was killed."""
    watched: Outcome
    """The outcome of the watch during which the manager was killed."""
    listed: dict[str, ListedStudy]
    """Moment → the study in the list."""
    refusals: dict[str, str]
    """Moment → why a resume was refused."""
    found_after_kill: str
    """Why a killed study is not found."""
    ended: list[str]
    """The orphaned processes that the resume ended."""
    resumed: Study
    outcome: Outcome
    said: dict[str, Result]
    """Moment → the answer of ``rarepix study watch``."""


@pytest.fixture(scope="module")
def story(lab: Lab) -> Story:
    listed: dict[str, ListedStudy] = {}
    refusals: dict[str, str] = {}

    def look(moment: str) -> None:
        (listed[moment],) = listing.list_studies()

    def try_to_resume(moment: str) -> None:
        with pytest.raises(StudyError) as refused:
            resume(started.id, free_port())
        refusals[moment] = str(refused.value)

    lab.pretend(_0="hang", _1="hang", _2="hang")
    started = study.start(lab.study(maxTrialNumber=3, maxTrialDuration="1h"), free_port())
    _until(lambda: len(list(lab.folder.glob("child-of-*"))) == 2)
    canceled = started.manager.trials()[0].id
    client._open(Request(f"{started.url}/api/v1/nni/trial-jobs/{canceled}", method="DELETE"), timeout=60)
    _until(lambda: len(list(lab.folder.glob("child-of-*"))) == 3)
    look("running")
    try_to_resume("running")
    from_manager = started.manager.trials()
    manager = nnictl.list_experiments()[started.id].pid
    killer = threading.Timer(1, os.kill, (manager, signal.SIGKILL))
    killer.start()
    watched = watch(started, lambda trials, wrong: None, every=0.2)
    killer.join()
    look("killed")
    with pytest.raises(StudyError) as not_found:
        study.find(started.id)
    said = {"killed": CliRunner().invoke(app, ["study", "watch", started.id])}
    from_disk = stored_trials(nnictl.list_experiments()[started.id].folder)

    lab.pretend()
    resumed, ended = resume(started.id, free_port())
    outcome = watch(resumed, lambda trials, wrong: None, every=0.3)
    look("done")
    study.stop(resumed.id)
    look("stopped")
    said["stopped"] = CliRunner().invoke(app, ["study", "watch", started.id])
    study.view(resumed.id, free_port())
    look("viewed")
    try_to_resume("viewed")
    study.stop(resumed.id)
    return Story(
        started, canceled, from_manager, from_disk, watched, listed, refusals, str(not_found.value), ended, resumed,
        outcome, said,
    )  # fmt: skip


def test_a_lost_manager_ends_the_watch(story: Story) -> None:
    assert story.watched.exit_code == 2
    assert re.search("its manager is gone .*Its logs are in", story.watched.broken)
    assert story.found_after_kill.startswith(f"the study {story.started.id} has ended")


def test_a_canceled_trial_is_distinguished_from_a_failed_one(story: Story) -> None:
    assert story.watched.wrong == story.outcome.wrong == {story.canceled: "canceled by a person"}


def test_a_running_study_is_not_resumed(story: Story) -> None:
    assert re.search(r"must have ended, but it runs \(NNI says (RUNNING|NO_MORE_TRIAL)\)", story.refusals["running"])


def test_a_study_that_is_open_for_reading_is_not_resumed(story: Story) -> None:
    assert "must be closed, but it is open for reading" in story.refusals["viewed"]


def test_an_unknown_study_is_not_resumed(story: Story) -> None:
    with pytest.raises(StudyError, match="unknown study 'nobody'"):
        resume("nobody")


def test_a_study_without_a_database_is_not_resumed(lab: Lab, story: Story, tmp_path: Path) -> None:
    database_folder = lab.folder / "home" / "nni-experiments" / story.started.id / "db"
    database_folder.rename(tmp_path / "db")
    with pytest.raises(StudyError, match=r"cannot be resumed: .*nni\.sqlite must be a whole database"):
        resume(story.started.id, free_port())
    (listed,) = listing.list_studies()
    (tmp_path / "db").rename(database_folder)
    assert listed.state == "unreadable"


def test_the_port_must_be_free(story: Story) -> None:
    with pytest.raises(ConfigError, match="the port must be a number"):
        resume(story.started.id, 0)


def test_the_files_agree_with_the_manager(story: Story) -> None:
    def fields(trials: list[Trial]) -> list[tuple]:
        return [(trial.id, trial.number, trial.status, trial.parameters, trial.report) for trial in trials]

    assert [trial.status for trial in story.from_manager] == ["USER_CANCELED", "RUNNING", "RUNNING"]
    assert fields(story.from_disk) == fields(story.from_manager)


def test_orphaned_processes_of_a_killed_manager_are_ended_first(story: Story) -> None:
    """Two trials and the process that each has started, and the tuner."""
    assert all(line.startswith("ended orphaned process ") for line in story.ended)
    assert sum("trials.segment" in line for line in story.ended) == 2
    assert sum("sleep 600" in line for line in story.ended) == 2
    assert sum("--exp_params" in line for line in story.ended) >= 1


def test_interrupted_trials_run_again_under_their_ids(story: Story) -> None:
    assert story.outcome.exit_code == 1
    assert story.outcome.summary() == "2 of 3 trials done, 1 failed"
    assert [trial.status for trial in story.outcome.trials] == ["USER_CANCELED", "SUCCEEDED", "SUCCEEDED"]
    before = {trial.id: trial.parameters for trial in story.from_manager}
    assert before == {trial.id: trial.parameters for trial in story.outcome.trials}
    assert story.resumed.folder == story.started.folder


def test_no_process_is_left_over(lab: Lab, story: Story) -> None:
    assert orphans.processes(story.started.id) == []
    assert not any(is_running(int(file.read_text())) for file in lab.folder.glob("child-of-*"))


def test_the_list_has_the_state_of_a_study(story: Story) -> None:
    assert {moment: (row.state, f"{row.done}/{row.planned}") for moment, row in story.listed.items()} == {
        "running": ("running", "0/3"),
        "killed": ("died", "0/3"),
        "done": ("done", "2/3"),
        "stopped": ("done", "2/3"),
        "viewed": ("open", "2/3"),
    }
    assert story.listed["stopped"].best == 0.5
    assert story.listed["killed"].results == story.started.folder


def test_the_list_has_columns_that_a_program_can_read(story: Story) -> None:
    out = io.StringIO()
    listing.print_studies(list(story.listed.values())[-1:], out)
    heading, line = out.getvalue().splitlines()
    assert heading.split() == ["study", "name", "state", "trials", "best", "begun", "results"]
    assert line.split()[:5] == [story.started.id, "pretended", "open", "2/3", "0.5000"]
    assert heading.index("results") == line.index(str(story.started.folder))


def test_watch_says_afterwards_how_a_study_ended(story: Story) -> None:
    killed, stopped = story.said["killed"], story.said["stopped"]
    assert killed.exit_code == 2
    assert f"continue it with `rarepix study resume {story.started.id}`" in killed.output
    assert stopped.exit_code == 1
    assert stopped.output.splitlines() == [
        f"trial {story.canceled}: canceled by a person",
        f"study {story.started.id}: 2 of 3 trials done, 1 failed",
    ]


def test_a_study_that_has_reached_its_limit_is_not_resumed(story: Story) -> None:
    with pytest.raises(StudyError, match="it has reached maxTrialNumber or maxExperimentDuration"):
        resume(story.started.id, free_port())


def test_stopping_a_study_that_has_ended_does_nothing(story: Story) -> None:
    assert study.stop(story.started.id) == []


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
