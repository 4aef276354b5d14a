"""The life of a trial: its context, the lock on its folder, its record from the start to the end, its exit code."""

import fcntl
import platform
import subprocess
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, config_hash, flatten
from rarepix.files import naming
from rarepix.records import DEFAULT_PLAN, Block, Failure, Status, TrialRecord, describes_environment

PACKAGES = (
    "rarepix", "torch", "lightning", "segmentation-models-pytorch", "timm", "pytorch-toolbelt", "albumentations",
    "iterative-stratification", "numpy", "pandas", "nni",
)  # fmt: skip
"""Packages whose versions a record names."""
OUT_OF_MEMORY = 75
NON_FINITE = 76
OTHER = 1
"""Exit codes of a failed trial: how it tells the search why it failed, from any machine."""


class AttemptError(RuntimeError):
    """A trial that must not be started, or not started again."""


class RankFailed(RuntimeError):
    """One of the processes of a trial on several devices failed, and with it the trial."""

    def __init__(self, rank: int, size: int, cause: Failure) -> None:
        super().__init__(f"{cause.type}: {cause.message} (process {rank} of a trial on {size} devices)")
        self.cause = cause


def _no_report(scores: dict[str, float]) -> None:
    """Report nothing; a function with a name, so that a context can be sent to another process."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a trial was given: its configuration, its place among the results, and who receives its scores."""

    config: TrialConfig
    results: Path
    """Folder of all results."""
    study: str
    trial: str
    parameters: Mapping[str, Any]
    """As received, put over the recipe."""
    parameter_id: str | None = None
    """NNI's id of the parameters."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the command line, put over the recipe before the parameters."""
    plan: str = DEFAULT_PLAN
    """Name of the plan, see ``rarepix.trial.plans``."""
    report: Callable[[dict[str, float]], None] = _no_report
    """Receives the scores of each validation, in the main process."""

    def __post_init__(self) -> None:
        for what, name in (("study", self.study), ("trial", self.trial)):
            if not name or name in (".", "..") or "/" in name or "\0" in name:
                raise AttemptError(
                    f"the name of a {what} becomes the name of a folder, so it must not contain '/', but got {name!r}"
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
def run_lock(context: RunContext) -> Iterator[None]:
    """Hold the lock on the trial's folder; the kernel releases it when the process dies.

    Raises:
        AttemptError: another process holds it.
    """
    with naming(context.folder):
        context.folder.mkdir(parents=True, exist_ok=True)
        lock = (context.folder / layout.LOCK).open("w")
    with lock as file:
        try:
            # not flock: loader processes that outlive the trial would go on holding it
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise AttemptError(
                f"one process at a time may run a trial, but another one is running {context.trial!r} "
                f"in {context.folder}"
            ) from None
        yield


def start_attempt(context: RunContext) -> TrialRecord:
    """Write and return the record of a new attempt, with the status ``running``.

    Raises:
        AttemptError: the trial is complete already, or its folder belongs to another plan, configuration or block.
    """
    config = context.config
    block = Block(seed=config.seed, fold=config.data.fold)
    earlier = records.read(context.record_file) if context.record_file.is_file() else None
    if earlier is not None:
        _check_same_trial(earlier, context, block)
    record = TrialRecord(
        study=context.study,
        trial=context.trial,
        attempt=earlier.attempt + 1 if earlier else 1,
        status=Status.RUNNING,
        started=_now(),
        parameters=dict(context.parameters),
        parameter_id=context.parameter_id,
        settings=dict(context.settings),
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        block=block,
        versions=package_versions(),
        device=config.engine.device,
        machine=platform.node() or None,
        plan=context.plan,
    )
    records.write(record, context.record_file)
    return record


def completed_record(context: RunContext) -> TrialRecord | None:
    """Return the record of a trial that is complete and was given the same plan and parameters; None if there is none.

    The search starts a complete trial again when its final report was lost.
    """
    if not context.record_file.is_file():
        return None
    record = records.read(context.record_file)
    given = (context.plan, dict(context.parameters), dict(context.settings))
    same = (record.plan, record.parameters, record.settings) == given
    return record if record.status is Status.COMPLETE and same else None


def update_record(record: TrialRecord, context: RunContext, **changes: Any) -> TrialRecord:
    """Write and return *record* with *changes*, still running."""
    updated = record.model_copy(update=changes)
    records.write(updated, context.record_file)
    return updated


def finish_attempt(record: TrialRecord, context: RunContext, status: Status, **changes: Any) -> TrialRecord:
    """Write and return *record* with *changes*, its final *status* and the time."""
    finished = record.model_copy(update={"status": status, "finished": _now(), **changes})
    finished = TrialRecord.model_validate(finished.model_dump())  # model_copy does not validate
    records.write(finished, context.record_file)
    return finished


def describe_failure(error: BaseException) -> Failure:
    """Return what a record says about *error*; its place is the last line of the traceback in this package."""
    if isinstance(error, RankFailed):
        return error.cause
    frames = traceback.extract_tb(error.__traceback__)
    own_frames = [frame for frame in frames if "rarepix" in frame.filename] or frames
    where = f"{Path(own_frames[-1].filename).name}:{own_frames[-1].lineno}" if own_frames else ""
    return Failure(type=type(error).__name__, message=str(error), where=where)


def exit_code(error: BaseException) -> int:
    """Return the exit code of a trial that *error* ended."""
    name, message = describe_failure(error).type, str(error)
    # on a GPU torch raises a class of its own, on a CPU a plain RuntimeError
    if name in ("OutOfMemoryError", "MemoryError") or "can't allocate memory" in message or "out of memory" in message:
        return OUT_OF_MEMORY
    return NON_FINITE if name == "NonFiniteLoss" else OTHER


def _check_same_trial(earlier: TrialRecord, context: RunContext, block: Block) -> None:
    if earlier.status is Status.COMPLETE:
        raise AttemptError(
            f"trial {context.trial!r} of study {context.study!r} is complete already: "
            f"give another --trial, or remove {context.folder}"
        )
    if earlier.plan != context.plan:
        raise AttemptError(
            f"trial {context.trial!r} was begun by the plan {earlier.plan!r}, but got {context.plan!r}: "
            f"give another --trial, or remove {context.folder}"
        )
    new_hash = config_hash(context.config)
    if (earlier.config_hash, earlier.block) != (new_hash, block):
        before, now = flatten(earlier.config), flatten(context.config.model_dump(mode="json"))
        keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        differing = ", ".join(key for key in keys if not describes_environment(key, now.get(key)))
        if not differing and context.config.model.weights_file is not None:
            differing = "the content of the file model.weights"
        raise AttemptError(
            f"trial {context.trial!r} was begun with another configuration or block "
            f"(hash {earlier.config_hash}, {earlier.block}), "
            f"but got hash {new_hash}, {block}, which differs in {differing or 'engine.devices'}: "
            f"give another --trial, or remove {context.folder}"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def package_versions() -> dict[str, str]:
    """Return name → version of Python and the packages that a record names, and the commit of our ``code``."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        code = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        code = "not a checkout"
    return versions | {"code": code}
