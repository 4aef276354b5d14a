"""Confirmation: the winners of a search and the default configuration run again, on seeds that the search never used.

A search reports the best of many noisy scores, so the score of its winner is too high (selection bias). A confirmation
is a new, listed study that runs the winners on fresh seeds; its test scores are looked at once.
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
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import Manager, ManagerUnreachable, stored_profile
from rarepix.search.nni.enqueued import best_configurations
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.study_context import MAX_TRIALS_PER_RUN
from rarepix.search.nni.trial_command import command_from_params
from rarepix.search.optimizer.journal import head, read, read_state
from rarepix.search.optimizer.study_state import DEFAULT
from rarepix.search.studies.study import Study
from rarepix.settings import ConfigError

COPIED_KEYS = ("trialConcurrency", "trialGpuNumber", "maxTrialDuration", "nniManagerIp", "trainingService")
"""Keys of the search's NNI configuration that the confirmation takes over."""
SUFFIX = "_confirm"
"""Of the name of a confirming study."""
FINISHED = ("DONE", "TUNER_NO_MORE_TRIAL", "VIEWED", "ERROR")
"""States of a manager that starts no further trials."""


def confirm(name: str, *, top: int, blocks: int, again: bool, start: Callable[[Path], Study]) -> Study:
    """Start the study that confirms the study *name* (experiment id or results folder) and return it.

    *top* is the number of winners, *blocks* the number of fresh seeds; *start* starts a study from its file.

    Raises ``StudyError`` if it is unknown or still runs, ``ConfigError`` as ``write_confirmation`` does.
    """
    experiment = find_experiment(name)
    must_have_ended(experiment, "confirmed")
    params = stored_profile(experiment.folder)["params"]
    folder = command_from_params(params).study_folder(experiment.id)
    started = start(write_confirmation(folder, params, top=top, blocks=blocks, again=again))
    note_confirmation(folder, started.folder.name)
    return started


def must_have_ended(experiment: nnictl.Experiment, done: str) -> None:
    """Raise ``StudyError`` if a study runs that is to be *done* (``"confirmed"``); its web UI may be open."""
    if not experiment.alive:
        return
    try:
        state = Manager(experiment.port).status()[0]
        busy = any(trial.busy for trial in Manager(experiment.port).trials())
    except ManagerUnreachable as error:
        raise StudyError(f"the study {experiment.id} must have ended before it is {done}, but {error}") from error
    if busy or state not in FINISHED:
        raise StudyError(
            f"the study {experiment.id} must have ended before it is {done}, but it runs (NNI says {state}): follow it "
            f"with `rarepix study watch {experiment.id}`, or stop it with `rarepix study stop {experiment.id}`"
        )


def write_confirmation(study: Path, params: dict[str, Any], *, top: int, blocks: int, again: bool) -> Path:
    """Write the file of the study that confirms *study* (a folder of results), and return it.

    *params* is the NNI configuration of the search, *top* the number of winners, *blocks* the number of fresh seeds.

    Raises ``ConfigError`` if there is nothing to confirm, or it was confirmed before and *again* is false.
    """
    earlier = confirmations(study)
    if earlier and not again:
        raise ConfigError(
            f"{study.name} was confirmed by {', '.join(earlier)} already, and test scores are looked at once: read "
            f"that study's report, or give --again (test scores that are looked at twice prove less)"
        )
    configurations = candidates(study, top, command_from_params(params).configuration())
    seeds = [first_fresh_seed(study) + number for number in range(blocks)]
    service = params["trainingService"]  # of two ``--study`` in its command, a trial takes the last
    file = study / layout.CONFIRMATIONS.parent / f"confirm-{len(earlier) + 1}.yml"
    tree = {
        "experimentName": f"{params.get('experimentName') or study.name}{SUFFIX}",
        "searchSpace": {},
        "trialCommand": f"{service['trialCommand']} --study {shlex.quote(study.name.rpartition('-')[0] + SUFFIX)}",
        "trialCodeDirectory": service["trialCodeDirectory"],
        "maxTrialNumber": MAX_TRIALS_PER_RUN * len(configurations) * blocks,
        **{key: _without_none(params[key]) for key in COPIED_KEYS if params.get(key) is not None},
        "tuner": {
            "codeDirectory": ".",
            "className": ADVISOR,
            "classArgs": {"confirms": study.name, "configurations": configurations, "blocks": {"seeds": seeds}},
        },
    }
    for key in ("trialCommand", "trialCodeDirectory"):
        tree["trainingService"].pop(key, None)
    header = f"# Confirms {study.name}: its default configuration and its {top} best, on {blocks} fresh seeds.\n"
    write_text(file, header + yaml.safe_dump(tree, sort_keys=False))
    return file


def confirmations(study: Path) -> list[str]:
    """Return the names of the studies that were started to confirm *study*."""
    file = study / layout.CONFIRMATIONS
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


def note_confirmation(study: Path, name: str) -> None:
    """Add the study *name* to the studies that confirm *study*."""
    write_text(study / layout.CONFIRMATIONS, json.dumps([*confirmations(study), name]) + "\n")


def candidates(study: Path, top: int, config: TrialConfig) -> list[dict[str, Any]]:
    """Return the parameters of the default configuration of *study* and of its *top* best others.

    *config* is the configuration of its trials before the search changes it. Parameters that lead to the same
    configuration count as the same. If the search kept no journal, the default configuration is {}.

    Raises ``ConfigError`` if only the default configuration has complete trials.
    """
    configurations = (event for event in read(study / JOURNAL) if event["event"] == "configuration")
    default = next((event["parameters"] for event in configurations if event["origin"] == DEFAULT), {})
    best = [parameters for parameters, _, _ in best_configurations(study, top + 1)]
    default_config = updated(config, default)
    winners = [parameters for parameters in best if updated(config, parameters) != default_config][:top]
    if not winners:
        raise ConfigError(f"{study} must have a complete trial beside the default configuration, but has none")
    return [default, *winners]


def first_fresh_seed(study: Path) -> int:
    """Return the first seed that no study of its family has used or planned: search and confirmations of it.

    Records count only without a journal, which has every block, those of lost records among them.
    """
    first_line = head(study / JOURNAL)
    search = study.parent / ((first_line and first_line["settings"].get("confirms")) or study.name)
    seeds = set()
    for folder in {study, search, *(study.parent / name for name in confirmations(search))}:
        if restored := read_state(folder):
            seeds |= {block.seed for block in restored[1].blocks}
        else:
            seeds |= {records.read(file).block.seed for file in layout.record_files(folder)}
    return 1 + max(seeds)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
