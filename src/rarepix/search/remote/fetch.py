"""Fetch the results of trials from other machines: their folders, or at least the records that they reported.

From each machine the wanted folders come as one tar archive. It is unpacked next to the study's trials, and each folder
is moved to its place only when it is complete. A folder that is already here is replaced only by a later attempt, or if
nothing but its record is here.
"""

import json
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rarepix import layout, records
from rarepix.files import naming
from rarepix.records import RecordError, Status
from rarepix.search.nni.client import Trial, last_attempts, stored_profile, stored_trials
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.trial_command import command_from_params
from rarepix.search.nni.trial_io import save_reported_record
from rarepix.search.remote import ssh
from rarepix.search.remote.ssh import Machine, SshError, machine_list
from rarepix.settings import ConfigError

UNFINISHED = ".fetching-"
"""Prefix of a folder that is being unpacked."""
NO_FOLDER = 3
"""Exit code of the command that lists the trials, where the study has no folder."""


@dataclass
class Fetched:
    """What was fetched and what was not. Trials are named by their folders."""

    folder: Path
    """The study's folder of results on this machine."""
    fetched: dict[str, str] = field(default_factory=dict)
    """Trial → the machine that its folder came from."""
    already_here: list[str] = field(default_factory=list)
    """Trials whose folder was on this machine before."""
    record_only: list[str] = field(default_factory=list)
    """Trials with no more than the record that they reported: their other files are where they ran, or lost."""
    running: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Trial that is over → why nothing of it is on this machine."""
    unreachable: list[str] = field(default_factory=list)
    """Machines that did not answer, or not to the end, each with the reason."""

    @property
    def complete(self) -> bool:
        """Whether all files of all trials that are over are on this machine."""
        return not self.missing and not self.record_only and not self.unreachable

    def lines(self) -> Iterator[str]:
        """Yield the report for the terminal, a summary last."""
        yield from (f"trial {trial}: fetched from {machine}" for trial, machine in sorted(self.fetched.items()))
        yield from (f"trial {trial}: only the record that it reported" for trial in self.record_only)
        yield from (f"trial {trial}: {why}" for trial, why in sorted(self.missing.items()))
        yield from self.unreachable
        counts = {"fetched": self.fetched, "here already": self.already_here, "with a record only": self.record_only}
        counts |= {"still running": self.running, "missing": self.missing}
        summary = ", ".join(f"{len(trials)} {what}" for what, trials in counts.items() if trials)
        yield f"{summary or 'no trial has begun'}; records in {self.folder}"


@dataclass(frozen=True)
class RemoteFolders:
    """Where the trials of one study leave their results on one machine."""

    machine: Machine
    experiment: str
    environment: str
    """NNI's name of the machine in this study."""
    study: str
    """Name of the study's folder."""
    results: str | None = None
    """Folder given to the trials with ``--results``."""

    @property
    def enter(self) -> str:
        """The shell command that changes into the folder with the trials' folders."""
        code = f"nni-experiments/{self.experiment}/environments/{self.environment}/upload/trial_code"
        results = shlex.quote(self.results) if self.results else f'"${{{layout.RESULTS_VARIABLE}:-results}}"'
        return f'cd "$HOME"/{shlex.quote(code)} && cd {results} && cd {shlex.quote(self.study)}/trials'


@dataclass(frozen=True, order=True)
class RemoteTrial:
    """What the record in a trial's folder says. They are ordered: the newest copy of a trial is the greatest."""

    complete: bool
    started: str
    finished: str


def fetch_results(name: str) -> Fetched:
    """Fetch the trials of the study with this experiment id or results folder, whether it runs or has ended.

    Raises ``StudyError`` if it is unknown or did not run on other machines, ``DatabaseError`` if NNI's files of it
    cannot be read, ``files.WriteError`` if the disk is full or the results folder is not writable.
    """
    experiment = find_experiment(name)
    params = stored_profile(experiment.folder)["params"]
    try:
        command = command_from_params(params)
        if params["trainingService"].get("platform") != "remote":
            folder = command.study_folder(experiment.id)
            raise StudyError(f"the study {experiment.id} ran on this machine: its trials are in {folder}")
        machines = machine_list(params["trainingService"]["machineList"], Path())
    except ConfigError as error:
        raise StudyError(f"the results of the study {experiment.id} cannot be fetched: {error}") from error
    result = Fetched(command.study_folder(experiment.id))
    by_run = {trial.run: trial for trial in last_attempts(stored_trials(experiment.folder))}
    result.running = sorted(run for run, trial in by_run.items() if trial.busy and experiment.alive)
    sources = [
        RemoteFolders(machine, experiment.id, f"remote-worker{number}", result.folder.name, command.results)
        for number, machine in enumerate(machines, start=1)
    ]
    _fetch_from_all(result, sources, by_run)
    _keep_records(result, by_run)
    return result


