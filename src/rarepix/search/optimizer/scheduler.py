"""A search: which run comes next, and what every report and every end means for those to come.

It knows nothing of NNI and nothing of time: it is asked for runs, and told what became of them. All that it decides
goes through the ledger first, so that a search that was killed goes on where it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rarepix.records import Block
from rarepix.search.optimizer.design import DEFAULT, planned_configurations
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.proposals import Proposals
from rarepix.search.optimizer.pruning import Pruning
from rarepix.search.optimizer.race import clearly_worse
from rarepix.search.optimizer.retries import should_retry
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import Metrics, Run, StudyState, finite

FINAL = ("stopped", "canceled")
"""Outcomes of a run after which its configuration gets no more."""


class Scheduler:
    """The search of one study."""

    def __init__(
        self,
        settings: SearchSettings,
        space: Mapping[str, Any],
        default: Mapping[str, Any],
        *,
        blocks: Sequence[Block] = (Block(seed=0, fold=0),),
        ledger: Journal | None = None,
        first: Iterable[tuple[str, Mapping[str, Any]]] = (),
        limit: int | None = None,
        epochs: int = 1,
    ) -> None:
        """Begin a search, or go on with the one that is in *ledger*.

        *default* are the parameters of the recipe as it is, *first* (origin, parameters) are tried after it, *limit*
        is the number of runs for which there is room, *epochs* how long a run is (at most), for the pruner.

        Raises:
            ledger.LedgerError: the ledger is of another search.
        """
        self.settings, self.space, self.default, self.limit = settings, space, dict(default), limit
        self.ledger = ledger or Journal()
        self.history = StudyState(blocks)
        self.planned = planned_configurations(settings, space, self.default, first)
        """(origin, parameters) of the configurations that are known beforehand."""
        for event in self.ledger.open(self._study()):
            self.history.apply(event)
        self.proposals = None if settings.listed else Proposals(settings, space, self.history)
        self.stopping = Pruning(settings, self.history, epochs)
        self._open = {found.number for found in self.history.configurations if not found.end}
        for number in sorted(self._open):
            self._close_if_over(number)  # a kill may have come between an end and what follows from it

    def _study(self) -> dict[str, Any]:
        """Return what the search is of: the first line of its ledger."""
        return {
            "space": dict(self.space),
            "settings": self.settings.model_dump(mode="json", exclude_unset=True),
            "default": self.default,
            "blocks": [block.model_dump() for block in self.history.blocks],
            "planned": [[origin, dict(parameters)] for origin, parameters in self.planned],
        }

    @property
    def busy(self) -> bool:
        """Whether a run is out whose end may call for further runs."""
        return any(self.history.open_runs(number) for number in self._open)

    @property
    def samples(self) -> int | None:
        """How many configurations there will be (None: no end is known)."""
        if self.settings.listed:
            return len(self.planned)
        if self.settings.samples is None and self.limit is not None:
            return self.limit // len(self.history.blocks)
        return self.settings.samples

    def next(self) -> Run | None:
        """Return the run that is to be started now; None: nothing (yet, if ``busy``)."""
        if self.limit is not None and len(self.history.runs) >= self.limit:
            return None
        return self._retry() or self._further_block() or self._new_configuration()

    def job(self, number: int, job: str) -> None:
        """Note NNI's id of the job that does a run."""
        if self.history.runs[number].job is None:
            self._do("job", run=number, job=job)

    def report(self, number: int, metrics: Metrics) -> bool:
        """Take what a run reports after a validation; return whether it is to be stopped."""
        run = self.history.runs[number]
        if run.outcome:
            self.odd("late", run.job)
            return False
        if finite(metrics, "objective") is None:
            self.odd("nan", run.job)
            return False
        known = self.history.curve(run)
        epoch = finite(metrics, "epoch")
        epoch = int(epoch) if epoch is not None else max([0, *known]) + 1
        self._do("report", run=number, epoch=epoch, metrics=dict(metrics))
        if number in self.history.stops:
            return True  # the word to stop may have been lost
        if run.block or self.stopping.by_blocks or epoch in known:
            return False
        shown = self.stopping.shown(self.history.curve(run))
        stop = epoch in shown and self._judge(run.configuration, epoch, shown[epoch])
        if stop:
            self.stop(number, "pruned")
        return stop

    def stop(self, number: int, why: str) -> None:
        """Note that a run was asked to stop, because it was ``pruned`` or ``hung``."""
        self._do("stop", run=number, why=why)

    def end(self, number: int, outcome: str, cause: str | None = None, metrics: Metrics | None = None) -> None:
        """Take the end of a run: complete (with the metrics of its final report), stopped, failed (with its cause) or
        canceled (by a person)."""
        run = self.history.runs[number]
        if run.outcome:
            self.odd("late", run.job)
            return
        self._do("end", run=number, outcome=outcome, cause=cause, metrics=dict(metrics or {}))
        if outcome == "complete" and self.stopping.by_blocks:
            score = finite(run.metrics, self.settings.objectives[0])
            if score is not None and self._judge(run.configuration, run.block, score):
                self._close(run.configuration, "dropped")
                return
        self._close_if_over(run.configuration)

    def odd(self, what: str, job: str | None = None) -> None:
        """Count something that should not have come, or should have and did not."""
        self._do("odd", what=what, job=job)

    def _do(self, event: str, **what: Any) -> None:
        self.ledger.write({"event": event} | what)
        self.history.apply({"event": event} | what)

    def _retry(self) -> Run | None:
        for number in sorted(self._open):
            for block, run in self.history.last_attempts(number).items():
                if self._is_to_be_retried(run):
                    return self._run(number, block, attempt=run.attempt + 1, continues=run.continues or run.job)
        return None

    def _is_to_be_retried(self, run: Run) -> bool:
        room = self.limit is None or len(self.history.runs) < self.limit
        return room and should_retry(run, self.history, self.settings.retries)

    def _further_block(self) -> Run | None:
        """Return a run of a configuration that has begun: the oldest one; in a listed study the one with fewest."""
        ready = [number for number in sorted(self._open) if self._may_go_on(number)]
        if self.settings.listed:
            if len(self.history.configurations) < len(self.planned):
                return None  # all of them get a block before any gets a further one
            ready.sort(key=lambda number: len(self.history.last_attempts(number)))
        for number in ready:
            if not self._drops_out(number):
                return self._run(number, len(self.history.last_attempts(number)))
        return None

    def _may_go_on(self, number: int) -> bool:
        runs = self.history.last_attempts(number)
        if len(runs) == len(self.history.blocks) or any(self._ends(run) for run in runs.values()):
            return False
        one_by_one = self.settings.race is not None or self.stopping.by_blocks
        waits = runs.values() if one_by_one or (self.settings.pruner != "none" and len(runs) == 1) else ()
        return all(run.outcome is not None for run in waits)

    def _ends(self, run: Run) -> bool:
        """Return whether the end of *run* is that of its configuration. The design of a listed study is kept to."""
        return run.outcome in FINAL or (run.outcome == "failed" and not self.settings.listed)

    def _drops_out(self, number: int) -> bool:
        """Let the race look at a configuration before it gets a further block; return whether it gets none."""
        race, done = self.settings.race, len(self.history.finals(number))
        is_default = self.history.configurations[number].origin == DEFAULT
        if race is None or is_default or done < race.at_least or (number, done) in self.history.looks:
            return False
        verdict = clearly_worse(
            self.history.scores(self.settings.objectives[0]),
            number,
            looks=len(self.history.blocks) - race.at_least,
            alpha=race.alpha,
            at_least=race.at_least,
        )
        self._do("look", configuration=number, blocks=done, verdict=str(verdict) if verdict else None)
        if verdict:
            self._close(number, "dropped")
        return verdict is not None

    def _new_configuration(self) -> Run | None:
        if self.samples is not None and len(self.history.configurations) >= self.samples:
            return None
        for origin, parameters in self.planned:
            if not self.history.tried(parameters):
                return self._run(self._configuration(parameters, origin, {}), 0)
        proposed = self.proposals.propose() if self.proposals else None
        return self._run(self._configuration(proposed[0], "sampled", proposed[1]), 0) if proposed else None

    def _configuration(self, parameters: Mapping[str, Any], origin: str, attributes: dict[str, Any]) -> int:
        number = len(self.history.configurations)
        self._do(
            "configuration", configuration=number, parameters=dict(parameters), origin=origin, attributes=attributes
        )
        if self.proposals:
            self.proposals.begin(self.history.configurations[number])
        self.stopping.begin()
        self._open.add(number)
        return number

    def _run(self, configuration: int, block: int, *, attempt: int = 1, continues: str | None = None) -> Run:
        number = len(self.history.runs)
        self._do("run", run=number, configuration=configuration, block=block, attempt=attempt, continues=continues)
        return self.history.runs[number]

    def _judge(self, configuration: int, step: int, value: float) -> bool:
        """Show the pruner a value and return whether it wants the configuration stopped; the default one never is."""
        if self.settings.pruner == "none":
            return False
        stop, remembered = self.stopping.judge(configuration, step, value)
        if remembered:
            self._do("rung", configuration=configuration, attributes=remembered)
        return stop and self.history.configurations[configuration].origin != DEFAULT

    def _close_if_over(self, number: int) -> None:
        runs = self.history.last_attempts(number)
        if any(run.outcome is None or self._is_to_be_retried(run) for run in runs.values()):
            return
        outcomes = {run.outcome for run in runs.values()}
        ends = [run.outcome for run in runs.values() if self._ends(run)]
        if ends:
            self._close(number, ends[0])
        elif len(runs) == len(self.history.blocks):
            self._close(number, "complete" if "complete" in outcomes else "failed")

    def _close(self, number: int, end: str) -> None:
        self._do("close", configuration=number, end=end)
        self._open.discard(number)
        configuration = self.history.configurations[number]
        if self.proposals:
            self.proposals.finish(configuration)
        self.stopping.finish(configuration)
