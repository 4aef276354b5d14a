"""Optuna inside NNI: named as the tuner of a study, it chooses every trial, stops trials, and runs failed ones again.

    tuner:
      codeDirectory: .
      className: rarepix.search.advisor.OptunaAdvisor
      classArgs: {sampler: tpe, pruner: asha, seed: 1}

NNI calls such a class an advisor. It is asked for trials, and hears every report and every end; these come in one
queue here, since NNI's two would let an end overtake the final report before it.
"""

import logging
import math
import threading
import time
from typing import Any

import nni
import optuna
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType

from rarepix.search.nni.context import build_scheduler, heartbeat_timeout, own_manager, read_context
from rarepix.search.nni.reconcile import final_of, jobs_of, reconcile
from rarepix.search.optimizer.failure_reason import outcome_of
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import read_settings
from rarepix.search.optimizer.study_state import Metrics, Run, numbers

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between looks at the clock."""
GRACE = 3.0
"""Seconds that a final report may come after the end of its trial. Then NNI's database is asked."""


class OptunaAdvisor(MsgDispatcherBase):
    """The advisor of one study. ``classArgs`` are those of ``advising.settings.SearchSettings``."""

    def __init__(self, **class_args: Any) -> None:
        self.settings = read_settings(class_args)
        self.manager = own_manager()
        self.silence = math.inf
        """Seconds without a report after which a trial is stopped."""
        self.search: Scheduler
        self.again: list[Run] = []
        """Runs of the ledger that NNI does not know: it was killed before it had noted them."""
        self.wanted = 0
        """Trials that NNI has asked for and not got yet."""
        self.finals: dict[int, Metrics] = {}
        """Run → final report, of runs that are not over."""
        self.ended: dict[int, tuple[float, str, int | None]] = {}
        """Run → when it ended, and how, of runs that are said to have succeeded, but have not reported a result."""
        self.heard: dict[int, float] = {}
        """Run → when it was last heard of, of runs that are out."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        super().__init__()  # from here on NNI waits for our answers

    def enqueue_command(self, command: CommandType, data: Any) -> None:
        """Put every message into one queue."""
        self.default_command_queue.put((command, data))

    def handle_initialize(self, data: dict[str, Any]) -> None:
        """Begin the search in the space *data*, or go on with it, and say so to NNI."""
        assignment = read_context(self.manager)
        self.silence = heartbeat_timeout(self.settings, assignment.trial_seconds)
        self.search = build_scheduler(self.settings, data, assignment)
        self.again = reconcile(self.search, jobs_of(self.manager))
        open_runs = [run.number for run in self.search.history.runs.values() if run.outcome is None]
        self.heard = dict.fromkeys(open_runs, time.monotonic())
        self.send(CommandType.Initialized, "")
        threading.Thread(target=self._tick, daemon=True).start()

    def handle_request_trial_jobs(self, data: int) -> None:
        """Start *data* more trials, now or as soon as there is something to start."""
        self.wanted += data
        self._answer()

    def handle_report_metric_data(self, data: dict[str, Any]) -> None:
        """Take a report of a trial; stop the trial if the search wants that."""
        metrics = numbers(nni.load(data["value"]))
        run = self._run(data["parameter_id"], data["trial_job_id"])
        if run is None:
            return
        self.heard[run.number] = time.monotonic()
        if data["type"] == "FINAL":
            self.finals.setdefault(run.number, metrics)  # of two finals NNI takes the first, too
            if run.number in self.ended:
                self._end(run, *self.ended.pop(run.number)[1:])
        elif self.search.report(run.number, metrics):
            self.send(CommandType.KillTrialJob, nni.dump(data["trial_job_id"]))

    def handle_trial_end(self, data: dict[str, Any]) -> None:
        """Take the end of a trial."""
        said = nni.load(data["hyper_params"])
        run = self._run(said["parameter_id"], data["trial_job_id"])
        if run is None:
            return
        event, code = data["event"], data.get("exit_code")
        if event == "SUCCEEDED" and run.number not in self.finals:
            self.ended[run.number] = (time.monotonic(), event, code)
        else:
            self._end(run, event, code)

    def handle_ping(self, data: Any) -> None:
        """Look at the clock: a final report that does not come, and trials that have fallen silent."""
        now = time.monotonic()
        for number, (since, event, code) in list(self.ended.items()):
            if now - since > GRACE:
                del self.ended[number]
                self._end(self.search.history.runs[number], event, code)
        for number, since in list(self.heard.items()):
            if now - since > self.silence and number not in self.search.history.stops:
                self.heard[number] = now
                self._stop_if_hung(self.search.history.runs[number])

    def handle_add_customized_trial(self, data: Any) -> None:
        """A trial that a person adds in the web UI runs and leaves its record; it is no part of the search."""

    def handle_import_data(self, data: Any) -> None:
        """NNI tells the results of finished trials again; the ledger has them."""

    def handle_update_search_space(self, data: Any) -> None:
        """Refuse: configurations of two spaces cannot be compared."""
        log.error("the search space of a study stays as it is: start a new study, with `earlier` if it is to go on")

    def _answer(self) -> None:
        """Give NNI the trials that it waits for, as far as there are any now."""
        while self.wanted:
            run = self.again.pop(0) if self.again else self.search.next()
            if run is None:
                if not self.search.busy and not self._more_room():
                    self.send(CommandType.NoMoreTrialJobs, "")
                    return
                if self.search.busy:
                    return
                continue
            self.wanted -= 1
            self.heard[run.number] = time.monotonic()
            order = {"parameter_id": run.number, "parameter_source": "algorithm", "parameter_index": 0}
            self.send(CommandType.NewTrialJob, nni.dump(order | {"parameters": self.search.history.order(run)}))

    def _more_room(self) -> bool:
        """Return whether a person has raised maxTrialNumber."""
        before, self.search.limit = self.search.limit, self.manager.profile()["params"].get("maxTrialNumber")
        return self.search.limit != before

    def _run(self, parameter_id: Any, job: str) -> Run | None:
        """Return the run that a message is about; None if it is about none of ours that is still open."""
        if parameter_id is None:  # a trial that a person added
            return None
        # a report names the parameters that the trial has really got; NNI's word at its end can be another trial's
        number = self.search.history.jobs.get(job, int(parameter_id))
        run = self.search.history.runs.get(number)
        if run is None or run.outcome:
            self.search.odd("unknown" if run is None else "late", job)
            return None
        self.search.job(number, job)
        return run

    def _end(self, run: Run, event: str, code: int | None) -> None:
        # what NNI has sent can be lost on a busy machine, what it has stored is not
        final = self.finals.pop(run.number, None) or final_of(self.manager.ask(f"trial-jobs/{run.job}"))
        outcome, cause = outcome_of(event, code, why_stopped=self.search.history.stops.get(run.number), final=final)
        if cause == "no_result":
            self.search.odd("missing", run.job)
        self.search.end(run.number, outcome, cause, final)
        self.heard.pop(run.number, None)
        self._answer()

    def _stop_if_hung(self, run: Run) -> None:
        """Stop a run that is silent, unless it waits for a GPU."""
        job = jobs_of(self.manager).get(run.number, {})
        seconds = time.time() - job.get("startTime", math.inf) / 1000
        if job.get("status") == "RUNNING" and seconds > self.silence:
            log.warning("trial %s has not reported for %.0f s: it is stopped", job["trialJobId"], self.silence)
            self.search.job(run.number, job["trialJobId"])
            self.search.stop(run.number, "hung")
            self.send(CommandType.KillTrialJob, nni.dump(job["trialJobId"]))

    def _tick(self) -> None:
        """NNI has no clock for its tuners: put a ping of our own into the queue now and then."""
        while not self.stopping:
            time.sleep(TICK)
            self.enqueue_command(CommandType.Ping, None)
