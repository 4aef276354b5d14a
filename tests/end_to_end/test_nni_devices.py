"""A trial on two devices in a real study: it asks NNI for parameters once, and reports each validation once."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from rarepix import layout, records
from rarepix.search.nni import nnictl
from tests.house.source import CHECKOUT
from tests.search.ports import free_port

pytestmark = pytest.mark.full

STUDY = {
    "searchSpace": {"optim.lr": {"_type": "loguniform", "_value": [0.005, 0.02]}},
    "trialCodeDirectory": str(CHECKOUT),
    "trialConcurrency": 1,
    "maxTrialNumber": 2,
    "maxTrialDuration": "8m",
    "tuner": {"name": "Random", "classArgs": {"seed": 1}},
    "trainingService": {"platform": "local"},
}


def test_only_one_process_talks_to_nni(tiny_recipe: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """With two trials a second request would take the parameters of the other one."""
    command = f"python -m trials.segment --recipe {tiny_recipe} --set engine.devices=2 --set evaluate.batch_size=2"
    file = tmp_path / "study.yml"
    file.write_text(yaml.safe_dump(STUDY | {"trialCommand": command}))
    done = subprocess.run(
        [sys.executable, "-m", "rarepix", "study", "run", str(file), "--port", str(free_port())],
        env=environment | {"HOME": str(tmp_path), "RAREPIX_RESULTS": str(tmp_path / "results")},
        cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        (experiment,) = nnictl.list_experiments().values()
    if experiment.alive:
        os.kill(experiment.pid, 15)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "results" / f"tiny-{experiment.id}"
    metrics, parameters = _database(experiment)
    trial_records = {file.parent.name: records.read(file) for file in layout.record_files(folder)}
    assert trial_records.keys() == parameters.keys() == metrics.keys()
    assert len(trial_records) == 2
    for trial, record in trial_records.items():
        assert (record.status, record.config["engine"]["devices"]) == (records.Status.COMPLETE, 2)
        assert record.device.startswith("2 × ")
        assert (record.parameters, record.parameter_id) == parameters[trial]
        assert [(kind, sequence) for kind, sequence, _ in metrics[trial]] == [
            ("PERIODICAL", 0), ("PERIODICAL", 1), ("FINAL", 0)
        ]  # fmt: skip
        assert metrics[trial][-1][2]["default"] == pytest.approx(record.objective.value)
    ranks = [process.pid for process in psutil.process_iter() if _is_rank(process, tmp_path)]
    assert ranks == []


def _is_rank(process: psutil.Process, home: Path) -> bool:
    """Return whether *process* was spawned by multiprocessing with this home folder."""
    try:
        return "--multiprocessing-fork" in process.cmdline() and process.environ().get("HOME") == str(home)
    except psutil.Error:
        return False


def _database(
    experiment: nnictl.Experiment,
) -> tuple[dict[str, list[tuple[str, int, dict]]], dict[str, tuple[dict, str]]]:
    """Return trial → reports in their order, and trial → parameters and their id, as NNI has them."""
    metrics: dict[str, list[tuple[str, int, dict]]] = {}
    with sqlite3.connect(f"file:{experiment.folder / 'db' / 'nni.sqlite'}?mode=ro", uri=True) as database:
        for trial, kind, sequence, data in database.execute(
            "select trialJobId, type, sequence, data from MetricData order by timestamp"
        ):
            metrics.setdefault(trial, []).append((kind, int(sequence), json.loads(json.loads(data))))
        rows = database.execute("select trialJobId, data from TrialJobEvent where data like '%parameter_id%'")
        events = {trial: json.loads(data) for trial, data in rows}
    return metrics, {trial: (event["parameters"], str(event["parameter_id"])) for trial, event in events.items()}
