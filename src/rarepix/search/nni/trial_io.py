"""A trial's side of NNI: the parameters that it receives, and what it reports.

The final report of a trial on another machine also holds its whole record, as text (``pack_record``): if that machine
is lost with its disk, the record is still in NNI's database.
"""

import base64
import json
import math
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rarepix.config import TrialConfig
from rarepix.layout import TENSORBOARD
from rarepix.nni_database import CONTINUES, is_finite_number
from rarepix.record_sums import record_scores
from rarepix.records import RecordError, TrialRecord, parse, write
from rarepix.scores import SUMMARY, SUMMARY_BY_CLASS
from rarepix.search.optimizer.settings import OBJECTIVE, SECONDS

RECORD_KEY = "record"
"""Of the final report. All other values are numbers; NNI's tuners look at ``default`` alone."""
RECORD_BYTES = 16 * 2**20
"""Limit of an unpacked record."""


class ManagerLost(ConnectionError):
    """NNI's manager did not answer a trial."""


class RecordTransferError(ValueError):
    """A text that holds no record; the message says why."""


@dataclass(frozen=True)
class Received:
    """What NNI gave to this process. Records are made from this, because NNI's own list can differ."""

    parameters: dict[str, Any]
    """As received, nested choices included, without ``continues``."""
    parameter_id: str | None
    """NNI's id of these parameters (None: a person added the trial in the web UI)."""
    experiment: str
    job: str
    """NNI's id of the trial job."""
    continues: str | None = None
    """NNI's id of the failed earlier job that this one continues."""

    @property
    def trial(self) -> str:
        """Name of the trial: that of its first job."""
        return self.continues or self.job


def connected() -> bool:
    """Return whether this process was started by NNI."""
    return os.environ.get("NNI_PLATFORM") not in (None, "unittest")


def receive() -> Received:
    """Return the parameters of this trial, from NNI. Call it once: a second call would wait for ever.

    Raises ``ManagerLost`` if NNI's manager does not answer, or gives no parameters by name.
    """
    import nni  # takes most of a second
    from nni import trial

    parameters = _talk(nni.get_next_parameter, "give parameters")
    if not isinstance(parameters, dict) or trial._params is None:
        raise ManagerLost(f"NNI must give a trial its parameters by name, but gave {parameters!r}")
    parameter_id = trial._params["parameter_id"]
    return Received(
        continues=parameters.pop(CONTINUES, None),
        parameters=parameters,
        parameter_id=None if parameter_id is None else str(parameter_id),
        experiment=nni.get_experiment_id(),
        job=nni.get_trial_id(),
    )


def report_intermediate(scores: Mapping[str, float]) -> None:
    """Send the scores of one validation, ``objective`` among them.

    Raises ``ValueError`` as ``to_metrics`` does, ``ManagerLost`` if NNI's manager is gone.
    """
    import nni

    metrics = to_metrics(scores)
    _talk(lambda: nni.report_intermediate_result(metrics), "take a report")


def report_final(record: TrialRecord) -> None:
    """Report the scores of the kept checkpoint, once; from another machine also the record itself.

    Raises as ``report_intermediate`` does.
    """
    import nni

    metrics: dict[str, float | str] = {**to_metrics(final_scores(record))}
    if os.environ.get("NNI_PLATFORM") != "local":
        metrics[RECORD_KEY] = pack_record(record)
    _talk(lambda: nni.report_final_result(metrics), "take the final report")


def show_logs(folder: Path) -> None:
    """Link the logs in *folder*, if any, into NNI's folder of this trial, where its *TensorBoard* looks; only once."""
    link = Path(os.environ["NNI_OUTPUT_DIR"]) / TENSORBOARD
    if folder.is_dir() and not link.exists():
        link.symlink_to(folder.resolve(), target_is_directory=True)


def final_scores(record: TrialRecord) -> dict[str, float]:
    """Return the validation scores of a complete *record*, under the names that validations report, and ``seconds``."""
    scores = record_scores(record, "val", gated=record.objective.gated)
    return {OBJECTIVE: record.objective.value, **scores, SECONDS: record.timings.get("fit", math.nan)}


def reported_scores(config: TrialConfig) -> tuple[list[str], str]:
    """Return what every trial of *config* reports at its end, and the score that it reports of each class.

    The latter is reported as ``iou/<class>``. Scores that are not among them are reported where ``evaluate.scores``
    names them.
    """
    kind = "pixels" if "mask" in config.model.network.outputs else "presence"
    named = [config.evaluate.objective, *config.evaluate.scores]
    return list(dict.fromkeys([OBJECTIVE, *SUMMARY[kind], *named, SECONDS])), SUMMARY_BY_CLASS[kind]


def to_metrics(scores: Mapping[str, float]) -> dict[str, float]:
    """Return *scores* as NNI wants them: the objective is called ``default``, absent scores (NaN) are left out.

    NNI stores anything, but text ends its tuners and NaN makes holes in its plots, both without a message.

    Raises ``ValueError`` if there is no finite objective, or a score is neither a finite number nor NaN.
    """
    if not is_finite_number(scores.get("objective")):
        raise ValueError(f"the objective must be a finite number, but got {scores.get('objective')!r}")
    wrong = {name: score for name, score in scores.items() if not (is_finite_number(score) or score != score)}
    if wrong:
        raise ValueError(f"every score must be a finite number (or NaN where it is absent), but got {wrong!r}")
    metrics = {name: float(score) for name, score in scores.items() if score == score}
    return {"default": metrics.pop("objective"), **metrics}


def study_name(name: str, experiment: str) -> str:
    """Return the name of the results folder of an NNI experiment."""
    return f"{name}-{experiment}"


def pack_record(record: TrialRecord) -> str:
    """Return *record* as text (base64 of zlib of JSON), without the names of its files, which stay behind."""
    document = {"schema": record.schema_version} | record.model_dump(mode="json", exclude={"schema_version", "files"})
    return base64.b64encode(zlib.compress(json.dumps(document, allow_nan=False).encode(), level=9)).decode()


def unpack_record(text: str) -> TrialRecord:
    """Return the record that ``pack_record`` made into *text*; it names no files.

    Raises ``RecordTransferError`` if *text* was not made so, or has a schema that this version does not read.
    """
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), RECORD_BYTES)
        document = json.loads(content)
        return parse(document, document.pop("schema"))
    except RecordError as error:
        raise RecordTransferError(f"a reported record cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, ValidationError) as error:
        raise RecordTransferError(f"a reported record must be whole, but: {error!r}") from error


def save_reported_record(data: str, file: Path) -> bool:
    """Write the record in the data of a report (JSON of JSON) to *file*; return whether there was one.

    Raises ``RecordTransferError`` if it is not whole, ``files.WriteError`` if *file* cannot be written.
    """
    try:
        metrics = json.loads(json.loads(data))
    except ValueError:
        return False
    if not isinstance(metrics, dict) or not isinstance(metrics.get(RECORD_KEY), str):
        return False
    write(unpack_record(metrics[RECORD_KEY]), file)
    return True


def _talk(call: Callable[[], Any], what: str) -> Any:
    try:
        return call()
    except OSError as error:  # requests' errors are OSErrors
        raise ManagerLost(
            f"NNI's manager must {what}, but: {error}. It has ended or was stopped; start the study again"
        ) from error
