"""A whole trial: its lock, its record, its plan's stages, its end."""

from functools import partial

from rarepix import records
from rarepix.records import Status, TrialRecord
from rarepix.trial.launch import run_ranks
from rarepix.trial.lifecycle import RunContext, describe_failure, finish_attempt, run_lock, start_attempt
from rarepix.trial.plan import Plan
from rarepix.trial.plans import find_plan
from rarepix.trial.stage_context import StartupTimer
from rarepix.trial.stages import TrialStages


def run(context: RunContext) -> TrialRecord:
    """Run the trial that *context* describes and return its record, which lies in ``context.folder``.

    A trial that was killed goes on from its last checkpoint, in the middle of a stage, as a new attempt.

    Raises:
        ChoiceError, ConfigError: there is no such plan, or a stage of it cannot be run; nothing is written then.
        Exception: whatever ended the trial; by then the record says ``failed`` (``stopped`` after an interrupt).
    """
    startup = StartupTimer()
    plan = find_plan(context.plan)
    plan.stage_configs(context.config)
    with run_lock(context):
        record = start_attempt(context)
        work = partial(run_attempt, plan=plan, startup=startup)
        try:
            if context.config.engine.devices == 1:
                return work(context, record)
            run_ranks(work, context, record)
            return records.read(context.record_file)
        except (KeyboardInterrupt, SystemExit):
            finish_attempt(records.read(context.record_file), context, Status.STOPPED, timings=startup.seconds)
            raise
        except Exception as error:
            changes = {"timings": startup.seconds, "error": describe_failure(error)}
            finish_attempt(records.read(context.record_file), context, Status.FAILED, **changes)
            raise


def run_attempt(context: RunContext, record: TrialRecord, *, plan: Plan, startup: StartupTimer) -> TrialRecord:
    """Train the stages of the plan; return the record, complete in the main process."""
    from rarepix.engine import distributed

    stages = TrialStages(plan.stage_configs(context.config), context, record, startup)
    result = plan.run(stages)
    return stages.finish(result) if distributed.is_main_process() else stages.record
