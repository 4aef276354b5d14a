"""What is looked at before a study starts, since NNI says success first and fails later, mostly in silence."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig, updated
from rarepix.config.yaml import read_mapping
from rarepix.search.checks import dry_run, machines
from rarepix.search.checks.disk import disk_problems
from rarepix.search.checks.tuner import (
    advisor_problems,
    assessor_problems,
    enqueued_points,
    tuner_problems,
    uses_advisor,
)
from rarepix.search.nni import nnictl
from rarepix.search.nni.install_patch import PreloadError, check_version
from rarepix.search.nni.space import Space, check_space, corners, read_space
from rarepix.search.nni.space import problems as space_problems
from rarepix.search.nni.study_file import StudyFile, read_study
from rarepix.search.nni.trial_command import TrialCommand, parse
from rarepix.search.optimizer.settings import read_settings
from rarepix.settings import ConfigError


@dataclass(frozen=True)
class CheckedStudy:
    """A study that may start."""

    file: Path
    study: StudyFile
    command: TrialCommand
    config: TrialConfig
    """Of a trial before the search changes it."""
    space: Space


def check(config_file: str | Path, port: int | None = None) -> CheckedStudy:
    """Return the study in *config_file*, checked together with its recipe, search space, data and machine.

    *port* is looked at if it is given.

    Raises:
        ConfigError: it cannot be run; one line per problem, each with what must hold, what came and what to do.
    """
    file = Path(config_file).absolute()
    study = read_study(file)
    found: list[str] = []
    code = (file.parent / study.trialCodeDirectory).resolve()
    command = _tried(found, lambda: parse(study.trialCommand, code))
    with _stage(study, command) as stage:
        config = _tried(found, command.configuration) if command else None
        space = _tried(found, lambda: _space(study, file.parent))
        fits = config is not None and space is not None and _tried(found, lambda: check_space(space, config) or True)
        if fits or not uses_advisor(study):
            found += _tuner_problems(study, space, config, file.parent)
        found += _machine_problems(study)
        found += machines.problems(study, file.parent, config)
        found += disk_problems(_writes_to(study, command)) if command else []
        if port is not None:
            _tried(found, lambda: check_port(port))
        if not found:
            _tried(found, lambda: _ask_nni(file))
        if not found:  # it takes seconds, and what is wrong already would only be said again
            points = enqueued_points(study, space, config, code) if uses_advisor(study) else []
            configs = [updated(config, point) for point in (*corners(space), *points)]
            found += stage.rehearse(configs) if stage else machines.rehearse(study, file.parent, configs)
    if found:
        raise ConfigError("\n".join(found))
    return CheckedStudy(file, study, command, config, space)


def _stage(study: StudyFile, command: TrialCommand | None) -> AbstractContextManager[dry_run.DryRun | None]:
    """Return where trials are rehearsed: here, unless they run on other machines or cannot be run at all."""
    return dry_run.DryRun(command.folder) if command and study.trainingService.platform == "local" else nullcontext()


def is_study(file: Path) -> bool:
    """Return whether *file* is a study's file rather than a recipe's."""
    return file.is_file() and "trialCommand" in read_mapping(file, "the study or recipe")


def gpu_count() -> int:
    """Return how many GPUs NVIDIA's driver shows here."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return 0


def _space(study: StudyFile, folder: Path) -> Space:
    if study.searchSpaceFile is not None:
        return read_space(folder / study.searchSpaceFile)
    assert study.searchSpace is not None
    if uses_advisor(study) and not study.searchSpace and read_settings(study.tuner.classArgs).listed:
        return {}
    found = space_problems(study.searchSpace)
    if found:
        raise ConfigError("\n".join(f"searchSpace: {problem}" for problem in found))
    return study.searchSpace


def _tuner_problems(study: StudyFile, space: Space | None, config: TrialConfig | None, folder: Path) -> list[str]:
    if uses_advisor(study):
        return advisor_problems(study, space, config, (folder / study.trialCodeDirectory).resolve())
    found = tuner_problems(study.tuner.model_dump(), space, folder) if space else []
    return found + (assessor_problems(study.assessor.model_dump()) if study.assessor else [])


def _writes_to(study: StudyFile, command: TrialCommand) -> dict[str, Path]:
    nni = Path(study.experimentWorkingDirectory or "~/nni-experiments").expanduser()
    return {"results": command.study_folder("").parent, "NNI's records": nni}


def _machine_problems(study: StudyFile) -> list[str]:
    found: list[str] = []
    _tried(found, check_version)
    here = gpu_count() if study.gpus and study.trainingService.platform == "local" else None
    if here is not None and study.gpus > here:
        found.append(
            f"trialGpuNumber demands {study.gpus} GPU for a trial, but this machine has {here}: "
            "leave trialGpuNumber out (a trial then uses a GPU if there is one)"
        )
    return found


def check_port(port: int) -> None:
    """Raise ``ConfigError`` unless *port* can be listened on; the message says who holds it, if that is a study."""
    if not 0 < port < 65536:
        raise ConfigError(f"the port must be a number from 1 to 65535, but got {port}")
    if not nnictl.port_taken(port):
        return
    holder = next((known for known in nnictl.list_experiments().values() if known.port == port and known.alive), None)
    who = f"the study {holder.id} ({holder.name})" if holder else "another program"
    way_out = f"stop it with `rarepix study stop {holder.id}`, or " if holder else ""
    raise ConfigError(f"port {port} must be free, but {who} listens on it: {way_out}choose another one with --port")


def _ask_nni(file: Path) -> None:
    """Let NNI validate what is its own; its message is the last line of what would be a traceback."""
    from nni.experiment.config import ExperimentConfig, utils

    try:
        ExperimentConfig.load(file).validate()
    except Exception as error:
        raise ConfigError(f"{file.name}: NNI refuses it: {str(error) or type(error).__name__}") from error
    finally:
        utils.unset_base_path()  # load leaves it set when it refuses, and then refuses every later file


def _tried(found: list[str], step: Callable[[], Any]) -> Any:
    """Return what *step* returns; if it refuses, add its lines to *found* and return None."""
    try:
        return step()
    except (ConfigError, PreloadError, nnictl.NniError, FileNotFoundError) as error:
        found += str(error).splitlines()
        return None
