"""Confirmation: the winners of a search and the default configuration, once more, on blocks that the search never saw.

A search shows the best of many scores, which is too good by the luck of the draw. What it found is run again on fresh
seeds in a new, listed study; that study's test scores are then looked at once.
"""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from rarepix import layout, records
from rarepix.config import TrialConfig, updated
from rarepix.files import write_text
from rarepix.layout import JOURNAL
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import database, nnictl
from rarepix.search.nni.client import Manager, ManagerUnreachable
from rarepix.search.nni.enqueued import best_configurations
from rarepix.search.optimizer.journal import head, read
from rarepix.search.optimizer.study_state import DEFAULT
from rarepix.search.studies.study import Study, StudyError, find_experiment, trial_command
from rarepix.settings import ConfigError

ROOM = 2
"""Trials for which there is room, per run that is planned: some may have to be run again."""
"""Which studies have confirmed a study, in its folder."""
KEPT = (
    "trialConcurrency", "trialGpuNumber", "maxTrialDuration", "nniManagerIp", "trainingService",
)  # fmt: skip
"""Keys of the search's NNI configuration that the confirmation takes over."""
SUFFIX = "_confirm"
OVER = ("DONE", "TUNER_NO_MORE_TRIAL", "VIEWED", "ERROR")
"""States of a manager that starts no further trials."""


def confirm(name: str, *, top: int, blocks: int, again: bool, start: Callable[[Path], Study]) -> Study:
    """Start the study that confirms the study *name* (experiment id or results folder), by *start*, and return it.

    Raises:
        StudyError: it is unknown.
        ConfigError: nothing to confirm, or it was confirmed before and not *again* is demanded.
    """
    experiment = find_experiment(name)
    _must_be_over(experiment)
    params = database.profile(experiment.folder)["params"]
    folder = trial_command(params).study_folder(experiment.id)
    started = start(write_confirmation(folder, params, top=top, blocks=blocks, again=again))
    note_confirmation(folder, started.folder.name)
    return started


def _must_be_over(experiment: nnictl.Experiment) -> None:
    if not experiment.alive:
        return
    try:
        state = Manager(experiment.port).status()[0]
        busy = any(trial.busy for trial in Manager(experiment.port).trials())
    except ManagerUnreachable as error:
        raise StudyError(f"the study {experiment.id} must be over before it is confirmed, but {error}") from error
    if busy or state not in OVER:
        raise StudyError(
            f"the study {experiment.id} must be over before it is confirmed, but it runs (NNI says {state}): follow it "
            f"with `rarepix study watch {experiment.id}`, or stop it with `rarepix study stop {experiment.id}`"
        )


def write_confirmation(study: Path, params: dict[str, Any], *, top: int, blocks: int, again: bool) -> Path:
    """Write the file of the study that confirms *study* (a folder of results), and return it.

    *params* is the NNI configuration of the search, *top* the number of winners, *blocks* that of fresh seeds.

    Raises:
        ConfigError: nothing to confirm, or it was confirmed before and not *again* is demanded.
    """
    before = confirmations(study)
    if before and not again:
        raise ConfigError(
            f"{study.name} was confirmed by {', '.join(before)} already, and test scores are looked at once: "
            f"read that study's report, or say --again (the report of a second look is worth less)"
        )
    listed = candidates(study, top, trial_command(params).configuration())
    seeds = [_first_fresh_seed(study) + number for number in range(blocks)]
    file = study / layout.CONFIRMATIONS.parent / f"confirm-{len(before) + 1}.yml"
    tree = {
        "experimentName": f"{params.get('experimentName') or study.name}{SUFFIX}",
        "searchSpace": {},
        "trialCommand": _command(params["trainingService"]["trialCommand"], study),
        "trialCodeDirectory": params["trainingService"]["trialCodeDirectory"],
        "maxTrialNumber": ROOM * len(listed) * blocks,
        **{key: _without_none(params[key]) for key in KEPT if params.get(key) is not None},
        "tuner": {
            "codeDirectory": ".",
            "className": ADVISOR,
            "classArgs": {"confirms": study.name, "configurations": listed, "blocks": {"seeds": seeds}},
        },
    }
    for key in ("trialCommand", "trialCodeDirectory"):
        tree["trainingService"].pop(key, None)
    head = f"# Confirms {study.name}: its default configuration and its {top} best, on {blocks} fresh seeds.\n"
    write_text(file, head + yaml.safe_dump(tree, sort_keys=False))
    return file


def confirmations(study: Path) -> list[str]:
    """Return the names of the studies that were started to confirm *study*."""
    file = study / layout.CONFIRMATIONS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


def note_confirmation(study: Path, name: str) -> None:
    """Remember that *study* is being confirmed by the study *name*."""
    write_text(study / layout.CONFIRMATIONS, json.dumps([*confirmations(study), name]) + "\n")


def candidates(study: Path, top: int, config: TrialConfig) -> list[dict[str, Any]]:
    """Return the parameters of the default configuration of *study* and of its *top* best others.

    *config* is that of its trials before the search changes it: parameters that come to the same are the same.

    Raises:
        ConfigError: there is no complete trial beside the default one.
    """
    default = _default(study)
    best = [parameters for parameters, _, _ in best_configurations(study, top + 1)]
    as_it_is = updated(config, default)
    winners = [parameters for parameters in best if updated(config, parameters) != as_it_is][:top]
    if not winners:
        raise ConfigError(f"{study} must have a complete trial beside the default configuration, but has none")
    return [default, *winners]


def _default(study: Path) -> dict[str, Any]:
    """Return the parameters of the recipe as it is: those of the search's own default, else none at all."""
    events = read(study / JOURNAL) if (study / JOURNAL).is_file() else iter(())
    origins = ((event["origin"], event["parameters"]) for event in events if event["event"] == "configuration")
    return next((parameters for origin, parameters in origins if origin == DEFAULT), {})


def _first_fresh_seed(study: Path) -> int:
    """Return the first seed that neither the search nor an earlier confirmation of it was to see."""
    seeds = set()
    for folder in [study, *(study.parent / name for name in confirmations(study))]:
        seeds |= {records.read(file).block.seed for file in layout.record_files(folder)}
        seeds |= {block["seed"] for block in (head(folder / JOURNAL) or {"blocks": ()})["blocks"]}
    return 1 + max(seeds)


def _command(command: str, study: Path) -> str:
    """Return the trial command with a study name of its own (of two, a trial takes the last)."""
    return f"{command} --study {shlex.quote(study.name.rpartition('-')[0] + SUFFIX)}"


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
