"""The main job through its real entrances: ``rarepix study run``, NNI, two trials at once, records, report."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from analysis import load_study
from rarepix import layout, records
from rarepix.nni_database import DATABASE, Job, read_database, report_scores
from rarepix.search.nni import nnictl
from tests.search.ports import free_port

ROOT = Path(__file__).parents[2]
SPACE = {
    "optim.lr": {"_type": "loguniform", "_value": [0.005, 0.02]},
    "loss": {
        "_type": "choice",
        "_value": [
            {"_name": "ce"},
            {"_name": "focal", "gamma": {"_type": "uniform", "_value": [1, 3]}},
            {"_name": "dice"},
        ],
    },
    "sampling.kind": {"_type": "choice", "_value": ["uniform", "inverse_log"]},
}


class Ran(NamedTuple):
    """A study that ``rarepix study run`` has finished."""

    done: subprocess.CompletedProcess
    folder: Path
    experiment: nnictl.Experiment


@pytest.fixture(scope="module")
def ran(tiny_recipe: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run a study of two trials at once, in a home of its own."""
    folder = tmp_path_factory.mktemp("study")
    study = {
        "searchSpace": SPACE,
        "trialCommand": f"python -m trials.segment --recipe {tiny_recipe} --set engine.tensorboard=true",
        "trialCodeDirectory": str(ROOT),
        "trialConcurrency": 2,
        "maxTrialNumber": 2,
        "maxTrialDuration": "2m",
        "tuner": {"name": "Random", "classArgs": {"seed": 1}},
        "trainingService": {"platform": "local"},
    }
    file = folder / "study.yml"
    file.write_text(yaml.safe_dump(study))
    done = subprocess.run(
        [sys.executable, "-m", "rarepix", "study", "run", str(file), "--port", str(free_port())],
        env=environment | {"HOME": str(folder), "RAREPIX_RESULTS": str(folder / "results")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        (experiment,) = nnictl.list_experiments().values()
    if experiment.alive:
        os.kill(experiment.pid, 15)
    return Ran(done, folder / "results" / f"tiny-{experiment.id}", experiment)


def test_it_ends_well_and_prints_where_everything_is(ran: Ran) -> None:
    assert ran.done.returncode == 0, ran.done.stdout + ran.done.stderr
    assert f"study {ran.experiment.id}: 2 trials, records in {ran.folder}" in ran.done.stdout
    assert f"study {ran.experiment.id}: 2 of 2 trials done" in ran.done.stdout
    assert f"Report: {ran.folder / 'report' / 'index.html'}" in ran.done.stdout
    assert f"rarepix study view {ran.experiment.id}" in ran.done.stdout


def test_it_leaves_complete_records_of_what_each_trial_received(ran: Ran) -> None:
    jobs = _jobs(ran.experiment)
    left = {file.parent.name: records.read(file) for file in layout.record_files(ran.folder)}
    assert left.keys() == jobs.keys()
    for trial, record in left.items():
        assert record.status is records.Status.COMPLETE
        assert record.parameters == jobs[trial].parameters
        assert record.parameter_id == jobs[trial].parameter_id
        assert record.config["optim"]["lr"] == record.parameters["optim.lr"]
        assert record.config["loss"]["name"] == record.parameters["loss"]["_name"]
        assert record.config["sampling"]["kind"] == record.parameters["sampling.kind"]


def test_nni_has_the_curves_and_every_class_as_a_metric(ran: Ran) -> None:
    for trial, job in _jobs(ran.experiment).items():
        record = records.read(ran.folder / "trials" / trial / "record.json")
        assert [report["type"] for report in job.reports] == ["PERIODICAL", "PERIODICAL", "FINAL"]
        first, _, final = (report_scores(report["data"]) for report in job.reports)
        assert final["default"] == pytest.approx(record.objective.value)
        assert {"miou", "iou/ground", "iou/block", "iou/stripe", "iou/dot"} <= final.keys()
        assert final.keys() <= first.keys()


def test_the_web_ui_finds_the_logs_for_tensorboard(ran: Ran) -> None:
    for trial in _jobs(ran.experiment):
        link = ran.experiment.folder / "environments" / "local-env" / "trials" / trial / "tensorboard"
        assert link.resolve() == (ran.folder / "trials" / trial / "tensorboard").resolve()
        assert list(link.glob("events.out.tfevents.*"))


def test_it_is_analysed(ran: Ran) -> None:
    assert "<html" in (ran.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert (ran.folder / "report" / "trials.csv").is_file()


def test_the_database_of_nni_alone_has_the_same_results(ran: Ran) -> None:
    folders = (ran.folder, ran.experiment.folder)
    by_records, by_database = (
        load_study(folder).trials.set_index("trial")["objective"].to_dict() for folder in folders
    )
    assert by_database == by_records


def test_it_is_stopped(ran: Ran) -> None:
    assert not nnictl.port_taken(ran.experiment.port)


def _jobs(experiment: nnictl.Experiment) -> dict[str, Job]:
    return {job.id: job for job in read_database(experiment.folder / DATABASE).jobs}
