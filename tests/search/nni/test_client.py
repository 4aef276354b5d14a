"""An experiment without its manager, from the files that it left. (Real managers: tests of studies.)"""

import math
import sqlite3
from pathlib import Path

import pytest

from rarepix.nni_database import DatabaseError
from rarepix.search.nni import client
from rarepix.search.nni.client import Report
from tests.nni_experiment import write_experiment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_experiment(tmp_path)
    return tmp_path


def test_a_trial_is_what_its_last_events_and_reports_say(folder: Path) -> None:
    resumed, canceled, waiting = client.stored_trials(folder)
    assert (resumed.id, resumed.status, resumed.started, resumed.seconds) == ("a", "SUCCEEDED", 4.0, 2.0)
    assert (resumed.parameters, resumed.report) == ({"optim.lr": 0.1}, Report(count=2, value=0.25, final=True))
    assert (canceled.status, canceled.report) == ("USER_CANCELED", Report(count=1, value=0.3, final=False))
    assert (waiting.number, waiting.status, waiting.report) == (2, "WAITING", None)
    assert (waiting.busy, waiting.started, waiting.seconds) == (True, 8.0, None)


def test_the_profile_is_the_newest_one(folder: Path) -> None:
    assert client.stored_profile(folder)["params"] == {"maxTrialNumber": 13}


def test_an_experiment_without_a_profile_is_refused(folder: Path) -> None:
    with sqlite3.connect(folder / "db" / "nni.sqlite") as connection:
        connection.execute("delete from ExperimentProfile")
    with pytest.raises(DatabaseError, match=r"nni\.sqlite must hold NNI's profile of the experiment, but is empty"):
        client.stored_profile(folder)


def test_an_experiment_without_a_database_is_refused_with_its_path(tmp_path: Path) -> None:
    for read in (client.stored_profile, client.stored_trials):
        with pytest.raises(DatabaseError, match=f"^{tmp_path}/db/nni.sqlite must be a whole database of NNI"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("data", "objective"),
    [('"0.5"', 0.5), ('"{\\"default\\": 0.25}"', 0.25), ('"{\\"loss\\": 1}"', math.nan), ('"\\"text\\""', math.nan)],
)
def test_the_objective_is_a_number_alone_or_the_default(data: str, objective: float) -> None:
    assert client.reported_objective(data) == pytest.approx(objective, nan_ok=True)
