"""Trials' folders are fetched complete and only if newer, or not at all. (With a real study: test_loss.py.)"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rarepix import records
from rarepix.search.nni import trial_io
from rarepix.search.nni.nnictl import StudyError
from rarepix.search.remote import fetch, ssh
from rarepix.search.remote.fetch import RemoteFolders, RemoteTrial, fetch_folders, list_trial_folders
from rarepix.search.remote.ssh import SshError
from tests.search import pretend_trial
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine

STUDY = "tiny-exp"


@pytest.fixture
def machine(lab: MachineLab) -> Iterator[Machine]:
    yield lab.machines[0]
    shutil.rmtree(lab.machines[0].home / "nni-experiments", ignore_errors=True)


@pytest.fixture
def source(machine: Machine) -> RemoteFolders:
    return RemoteFolders(ssh.Machine(**machine.entry()), "exp", "remote-worker1", STUDY)


def remote_trials(machine: Machine) -> Path:
    """Return the folder of the trials' folders on the machine."""
    code = machine.home / "nni-experiments" / "exp" / "environments" / "remote-worker1" / "upload" / "trial_code"
    return code / "results" / STUDY / "trials"


def write_trial(trials: Path, trial: str, **changes: object) -> records.TrialRecord:
    """Write a trial's folder with a record, a lock and a checkpoint."""
    received = trial_io.Received(parameters={"status": "running"}, parameter_id="0", experiment="exp", job=trial)
    record = pretend_trial.record(STUDY, received).model_copy(update=changes)
    records.write(record, trials / trial / "record.json")
    (trials / trial / ".lock").touch()
    (trials / trial / "checkpoints").mkdir()
    (trials / trial / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    return record


@pytest.mark.full
def test_the_trials_of_a_machine_are_listed(machine: Machine, source: RemoteFolders) -> None:
    assert list_trial_folders(source) == {}
    done = write_trial(remote_trials(machine), "aaaaa")
    write_trial(remote_trials(machine), "bb bb", status=records.Status.RUNNING, finished=None)
    (remote_trials(machine) / "empty").mkdir()
    assert list_trial_folders(source) == {
        "aaaaa": RemoteTrial(True, done.started, done.finished),
        "bb bb": RemoteTrial(False, done.started, ""),
    }


@pytest.mark.full
@pytest.mark.parametrize("where", ["option", "variable"])
def test_trials_are_looked_for_in_the_folder_that_they_write_to(
    lab: MachineLab, machine: Machine, source: RemoteFolders, tmp_path: Path, where: str
) -> None:
    remote_trials(machine).mkdir(parents=True)
    write_trial(tmp_path / "with space" / STUDY / "trials", "aaaaa")
    if where == "option":
        source = RemoteFolders(source.machine, "exp", "remote-worker1", STUDY, results=str(tmp_path / "with space"))
        assert set(list_trial_folders(source)) == {"aaaaa"}
    else:
        machine.unplug()
        machine.environment = {"RAREPIX_RESULTS": str(tmp_path / "with space")}
        machine.begin()
        assert set(list_trial_folders(source)) == {"aaaaa"}
        machine.unplug()
        machine.environment = {}
        machine.begin()


@pytest.mark.full
def test_folders_are_fetched_completely(machine: Machine, source: RemoteFolders, tmp_path: Path) -> None:
    record = write_trial(remote_trials(machine), "bb bb")
    write_trial(remote_trials(machine), "aaaaa")
    write_trial(remote_trials(machine), "other")
    assert list(fetch_folders(source, ["aaaaa", "bb bb"], tmp_path)) == ["aaaaa", "bb bb"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aaaaa", "bb bb"]
    assert records.read(tmp_path / "bb bb" / "record.json") == record
    assert (tmp_path / "bb bb" / "checkpoints" / "last.ckpt").read_bytes() == b"weights"
    assert not (tmp_path / "bb bb" / ".lock").exists()


@pytest.mark.full
def test_a_fetched_folder_replaces_an_older_one(machine: Machine, source: RemoteFolders, tmp_path: Path) -> None:
    write_trial(remote_trials(machine), "aaaaa")
    (tmp_path / "aaaaa").mkdir()
    (tmp_path / "aaaaa" / "old").touch()
    assert list(fetch_folders(source, ["aaaaa"], tmp_path)) == ["aaaaa"]
    assert not (tmp_path / "aaaaa" / "old").exists()


@pytest.mark.full
def test_a_machine_that_is_lost_during_a_fetch_leaves_no_partial_folder(
    machine: Machine, source: RemoteFolders, tmp_path: Path
) -> None:
    write_trial(remote_trials(machine), "aaaaa")
    write_trial(remote_trials(machine), "bbbbb")
    with (remote_trials(machine) / "bbbbb" / "checkpoints" / "big.ckpt").open("wb") as file:
        file.truncate(40 * 2**30)
    fetched = fetch_folders(source, ["aaaaa", "bbbbb"], tmp_path)
    assert next(fetched) == "aaaaa"
    machine.unplug()
    with pytest.raises(SshError, match=r"must send the folders of its trials, but: .*: fetch again"):
        next(fetched)
    machine.begin()
    assert [file.name for file in tmp_path.iterdir()] == ["aaaaa"]


@pytest.mark.full
def test_a_folder_that_has_disappeared_is_named(machine: Machine, source: RemoteFolders, tmp_path: Path) -> None:
    write_trial(remote_trials(machine), "aaaaa")
    with pytest.raises(SshError, match="nowhere"):
        list(fetch_folders(source, ["aaaaa", "nowhere"], tmp_path))


def test_unfinished_folders_of_a_killed_fetch_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".fetching-x" / "aaaaa").mkdir(parents=True)
    (tmp_path / "aaaaa").mkdir()
    fetch.remove_unfinished(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["aaaaa"]


RUNNING, COMPLETE = records.Status.RUNNING, records.Status.COMPLETE


@pytest.mark.parametrize(
    ("local", "copy", "newer"),
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
def test_only_a_newer_copy_is_fetched(tmp_path: Path, local: dict, copy: RemoteTrial, newer: bool) -> None:
    write_trial(tmp_path, "aaaaa", **local)
    assert fetch._is_newer(copy, tmp_path / "aaaaa") is newer
    assert fetch._is_newer(copy, tmp_path / "nothing")


def test_an_unknown_study_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StudyError, match="unknown study 'nobody'"):
        fetch.fetch_results("nobody")
