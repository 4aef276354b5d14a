"""The state of a study: its configurations, their runs, and how each ended, rebuilt from the events of the journal.

Only events change the state, so the journal has all that is needed to go on after a kill. A **configuration** has one
**run** per block, and further runs (attempts) on the same block if one failed and was retried.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rarepix.nni_database import CONTINUES, is_finite_number
from rarepix.records import Block
from rarepix.search.optimizer.settings import Retries, SearchSettings

Metrics = dict[str, float]

DEFAULT = "default"
"""Origin of the configuration that is the recipe as it is: the baseline, which is neither pruned nor dropped."""
LISTED, ENQUEUED, WARM_START, SAMPLED = "listed", "enqueued", "warm_start", "sampled"
"""The other origins of a configuration."""


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
    """NNI's id of the job whose work this run resumes."""
    job: str | None = None
    """NNI's id of the job, once it is known."""
    curve: dict[int, Metrics] = field(default_factory=dict)
    """Epoch → reported metrics."""
    outcome: str | None = None
    """complete, stopped (by the search), failed or canceled (by a person); None: not over."""
    cause: str | None = None
    """Why it failed."""
    metrics: Metrics = field(default_factory=dict)
    """Metrics of the final report."""


@dataclass
class Configuration:
    """A configuration without its block."""

    number: int
    parameters: dict[str, Any]
    origin: str
    """default, listed, enqueued, warm_start or sampled."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """What the sampler stored about it."""
    rungs: dict[str, Any] = field(default_factory=dict)
    """What the pruner stored about it."""
    end: str | None = None
    """complete, stopped, dropped (by the race), failed or canceled; None: it may get more runs."""


class StudyState:
    """All configurations and runs of a study."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = tuple(blocks)
        self.first_blocks = len(self.blocks)
        """How many blocks the study had before it was extended."""
        self.added: list[tuple[str, dict[str, Any]]] = []
        """(origin, parameters) of the configurations that extensions have added."""
        self.begun_before_extension: int | None = None
        """How many configurations had begun at the first extension (None: the study was never extended)."""
        self.configurations: list[Configuration] = []
        self.runs: dict[int, Run] = {}
        self.runs_of: dict[int, list[Run]] = {}
        """Configuration → its runs, oldest first."""
        self.jobs: dict[str, int] = {}
        """NNI's id of a job → run."""
        self.stops: dict[int, str] = {}
        """Run that was asked to stop → why: pruned or hung."""
        self.looks: set[tuple[int, int]] = set()
        """(configuration, finished blocks) that the race has tested."""
        self.anomalies: Counter[str] = Counter()
        """Kind of anomaly (late, nan, missing, unknown) → how many reports."""
        self._tried: set[str] = set()

    def apply(self, event: dict[str, Any]) -> None:
        """Change the state as *event* says."""
        getattr(self, f"_on_{event['event']}")(**{key: value for key, value in event.items() if key != "event"})

    def tried(self, parameters: Mapping[str, Any]) -> bool:
        """Return whether there is a configuration with these parameters."""
        return canonical(parameters) in self._tried

    def planned_count(self, settings: SearchSettings, planned: int) -> int | None:
        """Return how many configurations there will be; None if only the limit of runs ends the search.

        *planned* is how many were known before the search began. A sampled study without ``samples`` tries as many as
        its limit has room for; when it is extended it samples no more, as its new limit is for the extension.
        """
        before = planned if settings.listed else settings.samples or self.begun_before_extension
        return None if before is None else before + len(self.added)

    def trial_parameters(self, run: Run) -> dict[str, Any]:
        """Return the parameters that NNI gives to *run*: configuration, block, and the job that it resumes."""
        block = self.blocks[run.block]
        parameters = self.configurations[run.configuration].parameters | {"seed": block.seed, "data.fold": block.fold}
        return parameters | ({CONTINUES: run.continues} if run.continues else {})

    def last_attempts(self, configuration: int) -> dict[int, Run]:
        """Return block → newest run of a configuration."""
        return {run.block: run for run in self.runs_of[configuration]}

    def should_retry(self, run: Run, retries: Retries) -> bool:
        """Return whether *run* failed, is the newest on its block, and *retries* allow another one for its cause."""
        if run.outcome != "failed" or self.last_attempts(run.configuration)[run.block] is not run:
            return False
        attempts = [other for other in self.runs_of[run.configuration] if other.block == run.block]
        return sum(other.cause == run.cause for other in attempts) <= getattr(retries, run.cause, 0)

    def finals(self, configuration: int) -> dict[int, Metrics]:
        """Return block → final metrics, of the blocks that a configuration has completed."""
        return {run.block: run.metrics for run in self.runs_of[configuration] if run.outcome == "complete"}

    def final_scores(self, configuration: int, name: str) -> dict[int, float]:
        """Return block → final score *name* of a configuration, of the blocks in which it is finite."""
        scores = {block: finite(metrics, name) for block, metrics in self.finals(configuration).items()}
        return {block: score for block, score in scores.items() if score is not None}

    def scores(self, name: str) -> np.ndarray:
        """Return the final scores *name* as an array (configurations, blocks); NaN where there is none."""
        scores = np.full((len(self.configurations), len(self.blocks)), np.nan)
        for configuration in range(len(scores)):
            for block, score in self.final_scores(configuration, name).items():
                scores[configuration, block] = score
        return scores

    def count_complete(self) -> int:
        """Return how many pairs of configuration and block are complete."""
        return sum(len(self.finals(configuration)) for configuration in self.runs_of)

    def curve(self, run: Run) -> dict[int, Metrics]:
        """Return epoch → reported metrics of *run*, merged with those of the attempts before it."""
        merged: dict[int, Metrics] = {}
        for attempt in self.runs_of[run.configuration]:
            if attempt.block == run.block:
                merged |= attempt.curve
        return dict(sorted(merged.items()))

    def _on_configuration(self, configuration: int, parameters: dict, origin: str, attributes: dict) -> None:
        assert configuration == len(self.configurations)
        self.configurations.append(Configuration(configuration, parameters, origin, attributes))
        self.runs_of[configuration] = []
        self._tried.add(canonical(parameters))

    def _on_run(self, run: int, configuration: int, block: int, attempt: int, continues: str | None) -> None:
        self.runs[run] = Run(run, configuration, block, attempt, continues)
        self.runs_of[configuration].append(self.runs[run])

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

    def _on_extend(
        self, blocks: list[dict], configurations: list[list], at: str, looked: int, complete: list[str]
    ) -> None:
        if self.begun_before_extension is None:
            self.begun_before_extension = len(self.configurations)
        # what is there already is not added twice: two commands at the same time may have written the same extension
        known = {canonical(parameters) for _, parameters in self.added}
        self.added += [(origin, each) for origin, each in configurations if canonical(each) not in known]
        self.blocks += tuple(block for block in (Block(**each) for each in blocks) if block not in self.blocks)
        for configuration in self.configurations:
            if blocks and configuration.end == "complete":
                configuration.end = None

    def _on_odd(self, what: str, job: str | None) -> None:
        self.anomalies[what] += 1


