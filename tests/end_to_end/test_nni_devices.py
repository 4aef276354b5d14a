"""A trial on two devices in a real study: it asks NNI once, and NNI hears each validation once."""

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


def test_nni_knows_of_one_process_alone(tiny_recipe: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Of two trials, so that a second request would have taken the parameters of the other one."""
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
    metrics, meant = _database(experiment)
    found = {file.parent.name: records.read(file) for file in layout.record_files(folder)}
    assert found.keys() == meant.keys() == metrics.keys()
    assert len(found) == 2
    for trial, record in found.items():
        assert (record.status, record.config["engine"]["devices"]) == (records.Status.COMPLETE, 2)
        assert record.device.startswith("2 × ")
        assert (record.parameters, record.parameter_id) == meant[trial]
        assert [(kind, sequence) for kind, sequence, _ in metrics[trial]] == [
            ("PERIODICAL", 0), ("PERIODICAL", 1), ("FINAL", 0)
        ]  # fmt: skip
        assert metrics[trial][-1][2]["default"] == pytest.approx(record.objective.value)
    left = [process.pid for process in psutil.process_iter() if _is_rank_of(process, tmp_path)]
    assert left == []


def _is_rank_of(process: psutil.Process, home: Path) -> bool:
    try:
        return "rarepix.trial.rank" in process.cmdline() and process.environ().get("HOME") == str(home)
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
        given = {trial: json.loads(data) for trial, data in rows}
    return metrics, {trial: (said["parameters"], str(said["parameter_id"])) for trial, said in given.items()}
