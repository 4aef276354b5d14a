"""The scheduler of a study: which run comes next, and what every report and every end of a run leads to.

It knows neither NNI nor the time: it gives out runs, and takes their reports and ends. Every decision is written to
the journal before it takes effect, so that a search that was killed continues where it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rarepix.records import Block
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.proposals import Proposals, planned_configurations
from rarepix.search.optimizer.pruners import Pruning
from rarepix.search.optimizer.race import clearly_worse
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import DEFAULT, SAMPLED, Metrics, Run, StudyState, finite


class Scheduler:
    """The scheduler of one study."""

    def __init__(
        self,
        settings: SearchSettings,
        space: Mapping[str, Any],
        default: Mapping[str, Any],
        *,
        blocks: Sequence[Block] = (Block(seed=0, fold=0),),
        journal: Journal | None = None,
        enqueued: Iterable[tuple[str, Mapping[str, Any]]] = (),
        limit: int | None = None,
        epochs: int = 1,
    ) -> None:
        """Begin a search, or continue the one in *journal*.

        Args:
            settings: how to search.
            space: search space in NNI's format.
            default: parameters of the recipe as it is, the first configuration.
            blocks: seeds and folds that every configuration runs on, without those of extensions.
            journal: where events are kept (None: nowhere).
            enqueued: (origin, parameters) of the configurations that are tried after the default one.
            limit: maximum number of runs (None: no limit).
            epochs: maximum length of a run, for the pruner.

        Raises ``JournalError`` if the journal belongs to another search.
        """
        self.settings, self.limit, self.journal = settings, limit, journal or Journal()
        self.state = StudyState(blocks)
        self.planned = planned_configurations(settings, space, dict(default), enqueued)
        """(origin, parameters) of the configurations that are known beforehand."""
        first_line = {
            "space": dict(space),
            "settings": settings.model_dump(mode="json", exclude_unset=True),
            "default": dict(default),
            "blocks": [block.model_dump() for block in self.state.blocks],
            "planned": [[origin, dict(parameters)] for origin, parameters in self.planned],
        }
        for event in self.journal.open(first_line):
            self.state.apply(event)
        self._planned_count = self.state.planned_count(settings, len(self.planned))
        self.planned += self.state.added
        self.proposals = None if settings.listed else Proposals(settings, space, self.state)
        self.pruning = Pruning(settings, self.state, epochs)
        self._open = {configuration.number for configuration in self.state.configurations if not configuration.end}
        for number in sorted(self._open):
            self._close_if_over(number)  # a kill may have come between the end of a run and what follows from it

    @property
    def busy(self) -> bool:
        """Whether a run is open whose end may lead to further runs."""
        return any(run.outcome is None for number in self._open for run in self.state.runs_of[number])

    @property
    def samples(self) -> int | None:
        """How many configurations there will be (None: not known beforehand)."""
        if self._planned_count is None and self.limit is not None:
            return self.limit // len(self.state.blocks)
        return self._planned_count

    def next(self) -> Run | None:
        """Return the run to start now; None if there is none (or none yet, if ``busy``)."""
        if self.limit is not None and len(self.state.runs) >= self.limit:
            return None
        return self._retry() or self._further_block() or self._new_configuration()

    def job(self, number: int, job: str) -> None:
        """Note NNI's id of the job that executes a run."""
        if self.state.runs[number].job is None:
            self._record("job", run=number, job=job)

    def report(self, number: int, metrics: Metrics) -> bool:
        """Take the metrics of a validation; return whether the run should be stopped."""
        run = self.state.runs[number]
        if run.outcome:
            self.anomaly("late", run.job)
            return False
        if finite(metrics, "objective") is None:
            self.anomaly("nan", run.job)
            return False
        curve = self.state.curve(run)
        epoch = finite(metrics, "epoch")
        epoch = int(epoch) if epoch is not None else max([0, *curve]) + 1
        self._record("report", run=number, epoch=epoch, metrics=dict(metrics))
        if number in self.state.stops:
            return True  # the earlier request to stop may have been lost
        if run.block or self.pruning.by_blocks or epoch in curve:
            return False
        visible = self.pruning.visible(self.state.curve(run))
        stop = epoch in visible and self._should_stop(run.configuration, epoch, visible[epoch])
        if stop:
            self.stop(number, "pruned")
        return stop

    def stop(self, number: int, why: str) -> None:
        """Note that a run was asked to stop, because it was ``pruned`` or ``hung``."""
        self._record("stop", run=number, why=why)

    def end(self, number: int, outcome: str, cause: str | None = None, metrics: Metrics | None = None) -> None:
        """Take the end of a run: *outcome* and *cause* as in ``Run``, *metrics* of its final report."""
        run = self.state.runs[number]
        if run.outcome:
            self.anomaly("late", run.job)
            return
        self._record("end", run=number, outcome=outcome, cause=cause, metrics=dict(metrics or {}))
        if outcome == "complete" and self.pruning.by_blocks:
            score = finite(run.metrics, self.settings.objectives[0])
            if score is not None and self._should_stop(run.configuration, run.block, score):
                self._close(run.configuration, "dropped")
                return
        self._close_if_over(run.configuration)

    def anomaly(self, kind: str, job: str | None = None) -> None:
        """Count an anomaly: a report that was late, not a number (nan), missing, or of an unknown run."""
        self._record("odd", what=kind, job=job)

    def _record(self, event: str, **fields: Any) -> None:
        self.journal.write({"event": event} | fields)
        self.state.apply({"event": event} | fields)

    def _retry(self) -> Run | None:
        for number in sorted(self._open):
            for block, run in self.state.last_attempts(number).items():
                if self._will_be_retried(run):
                    return self._run(number, block, attempt=run.attempt + 1, continues=run.continues or run.job)
        return None

    def _will_be_retried(self, run: Run) -> bool:
        within_limit = self.limit is None or len(self.state.runs) < self.limit
        return within_limit and self.state.should_retry(run, self.settings.retries)

    def _further_block(self) -> Run | None:
        """Return a run of a configuration that has begun: of the oldest, in a listed study of that with fewest runs."""
        ready = [number for number in sorted(self._open) if self._ready_for_block(number)]
        if self.settings.listed:
            if len(self.state.configurations) < len(self.planned):
                return None  # every configuration gets its first block before any gets a second
            ready.sort(key=lambda number: len(self.state.last_attempts(number)))
        for number in ready:
            if not self._is_dropped_by_race(number):
                return self._run(number, len(self.state.last_attempts(number)))
        return None

    def _ready_for_block(self, number: int) -> bool:
        runs = self.state.last_attempts(number)
        if len(runs) == len(self.state.blocks) or any(self._ends_configuration(run) for run in runs.values()):
            return False
        one_by_one = self.settings.race is not None or self.pruning.by_blocks
        awaited = runs.values() if one_by_one or (self.settings.pruner != "none" and len(runs) == 1) else ()
        return all(run.outcome is not None for run in awaited)

    def _ends_configuration(self, run: Run) -> bool:
        # a listed study continues after a failure
        return run.outcome in ("stopped", "canceled") or (run.outcome == "failed" and not self.settings.listed)

    def _is_dropped_by_race(self, number: int) -> bool:
        """Let the race test a configuration before it gets a further block; return whether it is dropped."""
        race, finished = self.settings.race, len(self.state.finals(number))
        is_default = self.state.configurations[number].origin == DEFAULT
        # the tests before the blocks that were planned at first have spent all of alpha
        in_extension = len(self.state.last_attempts(number)) >= self.state.first_blocks
        if race is None or is_default or in_extension:
            return False
        if finished < race.at_least or (number, finished) in self.state.looks:
            return False
        elimination = clearly_worse(
            self.state.scores(self.settings.objectives[0]),
            number,
            looks=self.state.first_blocks - race.at_least,
            alpha=race.alpha,
            at_least=race.at_least,
        )
        self._record("look", configuration=number, blocks=finished, verdict=elimination and str(elimination))
        if elimination:
            self._close(number, "dropped")
        return elimination is not None

    def _new_configuration(self) -> Run | None:
        if self.samples is not None and len(self.state.configurations) >= self.samples:
            return None
        for origin, parameters in self.planned:
            if not self.state.tried(parameters):
                return self._begin(origin, parameters, {})
        proposed = self.proposals.propose() if self.proposals else None
        return self._begin(SAMPLED, *proposed) if proposed else None

    def _begin(self, origin: str, parameters: Mapping[str, Any], attributes: dict[str, Any]) -> Run:
        """Begin a configuration, and return its first run."""
        number = len(self.state.configurations)
        self._record(
            "configuration", configuration=number, parameters=dict(parameters), origin=origin, attributes=attributes
        )
        if self.proposals:
            self.proposals.begin(self.state.configurations[number])
        self.pruning.begin()
        self._open.add(number)
        return self._run(number, 0)

    def _run(self, configuration: int, block: int, *, attempt: int = 1, continues: str | None = None) -> Run:
        number = len(self.state.runs)
        self._record("run", run=number, configuration=configuration, block=block, attempt=attempt, continues=continues)
        return self.state.runs[number]

    def _should_stop(self, configuration: int, step: int, value: float) -> bool:
        """Show a value to the pruner; return whether to stop the configuration. The default one is never stopped."""
        if self.settings.pruner == "none":
            return False
        stop, attributes = self.pruning.should_stop(configuration, step, value)
        if attributes:
            self._record("rung", configuration=configuration, attributes=attributes)
        return stop and self.state.configurations[configuration].origin != DEFAULT

    def _close_if_over(self, number: int) -> None:
        runs = self.state.last_attempts(number)
        if any(run.outcome is None or self._will_be_retried(run) for run in runs.values()):
            return
        ends = [run.outcome for run in runs.values() if self._ends_configuration(run)]
        if ends:
            self._close(number, ends[0])
        elif len(runs) == len(self.state.blocks):
            self._close(number, "complete" if any(run.outcome == "complete" for run in runs.values()) else "failed")

    def _close(self, number: int, end: str) -> None:
        self._record("close", configuration=number, end=end)
        self._open.discard(number)
        configuration = self.state.configurations[number]
        if self.proposals:
            self.proposals.finish(configuration)
        self.pruning.finish(configuration)
