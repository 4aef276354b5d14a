"""A search on two machines of which one is lost in the middle of a trial: the trial runs again on the other."""

import json
import re
from collections.abc import Iterator

import pytest

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni.client import Trial
from rarepix.search.optimizer.journal import read
from rarepix.search.studies import study
from rarepix.search.studies.study import Study
from rarepix.search.studies.watch import Outcome, watch
from tests.search.ports import free_port
from tests.search.remote.lab import MachineLab
from tests.search.remote.test_loss import hanging, until

pytestmark = pytest.mark.full

SAMPLES = 3
HANGS = 1
"""Number of the trial that is lost."""


class Searched:
    """The search, after it has lost a machine."""

    def __init__(self, lab: MachineLab) -> None:
        for machine in lab.machines:
            machine.environment = {"PRETEND": json.dumps({str(HANGS): "hang"}), "PRETEND_SECONDS": "1"}
            machine.begin()
        tuner = {"className": ADVISOR, "codeDirectory": ".", "classArgs": {"seed": 1, "samples": SAMPLES}}
        file = lab.study(tuner=tuner, maxTrialNumber=2 * SAMPLES, trialConcurrency=2, maxTrialDuration="10m")
        self.study: Study = study.start(file, free_port())
        until(lambda: any(hanging(machine) for machine in lab.machines))
        lost = next(machine for machine in lab.machines if hanging(machine))
        lost.unplug()
        lost.burn()
        self.outcome: Outcome = watch(self.study, lambda trials, wrong: None)
        self.jobs = {job["trialJobId"]: job for job in self.study.manager.ask("trial-jobs")}

    def machine_of(self, trial: Trial) -> str:
        """Return NNI's name of the machine that a trial ran on."""
        return re.search(r"/(remote-worker\d+)/", self.jobs[trial.id]["logPath"])[1]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    with pytest.MonkeyPatch.context() as patch:
        lab = MachineLab(tmp_path_factory.mktemp("machines"), patch)
        try:
            yield Searched(lab)
        finally:
            lab.close()


def test_every_configuration_is_done_once(searched: Searched) -> None:
    assert searched.outcome.exit_code == 0, searched.outcome
    assert searched.outcome.summary() == f"{SAMPLES} of {SAMPLES} trials done, 1 tried again"
    found = [records.read(file) for file in layout.record_files(searched.study.folder)]
    assert [record.status for record in found] == [records.Status.COMPLETE] * SAMPLES
    assert len({record.parameters["optim.lr"] for record in found}) == SAMPLES


def test_the_lost_trial_goes_on_elsewhere_under_its_name(searched: Searched) -> None:
    lost = next(trial for trial in searched.outcome.trials if trial.number == HANGS)
    again = next(trial for trial in searched.outcome.trials if trial.parameters.get("continues") == lost.id)
    assert (lost.status, again.status) == ("FAILED", "SUCCEEDED")
    assert searched.machine_of(lost) != searched.machine_of(again)
    record = records.read(searched.study.folder / "trials" / lost.id / "record.json")
    assert record.parameters == lost.parameters


def test_the_ledger_says_why(searched: Searched) -> None:
    ends = [event for event in read(searched.study.folder / JOURNAL) if event["event"] == "end"]
    assert sorted(event["cause"] for event in ends if event["cause"]) == ["lost"]
