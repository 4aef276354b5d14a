"""One study's NNI manager: its REST interface, and what it left in its database, as trials and reports."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from rarepix.nni_database import CONTINUES, DATABASE, DatabaseError, Job, read_database, read_profile, report_scores

_open = build_opener(ProxyHandler({})).open  # without a proxy, which would look for 127.0.0.1 on its own machine

BUSY = ("WAITING", "RUNNING", "UNKNOWN", "ADD_RESUMED")
"""States of a trial that has not ended."""
UPDATE_TYPES = {"maxTrialNumber": "MAX_TRIAL_NUM", "maxExperimentDuration": "MAX_EXEC_DURATION"}
"""Limit of an experiment → what NNI's REST interface calls its change."""
JSON_HEADERS = {"Content-Type": "application/json"}


class ManagerUnreachable(ConnectionError):
    """NNI's manager does not answer."""


@dataclass(frozen=True)
class Manager:
    """The manager of one study on this machine."""

    port: int

    @property
    def url(self) -> str:
        """Address of the web UI."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """Return the decoded answer to ``GET /api/v1/nni/<path>``.

        Raises ``ManagerUnreachable`` without an answer within 20 s, or if it is not JSON.
        """
        try:
            return json.loads(self._ask(path))
        except ValueError as error:
            raise ManagerUnreachable(f"NNI's manager must answer at {self.url}, but: {error}") from error

    def raise_limit(self, name: str, value: int) -> None:
        """Set ``maxTrialNumber``, or ``maxExperimentDuration`` (seconds), of the running experiment.

        Raises ``ManagerUnreachable`` without an answer within 20 s.
        """
        profile = self.profile()
        profile["params"][name] = value
        self._ask(f"experiment?update_type={UPDATE_TYPES[name]}", profile)

    def _ask(self, path: str, put: Any = None) -> bytes:
        """Return the answer to a request: ``PUT`` with *put* as JSON if that is given, else ``GET``."""
        request = Request(f"{self.url}/api/v1/nni/{path}")
        if put is not None:
            request = Request(request.full_url, json.dumps(put).encode(), JSON_HEADERS, method="PUT")
        try:
            with _open(request, timeout=20) as answer:
                return answer.read()
        except HTTPError as error:
            message = f"NNI's manager at {self.url} must answer {path!r}, but returned {error}"
            raise ManagerUnreachable(message) from error
        except (OSError, HTTPException) as error:
            raise ManagerUnreachable(f"NNI's manager must answer at {self.url}, but: {error}") from error

    def status(self) -> tuple[str, list[str]]:
        """Return the state of the experiment (``RUNNING``, ``DONE``, ``ERROR``, …) and its errors."""
        answer = self.get("check-status")
        return answer["status"], answer["errors"]

    def profile(self) -> dict[str, Any]:
        """Return NNI's profile of the experiment: ``id``, ``params`` (its configuration), ``execDuration``, …"""
        return self.get("experiment")

    def trials(self) -> list["Trial"]:
        """Return every trial job of the experiment with its newest report, in the order of their numbers."""
        newest: dict[str, dict[str, Any]] = {"PERIODICAL": {}, "FINAL": {}}
        jobs = self.get("trial-jobs")
        for metric in self.get("metric-data-latest"):
            newest[metric["type"]].setdefault(metric["trialJobId"], metric)  # of two finals NNI takes the first, too
        trials = [
            Trial.from_rest(job, Report.from_metrics(*(newest[kind].get(job["trialJobId"]) for kind in newest)))
            for job in jobs
            if "sequenceId" in job
        ]
        return sorted(trials, key=lambda trial: trial.number)


