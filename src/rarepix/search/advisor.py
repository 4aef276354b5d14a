"""Optuna inside NNI: named as the tuner of a study, it chooses every trial, stops trials, and reruns failed ones.

    tuner:
      codeDirectory: .
      className: rarepix.search.advisor.OptunaAdvisor
      classArgs: {sampler: tpe, pruner: asha, seed: 1}

NNI calls such a class an advisor: it is asked for trials, and receives every report and every end of a trial. All
messages go through one queue here, because NNI's two queues would let an end overtake the final report before it.
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

from rarepix.search.nni import study_context
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.study_state import Metrics, Run, numbers

log = logging.getLogger(__name__)

CLOCK_INTERVAL = 1.0
"""Seconds between checks of the time."""
FINAL_REPORT_DELAY = 3.0
"""Seconds after the end of a trial during which its final report may still come. Then NNI's database is asked."""


class OptunaAdvisor(MsgDispatcherBase):
    """The advisor of one study. ``classArgs`` are the keys of ``optimizer.settings.SearchSettings``."""

    def __init__(self, **class_args: Any) -> None:
        self.manager = study_context.own_manager()
        self.settings = study_context.own_settings(class_args, self.manager)
        self.heartbeat_timeout = math.inf
        """Seconds without a report after which a trial is stopped."""
        self.scheduler: Scheduler
        self.unstarted: list[Run] = []
        """Runs of the journal that NNI does not know, because it was killed before it had stored them."""
        self.requested = 0
        """Trials that NNI has asked for and not got yet."""
        self.final_reports: dict[int, Metrics] = {}
        """Run → final report, of runs that are not over."""
        self.awaiting_final: dict[int, tuple[float, str, int | None]] = {}
        """Run → time, event and exit code of its end, of runs that succeeded but have not sent a final report yet."""
        self.last_report: dict[int, float] = {}
        """Open run → time of its start or of its last report."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        super().__init__()  # from here on NNI waits for our answers

    def enqueue_command(self, command: CommandType, data: Any) -> None:
        """Put every message into one queue."""
        self.default_command_queue.put((command, data))

    def handle_initialize(self, data: dict[str, Any]) -> None:
        """Begin or continue the search in the space *data*, and tell NNI so."""
        study = study_context.make_room(self.manager, study_context.read_context(self.manager))
        self.heartbeat_timeout = study_context.heartbeat_timeout(self.settings, study.trial_seconds)
        self.scheduler = study_context.build_scheduler(self.settings, data, study)
        self.unstarted = study_context.reconcile(self.scheduler, study_context.jobs_of(self.manager))
        open_runs = [run.number for run in self.scheduler.state.runs.values() if run.outcome is None]
        self.last_report = dict.fromkeys(open_runs, time.monotonic())
        self.send(CommandType.Initialized, "")
        threading.Thread(target=self._send_pings, daemon=True).start()

    def handle_request_trial_jobs(self, data: int) -> None:
        """Start *data* more trials, now or as soon as the scheduler has one."""
        self.requested += data
        self._start_trials()

    def handle_report_metric_data(self, data: dict[str, Any]) -> None:
        """Take a report of a trial; stop the trial if the scheduler wants that."""
        metrics = numbers(nni.load(data["value"]))
        run = self._open_run(data["parameter_id"], data["trial_job_id"])
        if run is None:
            return
        self.last_report[run.number] = time.monotonic()
        if data["type"] == "FINAL":
            self.final_reports.setdefault(run.number, metrics)  # NNI, too, takes the first of two final reports
            if run.number in self.awaiting_final:
                self._end(run, *self.awaiting_final.pop(run.number)[1:])
        elif self.scheduler.report(run.number, metrics):
            self.send(CommandType.KillTrialJob, nni.dump(data["trial_job_id"]))

    def handle_trial_end(self, data: dict[str, Any]) -> None:
        """Take the end of a trial."""
        parameter_id = nni.load(data["hyper_params"])["parameter_id"]
        run = self._open_run(parameter_id, data["trial_job_id"])
        event, code = data["event"], data.get("exit_code")
        if run and event == "SUCCEEDED" and run.number not in self.final_reports:
            self.awaiting_final[run.number] = (time.monotonic(), event, code)
        elif run:
            self._end(run, event, code)

    def handle_ping(self, data: Any) -> None:
        """Check the time: for final reports that do not come, and for trials that no longer report."""
        now = time.monotonic()
        for number, (since, event, code) in list(self.awaiting_final.items()):
            if now - since > FINAL_REPORT_DELAY:
                del self.awaiting_final[number]
                self._end(self.scheduler.state.runs[number], event, code)
        for number, since in list(self.last_report.items()):
            if now - since > self.heartbeat_timeout and number not in self.scheduler.state.stops:
                self.last_report[number] = now
                self._stop_if_hung(self.scheduler.state.runs[number])

    def handle_add_customized_trial(self, data: Any) -> None:
        """Do nothing: a trial that a person adds in the web UI leaves a record, but is not part of the search."""

    def handle_import_data(self, data: Any) -> None:
        """Do nothing: NNI repeats the results of finished trials, which are in the journal."""

    def handle_update_search_space(self, data: Any) -> None:
        """Refuse: configurations of two spaces cannot be compared."""
        log.error("the search space of a study cannot be changed: start a new study, with warm_start from this one")

    def _start_trials(self) -> None:
        """Give NNI the trials that it has asked for, as far as the scheduler has any now."""
        while self.requested:
            run = self.unstarted.pop(0) if self.unstarted else self.scheduler.next()
            if run is None:
                if self.scheduler.busy:
                    return
                if self._limit_changed():
                    continue
                self.send(CommandType.NoMoreTrialJobs, "")
                return
            self.requested -= 1
            self.last_report[run.number] = time.monotonic()
            trial = {"parameter_id": run.number, "parameter_source": "algorithm", "parameter_index": 0}
            parameters = self.scheduler.state.trial_parameters(run)
            self.send(CommandType.NewTrialJob, nni.dump(trial | {"parameters": parameters}))

    def _limit_changed(self) -> bool:
        """Return whether a person has changed maxTrialNumber since it was last read."""
        before = self.scheduler.limit
        self.scheduler.limit = self.manager.profile()["params"].get("maxTrialNumber")
        return self.scheduler.limit != before

    def _open_run(self, parameter_id: Any, job: str) -> Run | None:
        """Return the run that a message is about, None if that is not an open run of the search."""
        if parameter_id is None:  # a trial that a person added
            return None
        # a report has the parameters that the trial really received; those in NNI's end can be another trial's
        number = self.scheduler.state.jobs.get(job, int(parameter_id))
        run = self.scheduler.state.runs.get(number)
        if run is None or run.outcome:
            self.scheduler.anomaly("unknown" if run is None else "late", job)
            return None
        self.scheduler.job(number, job)
        return run

    def _end(self, run: Run, event: str, code: int | None) -> None:
        # on a busy machine a message of NNI can be lost, but not what it has stored
        stored = self.final_reports.pop(run.number, None)
        final = stored or study_context.final_of(self.manager.get(f"trial-jobs/{run.job}"))
        why_stopped = self.scheduler.state.stops.get(run.number)
        outcome, cause = study_context.outcome_of(event, code, why_stopped=why_stopped, final=final)
        if cause == "no_result":
            self.scheduler.anomaly("missing", run.job)
        self.scheduler.end(run.number, outcome, cause, final)
        self.last_report.pop(run.number, None)
        self._start_trials()

    def _stop_if_hung(self, run: Run) -> None:
        """Stop a run that has not reported for too long, unless it still waits for a GPU."""
        job = study_context.jobs_of(self.manager).get(run.number, {})
        seconds = time.time() - job.get("startTime", math.inf) / 1000
        if job.get("status") == "RUNNING" and seconds > self.heartbeat_timeout:
            trial = job["trialJobId"]
            log.warning("trial %s has not reported for %.0f s: it is stopped", trial, self.heartbeat_timeout)
            self.scheduler.job(run.number, trial)
            self.scheduler.stop(run.number, "hung")
            self.send(CommandType.KillTrialJob, nni.dump(trial))

    def _send_pings(self) -> None:
        """Put pings of our own into the queue, because NNI sends its tuners none."""
        while not self.stopping:
            time.sleep(CLOCK_INTERVAL)
            self.enqueue_command(CommandType.Ping, None)
