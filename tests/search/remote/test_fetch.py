"""Folders of trials come home whole, the newest of them, or not at all. (With a real study: test_machine_loss.py.)"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rarepix import records
from rarepix.search.nni import trial_io
from rarepix.search.remote import fetch, trial_folders
from rarepix.search.remote.ssh import Machine as Reached
from rarepix.search.remote.ssh import SshError
from rarepix.search.remote.trial_folders import RemoteFolders, RemoteTrial, fetch_folders, list_trial_folders
from rarepix.search.studies import study
from tests.search import pretend_trial
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine

pytestmark = pytest.mark.full

STUDY = "tiny-exp"


@pytest.fixture
def machine(lab: MachineLab) -> Iterator[Machine]:
    yield lab.machines[0]
    shutil.rmtree(lab.machines[0].home / "nni-experiments", ignore_errors=True)


@pytest.fixture
def place(machine: Machine) -> RemoteFolders:
    return RemoteFolders(Reached(**machine.entry()), "exp", "remote-worker1", STUDY)


def there(machine: Machine) -> Path:
    code = machine.home / "nni-experiments" / "exp" / "environments" / "remote-worker1" / "upload" / "trial_code"
    return code / "results" / STUDY / "trials"


def leave(trials: Path, trial: str, **changes: object) -> records.TrialRecord:
    """Leave a trial's folder, with a record, a lock and a file."""
    received = trial_io.Received(parameters={"status": "running"}, parameter_id="0", experiment="exp", job=trial)
    record = pretend_trial.record(STUDY, received).model_copy(update=changes)
    records.write(record, trials / trial / "record.json")
    (trials / trial / ".lock").touch()
    (trials / trial / "checkpoints").mkdir()
    (trials / trial / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    return record


def test_a_machine_says_what_it_has(machine: Machine, place: RemoteFolders) -> None:
    assert list_trial_folders(place) == {}
    done = leave(there(machine), "aaaaa")
    leave(there(machine), "bb bb", status=records.Status.RUNNING, finished=None)
    (there(machine) / "empty").mkdir()
    assert list_trial_folders(place) == {
        "aaaaa": RemoteTrial(True, done.started, done.finished),
        "bb bb": RemoteTrial(False, done.started, ""),
    }


@pytest.mark.parametrize("where", ["given", "variable"])
def test_results_are_looked_for_where_trials_were_told_to_leave_them(
    lab: MachineLab, machine: Machine, place: RemoteFolders, tmp_path: Path, where: str
) -> None:
    there(machine).mkdir(parents=True)
    leave(tmp_path / "with space" / STUDY / "trials", "aaaaa")
    if where == "given":
        place = RemoteFolders(place.machine, "exp", "remote-worker1", STUDY, results=str(tmp_path / "with space"))
        assert set(list_trial_folders(place)) == {"aaaaa"}
    else:
        machine.unplug()
        machine.environment = {"RAREPIX_RESULTS": str(tmp_path / "with space")}
        machine.begin()
        assert set(list_trial_folders(place)) == {"aaaaa"}
        machine.unplug()
        machine.environment = {}
        machine.begin()


def test_folders_come_whole(machine: Machine, place: RemoteFolders, tmp_path: Path) -> None:
    record = leave(there(machine), "bb bb")
    leave(there(machine), "aaaaa")
    leave(there(machine), "other")
    assert list(fetch_folders(place, ["aaaaa", "bb bb"], tmp_path)) == ["aaaaa", "bb bb"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aaaaa", "bb bb"]
    assert records.read(tmp_path / "bb bb" / "record.json") == record
    assert (tmp_path / "bb bb" / "checkpoints" / "last.ckpt").read_bytes() == b"weights"
    assert not (tmp_path / "bb bb" / ".lock").exists()


def test_a_folder_takes_the_place_of_another(machine: Machine, place: RemoteFolders, tmp_path: Path) -> None:
    leave(there(machine), "aaaaa")
    (tmp_path / "aaaaa").mkdir()
    (tmp_path / "aaaaa" / "old").touch()
    assert list(fetch_folders(place, ["aaaaa"], tmp_path)) == ["aaaaa"]
    assert not (tmp_path / "aaaaa" / "old").exists()


def test_a_machine_that_is_lost_on_the_way_leaves_nothing_half(
    machine: Machine, place: RemoteFolders, tmp_path: Path
) -> None:
    leave(there(machine), "aaaaa")
    leave(there(machine), "bbbbb")
    with (there(machine) / "bbbbb" / "checkpoints" / "big.ckpt").open("wb") as file:
        file.truncate(40 * 2**30)
    brought = fetch_folders(place, ["aaaaa", "bbbbb"], tmp_path)
    assert next(brought) == "aaaaa"
    machine.unplug()
    with pytest.raises(SshError, match=r"must send the folders of its trials, but: .*: gather again"):
        next(brought)
    machine.begin()
    assert [file.name for file in tmp_path.iterdir()] == ["aaaaa"]


def test_a_folder_that_has_gone_is_said(machine: Machine, place: RemoteFolders, tmp_path: Path) -> None:
    leave(there(machine), "aaaaa")
    with pytest.raises(SshError, match="nowhere"):
        list(fetch_folders(place, ["aaaaa", "nowhere"], tmp_path))


def test_what_a_killed_gathering_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".gathering-x" / "aaaaa").mkdir(parents=True)
    (tmp_path / "aaaaa").mkdir()
    trial_folders.sweep(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["aaaaa"]


RUNNING, COMPLETE = records.Status.RUNNING, records.Status.COMPLETE


@pytest.mark.parametrize(
    ("here", "copy", "news"),
    [
        ({}, RemoteTrial(True, "2020-01-01T00:00:00+00:00", "2020-01-01T00:00:01+00:00"), False),
        ({}, RemoteTrial(True, "2021", "2021"), True),
        ({}, RemoteTrial(True, "2019", "2019"), False),
        ({}, RemoteTrial(False, "2021", ""), False),
        ({"files": {}}, RemoteTrial(True, "2019", "2019"), True),
        ({"files": {}}, RemoteTrial(False, "2021", ""), False),
        ({"status": RUNNING, "finished": None}, RemoteTrial(True, "2019", "2019"), True),
        ({"status": RUNNING, "finished": None}, RemoteTrial(False, "2021", ""), True),
        ({"status": RUNNING, "finished": None}, RemoteTrial(False, "2019", ""), False),
    ],
)
def test_only_what_says_more_is_brought(tmp_path: Path, here: dict, copy: RemoteTrial, news: bool) -> None:
    leave(tmp_path, "aaaaa", **here)
    assert fetch._is_news(copy, tmp_path / "aaaaa") is news
    assert fetch._is_news(copy, tmp_path / "nothing")


def test_an_unknown_study_is_refused(lab: MachineLab) -> None:
    with pytest.raises(study.StudyError, match="unknown study 'nobody'"):
        fetch.fetch_results("nobody")
