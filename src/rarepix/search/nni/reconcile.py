"""After a kill: what NNI knows and the ledger does not, and the other way round."""

import json
from typing import Any

from rarepix.search.nni.client import Manager
from rarepix.search.optimizer.failure_reason import outcome_of
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.study_state import Metrics, Run, numbers

OVER = ("SUCCEEDED", "FAILED", "USER_CANCELED", "EARLY_STOPPED", "SYS_CANCELED")


def jobs_of(manager: Manager) -> dict[int, dict[str, Any]]:
    """Return run → NNI's trial job, of the jobs that the search asked for."""
    found = {}
    for job in manager.ask("trial-jobs"):
        ordered = json.loads(job["hyperParameters"][0]) if job.get("hyperParameters") else {}
        if isinstance(ordered.get("parameter_id"), int):
            found[ordered["parameter_id"]] = job
    return found


def reconcile(search: Scheduler, jobs: dict[int, dict[str, Any]]) -> list[Run]:
    """End the runs whose end the ledger has missed, and return those that NNI has never started.

    What is neither was interrupted; NNI starts it again by itself, under its own id.
    """
    never = []
    for run in [run for run in search.history.runs.values() if run.outcome is None]:
        job = jobs.get(run.number)
        if job is None:
            never.append(run)
            continue
        search.job(run.number, job["trialJobId"])
        if job["status"] in OVER:
            final = final_of(job)
            why = search.history.stops.get(run.number)
            search.end(run.number, *outcome_of(job["status"], None, why_stopped=why, final=final), final)
    return never


def final_of(job: dict[str, Any]) -> Metrics:
    """Return the numbers of the final report in one of NNI's trial jobs (JSON twice), if it made one."""
    if not job.get("finalMetricData"):
        return {}
    return numbers(json.loads(json.loads(job["finalMetricData"][0]["data"])))
