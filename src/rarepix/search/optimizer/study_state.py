"""What has been tried and how it went: configurations, their runs, and the events that made them.

The history is the sum of its events, and nothing changes it but an event: what is written to the ledger is therefore
all that is needed to go on after a kill. A **configuration** has one **run** per block, and further runs of the same
block (attempts) where one failed and is retried.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rarepix.records import Block
from rarepix.search.nni.trial_io import CONTINUES

Event = dict[str, Any]
Metrics = dict[str, float]


@dataclass
class Run:
    """One configuration on one block: an NNI trial job."""

    number: int
    """NNI's parameter id."""
    configuration: int
    block: int
    """Index of the block."""
    attempt: int
    continues: str | None
    """NNI's id of the job whose work this one goes on with."""
    job: str | None = None
    """NNI's id, once it is known."""
    curve: dict[int, Metrics] = field(default_factory=dict)
    """Epoch → what was reported."""
    outcome: str | None = None
    """complete, stopped (by the search), failed or canceled (by a person); None: not over."""
    cause: str | None = None
    """Why it failed."""
    metrics: Metrics = field(default_factory=dict)
    """Of the final report."""


@dataclass
class Configuration:
    """A configuration without its block."""

    number: int
    parameters: dict[str, Any]
    origin: str
    """default, listed, known, earlier or sampled."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """What the sampler remembers of it."""
    rungs: dict[str, Any] = field(default_factory=dict)
    """What the pruner remembers of it."""
    end: str | None = None
    """complete, stopped, dropped (by the race), failed or canceled; None: it may get more runs."""


class StudyState:
    """Everything that has happened in a search."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = tuple(blocks)
        self.configurations: list[Configuration] = []
        self.runs: dict[int, Run] = {}
        self.runs_of: dict[int, list[Run]] = {}
        """Configuration → its runs, oldest first."""
        self.jobs: dict[str, int] = {}
        """NNI's id of a job → run."""
        self.stops: dict[int, str] = {}
        """Run that was asked to stop → why: pruned or hung."""
        self.looks: set[tuple[int, int]] = set()
        """(configuration, finished blocks) at which the race has looked."""
        self.odd: Counter[str] = Counter()
        """What should not come but does, and how often: late, nan, missing, unknown."""
        self._known: set[str] = set()

    def apply(self, event: Event) -> None:
        """Let *event* happen."""
        getattr(self, f"_on_{event['event']}")(**{key: value for key, value in event.items() if key != "event"})

    def tried(self, parameters: Mapping[str, Any]) -> bool:
        """Return whether there is a configuration with these parameters."""
        return canonical(parameters) in self._known

    def order(self, run: Run) -> dict[str, Any]:
        """Return the parameters that NNI is to give to *run*: configuration and block, and whose work it continues."""
        block = self.blocks[run.block]
        parameters = self.configurations[run.configuration].parameters | {"seed": block.seed, "data.fold": block.fold}
        return parameters | ({CONTINUES: run.continues} if run.continues else {})

    def open_runs(self, configuration: int) -> list[Run]:
        """Return the runs of a configuration that are not over."""
        return [run for run in self.runs_of[configuration] if run.outcome is None]

    def last_attempts(self, configuration: int) -> dict[int, Run]:
        """Return block → newest run of a configuration."""
        return {run.block: run for run in self.runs_of[configuration]}

    def finals(self, configuration: int) -> dict[int, Metrics]:
        """Return block → final metrics, of the blocks that a configuration has completed."""
        return {run.block: run.metrics for run in self.runs_of[configuration] if run.outcome == "complete"}

    def scores(self, name: str) -> np.ndarray:
        """Return the final scores *name*, configurations × blocks, NaN where there is none."""
        scores = np.full((len(self.configurations), len(self.blocks)), np.nan)
        for configuration in range(len(scores)):
            for block, metrics in self.finals(configuration).items():
                score = finite(metrics, name)
                scores[configuration, block] = np.nan if score is None else score
        return scores

    def curve(self, run: Run) -> dict[int, Metrics]:
        """Return epoch → report of *run* together with the attempts before it."""
        merged: dict[int, Metrics] = {}
        for attempt in self.runs_of[run.configuration]:
            if attempt.block == run.block:
                merged |= attempt.curve
        return dict(sorted(merged.items()))

    def _on_configuration(self, configuration: int, parameters: dict, origin: str, attributes: dict) -> None:
        assert configuration == len(self.configurations)
        self.configurations.append(Configuration(configuration, parameters, origin, attributes))
        self.runs_of[configuration] = []
        self._known.add(canonical(parameters))

    def _on_run(self, run: int, configuration: int, block: int, attempt: int, continues: str | None) -> None:
        made = Run(run, configuration, block, attempt, continues)
        self.runs[run] = made
        self.runs_of[configuration].append(made)

    def _on_job(self, run: int, job: str) -> None:
        self.runs[run].job = job
        self.jobs[job] = run

    def _on_report(self, run: int, epoch: int, metrics: Metrics) -> None:
        self.runs[run].curve[epoch] = metrics

    def _on_rung(self, configuration: int, attributes: dict) -> None:
        self.configurations[configuration].rungs |= attributes

    def _on_stop(self, run: int, why: str) -> None:
        self.stops[run] = why

    def _on_end(self, run: int, outcome: str, cause: str | None, metrics: Metrics) -> None:
        ended = self.runs[run]
        ended.outcome, ended.cause, ended.metrics = outcome, cause, metrics

    def _on_look(self, configuration: int, blocks: int, verdict: str | None) -> None:
        self.looks.add((configuration, blocks))

    def _on_close(self, configuration: int, end: str) -> None:
        self.configurations[configuration].end = end

    def _on_odd(self, what: str, job: str | None) -> None:
        self.odd[what] += 1


def canonical(parameters: Mapping[str, Any]) -> str:
    """Return a text that equal parameters share; 4 and 4.0 are equal."""
    return json.dumps(_plain(parameters), sort_keys=True)


def finite(metrics: Mapping[str, float], name: str) -> float | None:
    """Return the score *name* of a report, None where it is absent or not finite; ``default`` is the objective."""
    value = metrics.get("default" if name == "objective" else name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def numbers(value: Any) -> Metrics:
    """Return the numbers in a report of a trial, which is a mapping or a single number."""
    metrics = value if isinstance(value, Mapping) else {"default": value}
    return {
        name: part for name, part in metrics.items() if isinstance(part, (int, float)) and not isinstance(part, bool)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
