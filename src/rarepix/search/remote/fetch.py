"""Bring home what trials left on other machines: their folders, or at least the records that they reported.

Of each machine the folders that are wanted come as one archive, are unpacked beside the study's trials, and take their
places whole. A folder that is here gives way only to a later attempt, or to the whole of what was a record alone.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rarepix import layout, records
from rarepix.records import RecordError, Status
from rarepix.search.nni import database, record_transfer
from rarepix.search.nni.client import Trial, retries
from rarepix.search.nni.trial_command import TrialCommand
from rarepix.search.remote.ssh import Machine, SshError, machine_list
from rarepix.search.remote.trial_folders import RemoteFolders, RemoteTrial, fetch_folders, list_trial_folders, sweep
from rarepix.search.studies import study
from rarepix.search.studies.study import StudyError
from rarepix.settings import ConfigError


@dataclass
class Fetched:
    """What came home, and what did not. Trials are called by the names of their folders."""

    folder: Path
    """Of the study, here."""
    brought: dict[str, str] = field(default_factory=dict)
    """Trial → the machine that its folder came from."""
    here: list[str] = field(default_factory=list)
    """Trials whose folder was here already."""
    reported: list[str] = field(default_factory=list)
    """Trials of which only the record is here that they reported: their files are where they ran, or lost."""
    running: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Trial that is over → why nothing of it is here."""
    unreachable: list[str] = field(default_factory=list)
    """Machines that did not answer, or not to the end, each with the reason."""

    @property
    def complete(self) -> bool:
        """Whether everything of every trial that is over is here."""
        return not self.missing and not self.reported and not self.unreachable

    def lines(self) -> Iterator[str]:
        """Yield what a person wants to know."""
        yield from (f"trial {trial}: from {machine}" for trial, machine in sorted(self.brought.items()))
        yield from (f"trial {trial}: its record alone, which it had reported" for trial in self.reported)
        yield from (f"trial {trial}: {why}" for trial, why in sorted(self.missing.items()))
        yield from self.unreachable
        counts = {"brought": self.brought, "here already": self.here, "by their reports alone": self.reported}
        counts |= {"still running": self.running, "missing": self.missing}
        said = ", ".join(f"{len(trials)} {what}" for what, trials in counts.items() if trials)
        yield f"{said or 'no trial has begun'}; records in {self.folder}"


def fetch_results(name: str) -> Fetched:
    """Bring home the trials of the study of this experiment id or results folder, whether it runs or has ended.

    Raises:
        StudyError: it is unknown, or did not run on other machines.
        archive.ArchiveError: NNI's files of it cannot be read.
        files.WriteError: there is no room here.
    """
    experiment = study.find_experiment(name)
    command, machines = _of(experiment.id, database.profile(experiment.folder)["params"])
    trials = database.trials(experiment.folder)
    gathered = Fetched(command.study_folder(experiment.id))
    last = {trial.run: trial for trial in trials if trial.id not in retries(trials)}
    gathered.running = sorted(run for run, trial in last.items() if trial.busy and experiment.alive)
    places = [
        RemoteFolders(machine, experiment.id, f"remote-worker{number}", gathered.folder.name, command.results)
        for number, machine in enumerate(machines, start=1)
    ]
    _bring_folders(gathered, places, last)
    _keep_records(gathered, last)
    return gathered


def _of(experiment: str, params: dict) -> tuple[TrialCommand, tuple[Machine, ...]]:
    try:
        command = study.trial_command(params)
        if params["trainingService"].get("platform") != "remote":
            raise StudyError(
                f"the study {experiment} ran on this machine: its trials are in {command.study_folder(experiment)}"
            )
        return command, machine_list(params["trainingService"]["machineList"], Path())
    except ConfigError as error:
        raise StudyError(f"the trials of the study {experiment} cannot be brought home: {error}") from error


def _bring_folders(gathered: Fetched, places: list[RemoteFolders], last: dict[str, Trial]) -> None:
    """Bring from each machine what is newest there and not here yet."""

    def seen(place: RemoteFolders) -> dict[str, RemoteTrial]:
        try:
            return list_trial_folders(place)
        except SshError as error:
            gathered.unreachable.append(str(error))
            return {}

    with ThreadPoolExecutor(len(places)) as pool:
        found = list(pool.map(seen, places))
    trials = gathered.folder / layout.TRIALS
    sweep(trials)
    for place, copies in zip(places, found, strict=True):
        wanted = []
        for trial, copy in copies.items():
            newest = all(copy >= others[trial] for others in found if trial in others)
            if trial in last and trial not in gathered.running and newest and _is_news(copy, trials / trial):
                wanted.append(trial)
        try:
            for trial in fetch_folders(place, wanted, trials):
                gathered.brought[trial] = place.machine.name
        except SshError as error:
            gathered.unreachable.append(str(error))


def _is_news(copy: RemoteTrial, folder: Path) -> bool:
    """Whether a trial's folder elsewhere says more than what is here of it."""
    try:
        here = records.read(folder / layout.RECORD)
    except RecordError:
        return True
    if not here.files and here.status is Status.COMPLETE:  # a record alone
        return copy.complete
    return copy > RemoteTrial(here.status is Status.COMPLETE, here.started, here.finished or "")


def _keep_records(gathered: Fetched, last: dict[str, Trial]) -> None:
    """Sort what did not come: here already, kept as a record alone, or missing."""
    for run, trial in sorted(last.items()):
        if run in gathered.brought or run in gathered.running:
            continue
        file = gathered.folder / layout.TRIALS / run / layout.RECORD
        if not file.exists() and not (trial.report and record_transfer.keep(trial.report.data, file)):
            gathered.missing[run] = (
                "no machine that answers has a folder of it" if gathered.unreachable else "it left no record anywhere"
            )
            continue
        whole = records.read(file).files or records.read(file).status is not Status.COMPLETE
        (gathered.here if whole else gathered.reported).append(run)
