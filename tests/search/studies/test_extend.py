"""A real study that is extended while its web UI is open, killed in the middle of it, resumed, and extended again."""

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from rarepix import layout, records
from rarepix.cli import app
from rarepix.layout import JOURNAL, LOOKS
from rarepix.records import TrialRecord
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import stored_profile
from rarepix.search.optimizer.journal import read
from rarepix.search.studies import study
from rarepix.search.studies.resume import resume
from rarepix.search.studies.study import Study
from rarepix.search.studies.watch import Outcome, watch
from tests.search.lab import Lab
from tests.search.ports import free_port

pytestmark = pytest.mark.full

CONFIGURATIONS = [{}, {"optim.lr": 0.01}]


class Story(NamedTuple):
    """What was seen on the way."""

    started: Study
    records_before: dict[Path, bytes]
    """Record file → its content, before the study was extended."""
    first_line: bytes
    """Of the journal."""
    said: dict[str, Result]
    """Moment → the answer of a command."""
    resumed: Study
    outcomes: dict[str, Outcome]
    """Moment → how the study ended."""


@pytest.fixture(scope="module")
def story(lab: Lab) -> Story:
    outcomes, said = {}, {}

    def extend(*options: str) -> Result:
        return CliRunner().invoke(app, ["study", "extend", started.id, *options])

    lab.pretend()
    tuner = {
        "className": ADVISOR, "codeDirectory": ".",
        "classArgs": {"configurations": CONFIGURATIONS, "blocks": {"seeds": [3, 4]}},
    }  # fmt: skip
    file = lab.study(searchSpace={}, tuner=tuner, maxTrialNumber=4)
    started = study.start(file, free_port())
    outcomes["begun"] = watch(started, lambda trials, wrong: None, every=0.3)
    before = {file: file.read_bytes() for file in layout.record_files(started.folder)}
    looks = [{"at": "2020-01-01T00:00:00+00:00", "complete": 3}, {"at": "2020-01-02T00:00:00+00:00", "complete": 4}]
    (started.folder / LOOKS).write_text("".join(json.dumps(look) + "\n" for look in looks))
    first_line = (started.folder / JOURNAL).read_bytes().partition(b"\n")[0]

    lab.pretend(_4="hang", _5="hang")
    said["extended"] = extend("--blocks", "1", "--port", str(free_port()))  # its web UI is still open
    _until(lambda: len(list(lab.folder.glob("child-of-*"))) == 2)
    said["running"] = extend("--blocks", "1")
    os.kill(nnictl.list_experiments()[started.id].pid, signal.SIGKILL)
    _until(lambda: not nnictl.list_experiments()[started.id].alive)
    for command in ("list", "watch"):
        said[f"killed: {command}"] = CliRunner().invoke(app, ["study", command, *[started.id][: command == "watch"]])
    said["same"] = extend("--seed", "5")
    said["fresh"] = extend("--blocks", "1")

    lab.pretend()
    resumed, _ = resume(started.id, free_port())
    outcomes["extended"] = watch(resumed, lambda trials, wrong: None, every=0.3)
    study.stop(resumed.id)
    experiment = nnictl.list_experiments()[started.id].folder
    with closing(sqlite3.connect(experiment / "db" / "nni.sqlite")) as database, database:
        params = stored_profile(experiment)["params"] | {"maxExperimentDuration": "30m"}
        database.execute("update ExperimentProfile set execDuration = 1800, params = ?", (json.dumps(params),))
    added = lab.folder / "added.yml"
    added.write_text(yaml.safe_dump([{"optim.lr": 0.02}]))
    said["configuration"] = extend("--configurations", str(added), "--port", str(free_port()))
    outcomes["configuration"] = watch(study.find(started.id), lambda trials, wrong: None, every=0.3)
    study.stop(started.id)
    return Story(started, before, first_line, said, resumed, outcomes)


def records_of(story: Story) -> list[TrialRecord]:
    return [records.read(file) for file in layout.record_files(story.started.folder)]


def test_every_configuration_runs_once_on_every_block(story: Story) -> None:
    runs = Counter((record.parameters.get("optim.lr"), record.block.seed) for record in records_of(story))
    assert runs == Counter((lr, seed) for lr in (None, 0.01, 0.02) for seed in (3, 4, 5))
    assert [outcome.exit_code for outcome in story.outcomes.values()] == [0, 0, 0]
    assert [len(outcome.trials) for outcome in story.outcomes.values()] == [4, 6, 9]


def test_the_study_stays_in_its_folder_and_experiment(story: Story) -> None:
    assert list(nnictl.list_experiments()) == [story.started.id]
    assert (story.resumed.id, story.resumed.folder) == (story.started.id, story.started.folder)
    assert {record.study for record in records_of(story)} == {story.started.folder.name}


def test_records_and_the_first_line_of_the_journal_stay_as_they_were(story: Story) -> None:
    assert len(story.records_before) == 4
    assert {file: file.read_bytes() for file in story.records_before} == story.records_before
    assert (story.started.folder / JOURNAL).read_bytes().partition(b"\n")[0] == story.first_line


def test_the_journal_has_each_extension_with_what_had_been_looked_at(story: Story) -> None:
    blocks, configurations = (
        {key: value for key, value in event.items() if key not in ("event", "at")}
        for event in read(story.started.folder / JOURNAL)
        if event["event"] == "extend"
    )
    complete = sorted(file.parent.name for file in story.records_before)
    assert blocks == {"blocks": [{"seed": 5, "fold": 0}], "configurations": [], "looked": 2, "complete": complete}
    assert (configurations["blocks"], configurations["looked"]) == ([], 0)
    assert configurations["configurations"] == [["listed", {"optim.lr": 0.02}]]
    assert len(configurations["complete"]) == 6


def test_the_command_tells_what_it_does(story: Story) -> None:
    said = story.said["extended"]
    assert said.exit_code == 0, said.output
    assert said.output.splitlines()[:3] == [
        f"study {story.started.id} gets block seed 5 fold 0: 2 trials are to run",
        "it was looked at 2 times at 2 blocks: the report's tests account for it",
        f"study {story.started.id}: 6 trials, records in {story.started.folder}",
    ]
    assert story.said["configuration"].output.startswith(
        f"study {story.started.id} gets 1 configuration: 3 trials are to run\n"
    )


def test_the_limits_have_room_for_a_retry_of_each_added_trial_and_for_their_time(story: Story) -> None:
    params = stored_profile(nnictl.list_experiments()[story.started.id].folder)["params"]
    assert (params["maxTrialNumber"], params["maxExperimentDuration"]) == (6 + 2 * 3, 3600)
    assert "its maxExperimentDuration is used up and is doubled, to 3600 s" in story.said["configuration"].output


def test_a_running_study_is_not_extended(story: Story) -> None:
    assert "must have ended before it is extended, but it runs" in str(story.said["running"].exception)


def test_a_study_that_was_killed_in_an_extension_has_died(story: Story) -> None:
    """NNI had noted the time at which the old limit was reached, as if the study had been stopped then."""
    assert story.said["killed: list"].output.splitlines()[1].split()[2:4] == ["died", "4/6"]
    assert "its manager is gone (it was killed); continue it with" in story.said["killed: watch"].output


def test_a_block_is_not_added_twice(story: Story) -> None:
    assert str(story.said["same"].exception) == (
        f"block seed 5 fold 0 must be new, but all of it is already in the study: continue it with "
        f"`rarepix study resume {story.started.id}`"
    )
    assert "2 of its runs are left: continue it with" in str(story.said["fresh"].exception)


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
