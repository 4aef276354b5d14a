"""What became of a trial, judged by the record that it left."""

import math
from collections.abc import Sequence

from rarepix.layout import RECORD, TRIALS
from rarepix.records import RecordError, Status, read
from rarepix.search.nni.client import Trial
from rarepix.search.nni.record_transfer import RecordTransferError, keep
from rarepix.search.optimizer.journal import read_summary
from rarepix.search.studies.study import Study


def trial_problems(study: Study, trials: Sequence[Trial]) -> dict[str, str | None]:
    """Return trial id → why it does not count (None: it does), of *trials* that are over. The ledger is read once."""
    plan = read_summary(study.folder) if any(trial.status == "EARLY_STOPPED" for trial in trials) else None
    hung = plan.hung if plan else frozenset()
    return {trial.id: _verdict(study, trial, hung) for trial in trials}


def _verdict(study: Study, trial: Trial, hung: frozenset[str]) -> str | None:
    if trial.status == "USER_CANCELED":
        return "canceled by a person"
    if trial.status == "EARLY_STOPPED":
        over = trial.seconds is not None and trial.seconds >= study.trial_seconds
        if trial.id in hung:
            return "stopped since it had not reported for too long (heartbeat_timeout)"
        return f"stopped after maxTrialDuration ({study.trial_seconds:.0f} s)" if over else None
    file = study.folder / TRIALS / trial.run / RECORD
    try:
        if not file.exists() and trial.report:  # it ran on another machine: its report is here before its folder
            keep(trial.report.data, file)
        record = read(file)
    except (RecordError, RecordTransferError) as error:
        return _last_words(study, trial) or (f"no record: {error}" if file.exists() else f"it left no record at {file}")
    if record.error:
        return f"{record.error.type}: {record.error.message}"
    if record.status is not Status.COMPLETE or trial.status != "SUCCEEDED":
        return f"its record says {record.status}, NNI says {trial.status}"
    if trial.report is None or not trial.report.final or not math.isfinite(trial.report.value):
        return "it reported no final objective"
    return None


def _last_words(study: Study, trial: Trial) -> str | None:
    """Return the last line that a trial of this machine wrote to its standard error, if it failed."""
    stderr = study.logs.parent / "environments" / "local-env" / "trials" / trial.id / "trial.stderr"
    try:
        lines = stderr.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    return next((line.strip() for line in reversed(lines) if line.strip()), None) if trial.status == "FAILED" else None
