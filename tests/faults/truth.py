"""Compares what the record, NNI's database, its REST interface (the web UI) and its export say of each trial.

    .venv/bin/python -m tests.faults.truth                                    # 201 trials: 67 at each concurrency
    .venv/bin/python -m tests.faults.truth --trials 30 --concurrency 4

Real NNI, pretended trials; every seventh dies before it asks for its parameters, some die later. It prints, per
concurrency, the number of records, the number of trials with differences, and the differences. The exit code is 1
if there are any. About 20 minutes on 2 cores.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rarepix import records
from rarepix.nni_database import DATABASE, read_database
from rarepix.search.nni import client, nnictl
from tests.search.lab import Lab
from tests.search.ports import free_port

HOW = {3: "die", 4: "raise", 5: "killed"}
"""Trial number modulo 7 → how it ends; the others are good. Number 3 dies before it asks for its parameters."""
ENDS = {None: "SUCCEEDED", "die": "FAILED", "raise": "FAILED", "killed": "FAILED"}


@dataclass(frozen=True)
class Facts:
    """What one of the four sources says of one trial; None where it says nothing."""

    parameter_id: str | None = None
    parameters: dict[str, Any] | None = None
    status: str | None = None
    final: float | None = None


def run(lab: Lab, concurrency: int, trials: int) -> tuple[int, dict[str, list[str]]]:
    """Run a study of *trials* trials; return the number of records, and trial → how the sources differ about it."""
    lab.pretend(**{str(number): HOW[number % 7] for number in range(trials) if number % 7 in HOW})
    port = free_port()
    file = lab.study(maxTrialNumber=trials, trialConcurrency=concurrency, maxTrialDuration="300s")
    experiment = nnictl.create(file, port)
    try:
        manager = client.Manager(port)
        while manager.status()[0] not in ("DONE", "ERROR"):
            time.sleep(1)
        if manager.status()[0] == "ERROR":
            raise RuntimeError(f"the study must end, but: {manager.status()[1]}")
        jobs = {job["trialJobId"]: job for job in manager.get("trial-jobs")}
        left = _records(lab.folder, experiment)
        sources = {
            "record": left,
            "database": _database(nnictl.list_experiments()[experiment].folder),
            "web UI": {trial: _rest(job) for trial, job in jobs.items()},
            "export": _export(experiment, lab.folder / "export.json"),
        }
        numbers = {trial: job["sequenceId"] for trial, job in jobs.items()}
        return len(left), compare(sources, numbers, list(range(trials)))
    finally:
        nnictl.stop(experiment)


def compare(sources: dict[str, dict[str, Facts]], numbers: dict[str, int], wanted: list[int]) -> dict[str, list[str]]:
    """Return trial → how the sources differ about it, of the trials in *numbers* (id → number) and in any source.

    The numbers must be those *wanted*.
    """
    wrong = defaultdict(list)
    if sorted(numbers.values()) != wanted:
        wrong["all"].append(f"the numbers must be {', '.join(map(str, wanted))}, but are {sorted(numbers.values())}")
    for trial in {*numbers, *(trial for facts in sources.values() for trial in facts)}:
        if trial not in numbers:
            wrong[trial].append("unknown to the web UI")
            continue
        how = HOW.get(numbers[trial] % 7)
        facts = {name: source[trial] for name, source in sources.items() if trial in source}
        expected = {"record", "database", "web UI", "export"} if how is None else {"database", "web UI"}
        if set(facts) != expected:
            wrong[trial].append(f"{how or 'good'}: it must be in {sorted(expected)}, but is in {sorted(facts)}")
        for field in ("parameter_id", "parameters", "status", "final"):
            values = {name: value for name, fact in facts.items() if (value := getattr(fact, field)) is not None}
            if len({json.dumps(value, sort_keys=True) for value in values.values()}) > 1:
                wrong[trial].append(f"{field}: {values}")
        if facts["web UI"].status != ENDS[how]:
            wrong[trial].append(f"{how or 'good'}: its state must be {ENDS[how]}, but is {facts['web UI'].status}")
    return dict(wrong)


def _records(folder: Path, experiment: str) -> dict[str, Facts]:
    left = {}
    for file in (folder / "results").glob(f"*-{experiment}/trials/*/record.json"):
        record = records.read(file)
        left[file.parent.name] = Facts(record.parameter_id, record.parameters, "SUCCEEDED", record.objective.value)
    return left


def _database(folder: Path) -> dict[str, Facts]:
    return {
        job.id: Facts(
            "/".join(sorted({str(job.parameter_id), *(str(report["parameterId"]) for report in job.reports)})),
            job.parameters,
            job.state,
            client.reported_objective(job.final()["data"]) if job.final() else None,
        )
        for job in read_database(folder / DATABASE).jobs
    }


def _rest(job: dict[str, Any]) -> Facts:
    (given,) = map(json.loads, job["hyperParameters"])
    final = client.reported_objective(job["finalMetricData"][0]["data"]) if job.get("finalMetricData") else None
    return Facts(str(given["parameter_id"]), given["parameters"], job["status"], final)


def _export(experiment: str, file: Path) -> dict[str, Facts]:
    nnictl.run("experiment", "export", experiment, "--filename", str(file), "--type", "json")
    rows = json.loads(file.read_text())
    return {
        row["trialJobId"]: Facts(parameters=row["parameter"], final=client.reported_objective(json.dumps(row["value"])))
        for row in rows
    }


def main() -> int:
    """Run the studies and print the table."""
    parser = argparse.ArgumentParser(description="compare what the sources say of each trial")
    parser.add_argument("--trials", type=int, default=67, help="of each study")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    failed = False
    print("concurrency  trials  records  wrong  seconds", flush=True)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for concurrency in given.concurrency:
            place = Path(folder, str(concurrency))
            place.mkdir()
            began = time.monotonic()
            left, wrong = run(Lab(place, patch), concurrency, given.trials)
            print(
                f"{concurrency:11}{given.trials:8}{left:9}{len(wrong):7}{time.monotonic() - began:9.0f}",
                *(f"    {trial}: {'; '.join(what)}" for trial, what in wrong.items()),
                sep="\n",
                flush=True,
            )
            failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
