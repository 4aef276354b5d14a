"""A trial's side of NNI: what it received, and what it reports."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.layout import TENSORBOARD
from rarepix.records import ClassCounts, TrialRecord
from rarepix.search.nni import record_transfer
from rarepix.search.optimizer.study_state import CONTINUES

REPORTED = ("objective", "miou", "rare_iou", "frequent_iou", "worst_iou", "seconds")
"""Scores that every trial reports, beside ``iou/<class>``."""


class ManagerLost(ConnectionError):
    """NNI's manager did not take a report."""


@dataclass(frozen=True)
class Received:
    """What NNI gave to this very process. NNI's own list can say something else, so records are made from this."""

    parameters: dict[str, Any]
    """As received, nested choices included, without ``continues``."""
    parameter_id: str | None
    """NNI's id of these parameters (None: a person added the trial in the web UI)."""
    experiment: str
    job: str
    """NNI's id of the trial job."""
    continues: str | None = None
    """NNI's id of an earlier job that failed, whose work this one goes on with."""

    @property
    def trial(self) -> str:
        """Name of the trial: that of its first job."""
        return self.continues or self.job


def connected() -> bool:
    """Return whether this process was started by NNI."""
    return os.environ.get("NNI_PLATFORM") not in (None, "unittest")


def receive() -> Received:
    """Ask NNI for the parameters of this trial. To be called once: a second call would wait for ever.

    Raises:
        ManagerLost: NNI's manager does not answer, or has no parameters.
    """
    import nni  # takes most of a second
    from nni import trial

    parameters = _talk(nni.get_next_parameter, "give parameters")
    if not isinstance(parameters, dict) or trial._params is None:
        raise ManagerLost(f"NNI must give a trial its parameters by name, but gave {parameters!r}")
    parameter_id = trial._params["parameter_id"]
    continues = parameters.pop(CONTINUES, None)
    return Received(
        parameters=parameters,
        parameter_id=None if parameter_id is None else str(parameter_id),
        experiment=nni.get_experiment_id(),
        job=nni.get_trial_id(),
        continues=continues,
    )


def report_intermediate(scores: Mapping[str, float]) -> None:
    """Send the scores of one validation, ``objective`` among them.

    Raises:
        ValueError: no finite objective, or a score that is not a number.
        ManagerLost: NNI's manager is gone.
    """
    import nni

    metrics = to_metrics(scores)
    _talk(lambda: nni.report_intermediate_result(metrics), "take a report")


def report_final(record: TrialRecord) -> None:
    """Send the objective and the scores of the kept checkpoint, once; from another machine also the record itself.

    Raises as ``report_intermediate`` does.
    """
    import nni

    metrics: dict[str, float | str] = {**to_metrics(final_scores(record))}
    if os.environ.get("NNI_PLATFORM") != "local":
        metrics[record_transfer.KEY] = record_transfer.pack(record)
    _talk(lambda: nni.report_final_result(metrics), "take the final report")


def show_logs(folder: Path) -> None:
    """Let the web UI's *TensorBoard* find the logs in *folder*, if there are any: a link in NNI's folder of this trial.

    A second call does nothing.
    """
    link = Path(os.environ["NNI_OUTPUT_DIR"]) / TENSORBOARD
    if folder.is_dir() and not link.exists():
        link.symlink_to(folder.resolve(), target_is_directory=True)


def final_scores(record: TrialRecord) -> dict[str, float]:
    """Return the validation scores of a complete *record*, by the names that the validations report."""
    import numpy as np

    from rarepix.scores import summary

    classes = record.counts["val"]
    kinds = ClassCounts.model_fields
    pooled = {kind: np.array([getattr(counts, kind) for counts in classes.values()]) for kind in kinds}
    scores = summary(pooled, tuple(classes), record.dataset.rare)
    return {"objective": record.objective.value, **scores, "seconds": record.timings.get("fit", math.nan)}


def to_metrics(scores: Mapping[str, float]) -> dict[str, float]:
    """Return *scores* as NNI wants them: the objective is called ``default``, what is absent (NaN) is left out.

    NNI stores anything, but text kills its tuners and NaN makes holes in its plots, both without a word.

    Raises:
        ValueError: no finite objective, or a score that is neither a finite number nor NaN.
    """
    if not _is_number(scores.get("objective")):
        raise ValueError(f"the objective must be a finite number, but got {scores.get('objective')!r}")
    wrong = {name: score for name, score in scores.items() if not (_is_number(score) or score != score)}
    if wrong:
        raise ValueError(f"every score must be a finite number (or NaN where it is absent), but got {wrong!r}")
    metrics = {name: float(score) for name, score in scores.items() if score == score}
    return {"default": metrics.pop("objective"), **metrics}


def study_name(name: str, experiment: str) -> str:
    """Return the name of the results folder of an NNI experiment."""
    return f"{name}-{experiment}"


def _is_number(score: object) -> bool:
    return isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score)


def _talk(say: Callable[[], Any], what: str) -> Any:
    try:
        return say()
    except OSError as error:  # requests' errors are OSErrors
        raise ManagerLost(
            f"NNI's manager must {what}, but: {error}. It has ended or was stopped; start the study again"
        ) from error
