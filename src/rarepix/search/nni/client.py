"""NNI's REST interface of one study on this machine: ask, and read what comes back."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from rarepix.search.optimizer.study_state import CONTINUES

_open = build_opener(ProxyHandler({})).open  # a proxy would look for 127.0.0.1 on its own machine

BUSY = ("WAITING", "RUNNING", "UNKNOWN", "ADD_RESUMED")
"""States of a trial that is not over."""


class ManagerUnreachable(ConnectionError):
    """NNI's manager does not answer."""


@dataclass(frozen=True)
class Manager:
    """Where one study's manager listens."""

    port: int

    @property
    def url(self) -> str:
        """Address of the web UI."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, seconds: float = 20) -> Any:
        """Return the answer to ``GET /api/v1/nni/<path>``.

        Raises:
            ManagerGone: nobody answers, or not in NNI's words.
        """
        try:
            with _open(Request(f"{self.url}/api/v1/nni/{path}"), timeout=seconds) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise ManagerUnreachable(f"NNI's manager at {self.url} must answer {path!r}, but said {error}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise ManagerUnreachable(f"NNI's manager must answer at {self.url}, but: {error}") from error

    def status(self) -> tuple[str, list[str]]:
        """Return the state of the experiment (``RUNNING``, ``DONE``, ``ERROR``, …) and its errors."""
        answer = self.ask("check-status")
        return answer["status"], answer["errors"]

    def profile(self) -> dict[str, Any]:
        """Return the experiment as NNI keeps it: ``id``, ``params`` (its configuration), ``execDuration``, …"""
        return self.ask("experiment")

    def trials(self) -> list["Trial"]:
        """Return every trial of the experiment with its newest report, in the order of their numbers."""
        return with_reports(self.ask("trial-jobs"), self.ask("metric-data-latest"))


@dataclass(frozen=True)
class Report:
    """What a trial said last."""

    count: int
    """Intermediate reports so far."""
    value: float
    """``default`` of the final report, else of the last intermediate one; NaN where it is not a number."""
    final: bool
    when: float | None = field(default=None, compare=False)
    """Seconds since 1970."""
    data: str = field(default="", compare=False, repr=False)
    """The report as NNI keeps it (JSON twice)."""

    @classmethod
    def of(cls, intermediate: dict | None, final: dict | None) -> "Report":
        """Return what a trial's metrics say: its last intermediate one and its final one, where they are there."""
        newest = final or intermediate
        return cls(
            count=intermediate["sequence"] + 1 if intermediate else 0,
            value=number(newest["data"]),
            final=final is not None,
            when=newest["timestamp"] / 1000 if newest.get("timestamp") else None,
            data=newest["data"],
        )


@dataclass(frozen=True)
class Trial:
    """A trial as NNI's manager tells it."""

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
    def of(cls, job: dict, report: Report | None) -> "Trial":
        """Return the trial in one of NNI's trial jobs."""
        recorded = json.loads(job["hyperParameters"][0])["parameters"] if job.get("hyperParameters") else {}
        ended = job.get("startTime") and job.get("endTime")
        return cls(
            id=job["trialJobId"],
            number=job["sequenceId"],
            status=job["status"],
            parameters=recorded if isinstance(recorded, dict) else {},
            report=report,
            seconds=(job["endTime"] - job["startTime"]) / 1000 if ended else None,
            started=job["startTime"] / 1000 if job.get("startTime") else None,
        )

    @property
    def busy(self) -> bool:
        """Whether it is not over."""
        return self.status in BUSY

    @property
    def run(self) -> str:
        """Id of the trial whose folder it works in: its own, or that of the one that it goes on with."""
        return str(self.parameters.get(CONTINUES, self.id))


def with_reports(jobs: Iterable[dict], metrics: Iterable[dict]) -> list[Trial]:
    """Return NNI's trial jobs as trials, each with what its newest metrics say, in the order of their numbers."""
    newest: dict[str, dict[str, Any]] = {"PERIODICAL": {}, "FINAL": {}}
    for metric in metrics:
        newest[metric["type"]].setdefault(metric["trialJobId"], metric)  # of two finals NNI takes the first, too
    reports = {
        trial: Report.of(newest["PERIODICAL"].get(trial), newest["FINAL"].get(trial))
        for trial in newest["PERIODICAL"] | newest["FINAL"]
    }
    trials = [Trial.of(job, reports.get(job["trialJobId"])) for job in jobs if "sequenceId" in job]
    return sorted(trials, key=lambda trial: trial.number)


def retries(trials: Sequence[Trial]) -> dict[str, int]:
    """Return trial id → number of the trial that continues it, for those that were tried again."""
    in_time = sorted(trials, key=lambda trial: (trial.id != trial.run, trial.started or math.inf))  # numbers can repeat
    last = {trial.run: trial for trial in in_time}
    return {trial.id: last[trial.run].number for trial in trials if last[trial.run] is not trial}


def number(data: str) -> float:
    """Return the objective in a metric's data (JSON twice; a number, or a dict with ``default``), NaN if none."""
    try:
        value = json.loads(json.loads(data))
    except (TypeError, ValueError):
        return math.nan
    value = value.get("default") if isinstance(value, dict) else value
    return float(value) if isinstance(value, (int, float)) else math.nan
