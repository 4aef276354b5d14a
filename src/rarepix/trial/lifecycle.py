"""An attempt at a trial: its folder, and its record from the first word to the last."""

import fcntl
import platform
import subprocess
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, config_hash
from rarepix.files import naming
from rarepix.records import Block, Failure, Status, TrialRecord

PACKAGES = (
    "rarepix", "torch", "lightning", "segmentation-models-pytorch", "timm", "pytorch-toolbelt", "albumentations",
    "iterative-stratification", "numpy", "pandas", "nni",
)  # fmt: skip


class AttemptError(RuntimeError):
    """A trial that must not be started (again)."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Where a trial leaves what it makes, and what it was given."""

    results: Path
    study: str
    trial: str
    parameters: Mapping[str, Any]
    """As received, put over the recipe."""
    parameter_id: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the command line, put over the recipe before the parameters."""

    def __post_init__(self) -> None:
        for what, name in (("study", self.study), ("trial", self.trial)):
            if not name or name in (".", "..") or "/" in name or "\0" in name:
                raise AttemptError(
                    f"the name of a {what} becomes that of a folder, so it must hold no '/', but got {name!r}"
                )

    @property
    def folder(self) -> Path:
        """The trial's folder."""
        return layout.trial_folder(self.results, self.study, self.trial)

    @property
    def record_file(self) -> Path:
        """The trial's record."""
        return self.folder / layout.RECORD


@contextmanager
def run_lock(place: RunContext) -> Iterator[None]:
    """Hold the trial's folder; a process that dies lets go of it.

    Raises:
        AttemptError: another process holds it.
    """
    with naming(place.folder):
        place.folder.mkdir(parents=True, exist_ok=True)
        lock = (place.folder / layout.LOCK).open("w")
    with lock as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # flock would be held by loader processes that live on
        except (BlockingIOError, PermissionError):
            raise AttemptError(
                f"one process at a time may run a trial, but another one is running {place.trial!r} in {place.folder}"
            ) from None
        yield


def start_attempt(place: RunContext, config: TrialConfig) -> TrialRecord:
    """Write and return the record of a new attempt, with the status ``running``.

    Raises:
        AttemptError: the trial is complete already, or its folder belongs to another configuration or block.
    """
    block = Block(seed=config.seed, fold=config.data.fold)
    before = records.read(place.record_file) if place.record_file.is_file() else None
    if before is not None:
        _check_same(before, place, config_hash(config), block)
    record = TrialRecord(
        study=place.study,
        trial=place.trial,
        attempt=before.attempt + 1 if before else 1,
        status=Status.RUNNING,
        started=_now(),
        parameters=dict(place.parameters),
        parameter_id=place.parameter_id,
        settings=dict(place.settings),
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        block=block,
        versions=_versions(),
        device=config.engine.device,
        machine=platform.node() or None,
    )
    records.write(record, place.record_file)
    return record


def completed_record(place: RunContext) -> TrialRecord | None:
    """Return the record of a trial that is complete and was given the same parameters; None if there is none.

    It is asked for once more when its final report was lost on the way.
    """
    if not place.record_file.is_file():
        return None
    record = records.read(place.record_file)
    same = (record.parameters, record.settings) == (dict(place.parameters), dict(place.settings))
    return record if record.status is Status.COMPLETE and same else None


def update_record(record: TrialRecord, place: RunContext, **more: Any) -> TrialRecord:
    """Write and return *record* with what has become known, still running."""
    known = record.model_copy(update=more)
    records.write(known, place.record_file)
    return known


def finish_attempt(record: TrialRecord, place: RunContext, status: Status, **more: Any) -> TrialRecord:
    """Write and return *record* with its last word."""
    closed = record.model_copy(update={"status": status, "finished": _now(), **more})
    closed = TrialRecord.model_validate(closed.model_dump())  # model_copy does not check
    records.write(closed, place.record_file)
    return closed


def describe_failure(error: BaseException) -> Failure:
    """Return what a record says about *error*: the place is the last line that is ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "rarepix" in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return Failure(type=type(error).__name__, message=str(error), where=where)


def _check_same(before: TrialRecord, place: RunContext, new_hash: str, block: Block) -> None:
    if before.status is Status.COMPLETE:
        raise AttemptError(
            f"trial {place.trial!r} of study {place.study!r} is complete already: "
            f"give another --trial, or remove {place.folder}"
        )
    if (before.config_hash, before.block) != (new_hash, block):
        raise AttemptError(
            f"trial {place.trial!r} was begun with another configuration or block "
            f"(hash {before.config_hash}, {before.block}), "
            f"but got hash {new_hash}, {block}: give another --trial, or remove {place.folder}"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {"code": _commit()}


def _commit() -> str:
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "not a checkout"