def list_trial_folders(source: RemoteFolders) -> dict[str, RemoteTrial]:
    """Return trial → what its record says, of the trials that have a record on the machine.

    Raises ``SshError`` if the machine does not answer.
    """
    patterns = " ".join(f"-e '^ \"{name}\": '" for name in ("status", "started", "finished"))
    command = f"{{ {source.enter}; }} 2>/dev/null || exit {NO_FOLDER}; grep -H {patterns} */record.json"
    done = ssh.run(source.machine, command)
    if done.returncode == NO_FOLDER or not done.stdout:
        return {}
    fields: dict[str, dict[str, str | None]] = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        parts = re.fullmatch(r'([^/]+)/record\.json: "(\w+)": (.*?),?', line)
        if parts:
            fields.setdefault(parts[1], {})[parts[2]] = json.loads(parts[3])
    return {
        trial: RemoteTrial(
            record.get("status") == Status.COMPLETE, record.get("started") or "", record.get("finished") or ""
        )
        for trial, record in fields.items()
    }


def fetch_folders(source: RemoteFolders, trials: Sequence[str], target: Path) -> Iterator[str]:
    """Fetch the folders of *trials* into *target*, and yield each trial as soon as its folder is complete.

    Raises ``SshError`` if the connection is lost (the trials that were yielded are here), and ``files.WriteError``.
    """
    if not trials:
        return
    with naming(target):
        target.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=target, prefix=UNFINISHED))
    names = " ".join(shlex.quote(f"./{trial}") for trial in trials)
    command = [*source.machine.command(), f"{source.enter} && tar -cf - --exclude=.lock {names}"]
    with tempfile.TemporaryFile() as stderr:
        sender = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        try:
            for trial in _unpack(sender, unfinished):
                _move_into_place(unfinished / trial, target / trial)
                yield trial
        except (tarfile.TarError, EOFError) as error:
            stderr.seek(0)
            why = stderr.read().decode(errors="replace").strip() or error
            raise SshError(
                f"{source.machine.name} must send the folders of its trials, but: {why}: fetch again"
            ) from error
        finally:
            sender.kill()
            sender.communicate()
            shutil.rmtree(unfinished, ignore_errors=True)


def remove_unfinished(target: Path) -> None:
    """Remove from *target* the folders that an earlier fetch was unpacking when it was killed."""
    for folder in target.glob(f"{UNFINISHED}*"):
        shutil.rmtree(folder)


def _fetch_from_all(result: Fetched, sources: list[RemoteFolders], by_run: dict[str, Trial]) -> None:
    """Fetch from each machine the folders that are newest there and newer than those on this machine."""

    def list_or_note(source: RemoteFolders) -> dict[str, RemoteTrial]:
        try:
            return list_trial_folders(source)
        except SshError as error:
            result.unreachable.append(str(error))
            return {}

    with ThreadPoolExecutor(len(sources)) as pool:
        listings = list(pool.map(list_or_note, sources))
    target = result.folder / layout.TRIALS
    remove_unfinished(target)
    for source, listing in zip(sources, listings, strict=True):
        wanted = [
            trial
            for trial, copy in listing.items()
            if trial in by_run
            and trial not in result.running
            and all(copy >= other[trial] for other in listings if trial in other)
            and _is_newer(copy, target / trial)
        ]
        try:
            for trial in fetch_folders(source, wanted, target):
                result.fetched[trial] = source.machine.name
        except SshError as error:
            result.unreachable.append(str(error))


def _is_newer(copy: RemoteTrial, folder: Path) -> bool:
    """Whether a trial's remote *copy* says more than its *folder* on this machine."""
    try:
        record = records.read(folder / layout.RECORD)
    except RecordError:
        return True
    if not record.files and record.status is Status.COMPLETE:  # only the reported record is here
        return copy.complete
    return copy > RemoteTrial(record.status is Status.COMPLETE, record.started, record.finished or "")


def _keep_records(result: Fetched, by_run: dict[str, Trial]) -> None:
    """Sort the trials that were not fetched: already here, kept as a record only, or missing."""
    for run, trial in sorted(by_run.items()):
        if run in result.fetched or run in result.running:
            continue
        file = result.folder / layout.TRIALS / run / layout.RECORD
        if not file.exists() and not (trial.report and save_reported_record(trial.report.data, file)):
            why = "no reachable machine has a folder of it" if result.unreachable else "it left no record anywhere"
            result.missing[run] = why
            continue
        record = records.read(file)
        has_all_files = record.files or record.status is not Status.COMPLETE
        (result.already_here if has_all_files else result.record_only).append(run)


def _unpack(sender: subprocess.Popen, folder: Path) -> Iterator[str]:
    """Unpack the archive that *sender* writes into *folder*; yield each trial when all of it is there."""
    current = None
    with naming(folder), tarfile.open(fileobj=sender.stdout, mode="r|") as archive:
        for entry in archive:
            trial = PurePosixPath(entry.name).parts[0]
            if current not in (None, trial):
                yield current
            current = trial
            archive.extract(entry, folder, filter="data")
    sender.stdout.read()  # the padding after the archive's end
    if sender.wait() not in (0, 1):  # 1: a file changed while it was read
        raise tarfile.ReadError(f"the archive was cut off (exit code {sender.returncode})")
    if current:
        yield current


def _move_into_place(new: Path, target: Path) -> None:
    with naming(target):
        if target.exists():
            target.rename(new.with_name(f"{new.name}.old"))
        new.rename(target)
