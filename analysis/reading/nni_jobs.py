"""The trial jobs of an NNI experiment: what became of each, what it received, what it reported, start by start."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from analysis.reading.nni_database import Content, scores
from analysis.reading.tables import LeftOut

FILE = "nni.sqlite"
ENDS = {
    "SUCCEEDED": "complete",
    "USER_CANCELED": "stopped",
    "EARLY_STOPPED": "stopped",
    "USER_TO_CANCEL": "stopped",
    "FAILED": "failed",
    "SYS_CANCELED": "failed",
}
"""Event → status of a trial that ended; with any other it has not."""
TELL_NO_STATE = ("ADD_HYPERPARAMETER", "IMPORT_DATA")
CONTINUES = "continues"
"""Key beside the parameters of a job that goes on with the work of a failed one: the trial's first job."""


@dataclass
class Job:
    """A trial job of NNI."""

    name: str
    state: str = ""
    started: int | None = None
    """Milliseconds since 1970, of the first start."""
    ended: int | None = None
    resumed: list[int] = field(default_factory=list)
    """When a resumed experiment took it up again."""
    meant: dict[str, Any] = field(default_factory=dict)
    """The parameters that NNI meant it to have."""
    meant_id: str | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        """As in a record."""
        return ENDS.get(self.state, "running")

    @property
    def received_id(self) -> str | None:
        """Id of the parameters by which the trial itself reported; None where it reported none."""
        return next((report["parameterId"] for report in self.reports if report["parameterId"] is not None), None)

    def attempts(self) -> list[list[dict[str, Any]]]:
        """Return the reports of the trial start by start.

        A start begins where the experiment was resumed, or where the numbers of the validations begin again.
        """
        found: list[list[dict[str, Any]]] = []
        last = -1
        era = 0
        for report in self.reports:
            now = sum(report["timestamp"] >= moment for moment in self.resumed)
            again = report["type"] == "PERIODICAL" and report["sequence"] <= last
            if not found or now > era or again:
                found.append([])
                last = -1
            era = now
            if report["type"] == "PERIODICAL":
                last = report["sequence"]
            found[-1].append(report)
        return found

    def final(self) -> dict[str, float]:
        """Return the scores of the final report since the last resume (of two, NNI takes the first); empty if none."""
        since = self.resumed[-1] if self.resumed else 0
        finals = (report for report in self.reports if report["type"] == "FINAL" and report["timestamp"] >= since)
        return scores(next((report["data"] for report in finals), None))


def jobs_of(content: Content) -> list[Job]:
    """Return the jobs of an experiment, in the order in which NNI first wrote of them."""
    jobs: dict[str, Job] = {}
    for event in content.events:
        _happened(jobs.setdefault(event["trialJobId"], Job(event["trialJobId"])), event)
    for metric in content.metrics:
        if metric["trialJobId"] in jobs:
            jobs[metric["trialJobId"]].reports.append(metric)
    return [job for job in jobs.values() if job.state]


def _happened(job: Job, event: dict[str, Any]) -> None:
    kind = event["event"]
    if kind not in TELL_NO_STATE:
        job.state = kind
    if kind == "RUNNING" and job.started is None:
        job.started = event["timestamp"]
    if kind == "ADD_RESUMED":
        job.resumed.append(event["timestamp"])
    job.ended = event["timestamp"] if kind in ENDS else None if kind == "RUNNING" else job.ended
    if event["data"] and not job.meant:
        data = json.loads(event["data"])
        if isinstance(data, dict) and "parameters" in data:
            job.meant = data["parameters"]
            job.meant_id = None if data.get("parameter_id") is None else str(data["parameter_id"])


def parameters_of(jobs: Iterable[Job], left_out: LeftOut) -> dict[str, dict[str, Any]]:
    """Return job → the parameters that it really received, with a note where they are not those that NNI meant.

    NNI 3.0 can hand a trial the parameters of another (github.com/microsoft/nni/issues/5726); its list keeps what was
    meant. The id with which a trial reports is that of what it received. A job that reported no id, or nothing, has
    what was meant. One whose id stands for no parameters, or since a resume for two, is left out.
    """
    jobs = list(jobs)
    known: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        if job.meant_id is not None and job.meant not in known.setdefault(job.meant_id, []):
            known[job.meant_id].append(job.meant)
    found = {}
    for job in jobs:
        received = job.received_id
        if received is None or received == job.meant_id:
            found[job.name] = job.meant
            continue
        choices = known.get(received, [])
        reported = f"it reported with parameter id {received}, but NNI meant it to have id {job.meant_id}"
        if len(choices) == 1:
            found[job.name] = choices[0]
            left_out.add(
                job.name, FILE, f"{reported}: what NNI meant is left out, the parameters of id {received} count"
            )
        else:
            many = "no job's parameters" if not choices else f"{len(choices)} different sets of parameters"
            left_out.add(job.name, FILE, f"{reported}, and id {received} is that of {many}: the trial is left out")
    return found
