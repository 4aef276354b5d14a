"""The check of a whole study before it starts: NNI itself reports success first and fails later, mostly silently."""

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig, updated
from rarepix.config.yaml import read_mapping
from rarepix.search.checks import dry_run, machines, tuner
from rarepix.search.checks.probe import gpu_count
from rarepix.search.nni import nnictl
from rarepix.search.nni.enqueued import default_parameters, enqueued_configurations
from rarepix.search.nni.install_patch import PatchError, check_version
from rarepix.search.nni.space import Space, check_space, corners, read_space
from rarepix.search.nni.space import problems as space_problems
from rarepix.search.nni.study_context import list_blocks
from rarepix.search.nni.study_file import StudyFile, read_study
from rarepix.search.nni.trial_command import TrialCommand, parse
from rarepix.search.optimizer.settings import read_settings
from rarepix.settings import ConfigError

MIN_FREE = 2**30
"""Bytes of disk: enough for a few trials of a small network, or for NNI's own records of any study."""


@dataclass(frozen=True)
class CheckedStudy:
    """A study that can start."""

    file: Path
    study: StudyFile
    command: TrialCommand
    config: TrialConfig
    """Configuration of a trial before the search changes it."""
    space: Space


def check(config_file: str | Path, port: int | None = None) -> CheckedStudy:
    """Return the study in *config_file*, checked together with its recipe, search space, data, machines and *port*.

    Raises ``ConfigError`` if it cannot be run; one line per problem: what must hold, what was given, what to do.
    """
    file = Path(config_file).absolute()
    study = read_study(file)
    problems: list[str] = []
    code = (file.parent / study.trialCodeDirectory).resolve()
    command = _try(problems, lambda: parse(study.trialCommand, code))
    runs_here = command is not None and study.trainingService.platform == "local"
    with dry_run.DryRun(command.folder) if runs_here else nullcontext() as local_dry_run:
        config = _try(problems, command.configuration) if command else None
        space = _try(problems, lambda: _space(study, file.parent))
        fits = config is not None and space is not None and _try(problems, lambda: check_space(space, config) or True)
        if fits or not tuner.uses_advisor(study):
            problems += _tuner_problems(study, space, config, file.parent, command)
        _try(problems, check_version)
        if study.trainingService.platform == "local" and study.gpus and study.gpus > (available := gpu_count()):
            problems.append(
                f"trialGpuNumber demands {study.gpus} GPU for a trial, but this machine has {available}: "
                "leave trialGpuNumber out (a trial then uses a GPU if there is one)"
            )
        problems += machines.problems(study, file.parent, config)
        if command:
            nni = Path(study.experimentWorkingDirectory or "~/nni-experiments").expanduser()
            problems += disk_problems({"results": command.study_folder("").parent, "NNI's records": nni})
        if port is not None:
            _try(problems, lambda: check_port(port))
        if not problems:
            _try(problems, lambda: _validate_by_nni(file))
        if not problems:  # a dry run takes seconds, and would only report the same problems again
            points = enqueued_points(study, space, config, code) if tuner.uses_advisor(study) else []
            configs = [updated(config, point) for point in (*corners(space), *points)]
            if local_dry_run:
                problems += local_dry_run.problems(configs, command.plan)
            else:
                problems += machines.dry_run_problems(study, file.parent, configs, command.plan)
    if problems:
        raise ConfigError("\n".join(problems))
    return CheckedStudy(file, study, command, config, space)


def is_study(file: Path) -> bool:
    """Return whether *file* is the file of a study rather than of a recipe."""
    return file.is_file() and "trialCommand" in read_mapping(file, "the study or recipe")


def enqueued_points(study: StudyFile, space: Space, config: TrialConfig, folder: Path) -> list[dict[str, Any]]:
    """Return the parameters that are known before the study starts, and each block: what a dry run should try.

    Raises ``ConfigError`` if the ``classArgs`` or the study of a warm start cannot be used.
    """
    settings = read_settings(study.tuner.classArgs)
    points = [dict(point) for point in settings.configurations or ()]
    if not settings.listed:
        enqueued = enqueued_configurations(settings, space, config, folder)
        points += [default_parameters(space, config), *(parameters for _, parameters in enqueued)]
    blocks = list_blocks(settings, config)
    return points + [{"seed": block.seed, "data.fold": block.fold} for block in blocks]


def disk_problems(folders: dict[str, Path], min_free: int = MIN_FREE) -> list[str]:
    """Return which file systems of *folders* (what is written → where) are too full, one line for each.

    A full disk ends NNI's database in the middle of a study. *min_free* is in bytes; how much the checkpoints of large
    networks need shows only when they are trained.
    """
    lines = []
    for what, folder in folders.items():
        existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < min_free:
            lines.append(
                f"{what} need {min_free / 2**30:.0f} GiB at least, but {existing} has {free / 2**30:.1f} GiB free: "
                f"make room, or choose another place"
            )
    return lines


def _space(study: StudyFile, folder: Path) -> Space:
    if study.searchSpaceFile is not None:
        return read_space(folder / study.searchSpaceFile)
    assert study.searchSpace is not None
    if tuner.uses_advisor(study) and not study.searchSpace and read_settings(study.tuner.classArgs).listed:
        return {}
    problems = space_problems(study.searchSpace)
    if problems:
        raise ConfigError("\n".join(f"searchSpace: {problem}" for problem in problems))
    return study.searchSpace


def _tuner_problems(
    study: StudyFile, space: Space | None, config: TrialConfig | None, folder: Path, command: TrialCommand | None
) -> list[str]:
    if tuner.uses_advisor(study):
        code = (folder / study.trialCodeDirectory).resolve()
        return tuner.advisor_problems(study, space, config, code, epochs=command.epochs(config))
    problems = tuner.tuner_problems(study.tuner.model_dump(), space, folder) if space else []
    return problems + (tuner.assessor_problems(study.assessor.model_dump()) if study.assessor else [])


def check_port(port: int) -> None:
    """Raise ``ConfigError`` unless *port* is free; the message names the study that listens on it, if one does."""
    if not 0 < port < 65536:
        raise ConfigError(f"the port must be a number from 1 to 65535, but got {port}")
    if not nnictl.port_taken(port):
        return
    holder = next((known for known in nnictl.list_experiments().values() if known.port == port and known.alive), None)
    who = f"the study {holder.id} ({holder.name})" if holder else "another program"
    advice = f"stop it with `rarepix study stop {holder.id}`, or " if holder else ""
    raise ConfigError(f"port {port} must be free, but {who} listens on it: {advice}choose another one with --port")


def _validate_by_nni(file: Path) -> None:
    """Let NNI validate the file with its own schema; raise ``ConfigError`` with its message."""
    from nni.experiment.config import ExperimentConfig, utils

    try:
        ExperimentConfig.load(file).validate()
    except Exception as error:
        raise ConfigError(f"{file.name}: NNI refuses it: {str(error) or type(error).__name__}") from error
    finally:
        utils.unset_base_path()  # after an error load() leaves NNI's base path set, and refuses every later file


def _try(problems: list[str], step: Callable[[], Any]) -> Any:
    """Return what *step* returns; if it raises one of our errors, add its lines to *problems* and return None."""
    try:
        return step()
    except (ConfigError, PatchError, nnictl.NniError, FileNotFoundError) as error:
        problems += str(error).splitlines()
        return None