def canonical(parameters: Mapping[str, Any]) -> str:
    """Return the same text for equal parameters; 4 and 4.0 are equal."""
    return json.dumps(_with_whole_numbers_as_int(parameters), sort_keys=True)


def finite(metrics: Mapping[str, float], name: str) -> float | None:
    """Return the score *name* of a report, None if it is absent or not finite; ``objective`` is NNI's ``default``."""
    value = metrics.get("default" if name == "objective" else name)
    return float(value) if is_finite_number(value) else None


def best_so_far(curve: Mapping[int, Mapping[str, float]], name: str) -> dict[int, float]:
    """Return epoch → best value of *name* up to that epoch, because a trial keeps its best checkpoint."""
    best: dict[int, float] = {}
    for epoch, metrics in sorted(curve.items()):
        value = finite(metrics, name)
        if value is not None:
            best[epoch] = max([value, *best.values()])
    return best


def numbers(value: Any) -> Metrics:
    """Return the numbers in a report of a trial, which is a mapping or a single number."""
    metrics = value if isinstance(value, Mapping) else {"default": value}
    return {
        name: part for name, part in metrics.items() if isinstance(part, int | float) and not isinstance(part, bool)
    }


def _with_whole_numbers_as_int(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_whole_numbers_as_int(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_whole_numbers_as_int(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