@dataclass(frozen=True)
class Report:
    """The newest report of a trial."""

    count: int
    """Intermediate reports so far."""
    value: float
    """``default`` of the final report, else of the last intermediate one; NaN where it is not a number."""
    final: bool
    when: float | None = field(default=None, compare=False)
    """Seconds since 1970."""
    data: str = field(default="", compare=False, repr=False)
    """The report as NNI stores it (JSON of JSON)."""

    @classmethod
    def from_metrics(cls, intermediate: dict | None, final: dict | None) -> "Report | None":
        """Return the report in a trial's last intermediate metric and its final one; None if it has neither."""
        newest = final or intermediate
        if newest is None:
            return None
        return cls(
            count=intermediate["sequence"] + 1 if intermediate else 0,
            value=reported_objective(newest["data"]),
            final=final is not None,
            when=newest["timestamp"] / 1000 if newest.get("timestamp") else None,
            data=newest["data"],
        )


@dataclass(frozen=True)
class Trial:
    """A trial job of NNI, from its manager or from its database."""

    id: str
    number: int
    status: str
    parameters: dict[str, Any]
    """As the manager recorded them; a trial's own record is what counts."""
    report: Report | None
    seconds: float | None
    """From start to end (None: not both known)."""
    started: float | None = None
    """Seconds since 1970."""

    @classmethod
    def from_rest(cls, job: dict, report: Report | None) -> "Trial":
        """Return the trial in one of the trial jobs of the REST interface."""
        recorded = json.loads(job["hyperParameters"][0])["parameters"] if job.get("hyperParameters") else {}
        start, end = job.get("startTime"), job.get("endTime")
        return cls(
            id=job["trialJobId"],
            number=job["sequenceId"],
            status=job["status"],
            parameters=recorded if isinstance(recorded, dict) else {},
            report=report,
            seconds=_seconds(start, end),
            started=start / 1000 if start else None,
        )

    @classmethod
    def from_job(cls, job: Job) -> "Trial":
        """Return the trial in a job of the database."""
        start = job.queued if job.restarted is None else job.restarted
        return cls(
            id=job.id,
            number=job.number,
            status=job.state,
            parameters=job.parameters,
            report=Report.from_metrics(job.last_intermediate(), job.final()),
            seconds=_seconds(start, job.ended),
            started=start / 1000 if start else None,
        )

    @property
    def busy(self) -> bool:
        """Whether it has not ended."""
        return self.status in BUSY

    @property
    def run(self) -> str:
        """Id of the trial whose folder it works in: its own, or that of the trial that it continues."""
        return str(self.parameters.get(CONTINUES, self.id))


def stored_profile(folder: Path) -> dict[str, Any]:
    """Return NNI's profile of the experiment in *folder*, without a manager: ``id``, ``params``, ``startTime``, …

    Raises ``DatabaseError`` if its database cannot be read, or holds no profile.
    """
    profile = read_profile(folder / DATABASE)
    if not profile:
        raise DatabaseError(f"{folder / DATABASE} must hold NNI's profile of the experiment, but is empty")
    return profile


def stored_trials(folder: Path) -> list[Trial]:
    """Return ``Manager.trials()`` of the experiment in *folder* without a manager. Raises ``DatabaseError``."""
    jobs = read_database(folder / DATABASE).jobs
    return sorted((Trial.from_job(job) for job in jobs if job.number is not None), key=lambda trial: trial.number)


def retries(trials: Sequence[Trial]) -> dict[str, int]:
    """Return trial id → number of the trial that continues it, for those that were tried again."""
    in_time = sorted(trials, key=lambda trial: (trial.id != trial.run, trial.started or math.inf))  # numbers can repeat
    last = {trial.run: trial for trial in in_time}
    return {trial.id: last[trial.run].number for trial in trials if last[trial.run] is not trial}


def last_attempts(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that were not tried again."""
    retried = retries(trials)
    return [trial for trial in trials if trial.id not in retried]


def reported_objective(data: str) -> float:
    """Return the objective in the data of a metric, NaN if there is none."""
    return report_scores(data).get("default", math.nan)


def _seconds(start: int | None, end: int | None) -> float | None:
    return (end - start) / 1000 if start and end else None
