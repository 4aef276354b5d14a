"""The trials' folders on another machine: which are there, and how they come here."""

import json
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rarepix.files import naming
from rarepix.layout import RESULTS_VARIABLE
from rarepix.records import Status
from rarepix.search.remote import ssh
from rarepix.search.remote.ssh import Machine, SshError

UNFINISHED = ".gathering-"
"""Begins the name of a folder that is not whole yet; ``swept`` removes what a killed gathering left."""
NOTHING_THERE = 3
"""Exit code of the command that looks."""


@dataclass(frozen=True)
class RemoteFolders:
    """Where one study's trials leave their results on one machine."""

    machine: Machine
    experiment: str
    environment: str
    """NNI's name of the machine in this study."""
    study: str
    """Name of the study's folder."""
    results: str | None = None
    """Given to the trials with ``--results``."""

    @property
    def enter(self) -> str:
        """The words for its shell that lead into the folder of the trials' folders."""
        code = f"nni-experiments/{self.experiment}/environments/{self.environment}/upload/trial_code"
        results = shlex.quote(self.results) if self.results else f'"${{{RESULTS_VARIABLE}:-results}}"'
        return f'cd "$HOME"/{shlex.quote(code)} && cd {results} && cd {shlex.quote(self.study)}/trials'


@dataclass(frozen=True, order=True)
class RemoteTrial:
    """What the record in a trial's folder says; of two the greater one is the later."""

    complete: bool
    started: str
    finished: str


def list_trial_folders(place: RemoteFolders) -> dict[str, RemoteTrial]:
    """Return trial → what its record says, of the trials with a record there.

    Raises:
        SshError: the machine does not answer, or not as it must.
    """
    words = " ".join(f"-e '^ \"{name}\": '" for name in ("status", "started", "finished"))
    command = f"{{ {place.enter}; }} 2>/dev/null || exit {NOTHING_THERE}; grep -H {words} */record.json"
    done = ssh.run(place.machine, command)
    if done.returncode == NOTHING_THERE or not done.stdout:
        return {}
    told: dict[str, dict[str, str | None]] = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        parts = re.fullmatch(r'([^/]+)/record\.json: "(\w+)": (.*?),?', line)
        if parts:
            told.setdefault(parts[1], {})[parts[2]] = json.loads(parts[3])
    return {
        trial: RemoteTrial(said.get("status") == Status.COMPLETE, said.get("started") or "", said.get("finished") or "")
        for trial, said in told.items()
    }


def fetch_folders(place: RemoteFolders, trials: Sequence[str], home: Path) -> Iterator[str]:
    """Fetch the folders of *trials* into *home*, and yield each when it is there, whole.

    Raises:
        SshError: the machine was lost on the way; what was yielded is here.
        WriteError: there is no room here, or no leave to write.
    """
    if not trials:
        return
    with naming(home):
        home.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=home, prefix=UNFINISHED))
    names = " ".join(shlex.quote(f"./{trial}") for trial in trials)
    command = [*place.machine.command(), f"{place.enter} && tar -cf - --exclude=.lock {names}"]
    with tempfile.TemporaryFile() as said:
        sender = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        try:
            for trial in _unpacked(sender, unfinished):
                _put(unfinished / trial, home / trial)
                yield trial
        except (tarfile.TarError, EOFError) as error:
            said.seek(0)
            why = said.read().decode(errors="replace").strip() or error
            raise SshError(
                f"{place.machine.name} must send the folders of its trials, but: {why}: gather again"
            ) from error
        finally:
            sender.kill()
            sender.communicate()
            shutil.rmtree(unfinished, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove from *home* what an earlier gathering that was killed has left."""
    for left in home.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left)


def _unpacked(sender: subprocess.Popen, folder: Path) -> Iterator[str]:
    """Unpack the archive that *sender* writes into *folder*; yield each trial when all of it is there.

    Raises:
        tarfile.TarError: the archive is cut off.
    """
    current = None
    with naming(folder), tarfile.open(fileobj=sender.stdout, mode="r|") as archive:
        for entry in archive:
            trial = PurePosixPath(entry.name).parts[0]
            if current not in (None, trial):
                yield current
            current = trial
            archive.extract(entry, folder, filter="data")
    sender.stdout.read()  # tar fills up its last block
    if sender.wait() not in (0, 1):  # 1: a file changed while it was read
        raise tarfile.ReadError(f"it was cut off (code {sender.returncode})")
    if current:
        yield current


def _put(new: Path, place: Path) -> None:
    """Put a whole folder into its place; what was there goes when the new one is."""
    with naming(place):
        if place.exists():
            old = new.with_name(f"{new.name}.old")
            place.rename(old)
        new.rename(place)
