"""The other machines of a study, looked at before it starts: each answers for itself (``probe``)."""

import io
import json
import os
import re
import shlex
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rarepix
from rarepix.config import TrialConfig
from rarepix.search.checks import upload
from rarepix.search.nni.install_patch import NNI_VERSION
from rarepix.search.nni.study_file import StudyFile
from rarepix.search.remote import ssh
from rarepix.search.remote.ssh import LOCAL, Machine, SshError, machine_list
from rarepix.settings import ConfigError

LEAST_FREE = 2 * 2**30
"""Bytes of disk; a trial's checkpoints alone take hundreds of millions."""
HOST_VARIABLE = "RAREPIX_NNI_HOST"
PROBE_SECONDS = 60
REHEARSAL_SECONDS = 600
ASK = (
    'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && tar -xzf - -C "$d" && cd "$HOME" && '
    'PYTHONPATH="$d" {python} -m rarepix.search.checks.probe < "$d/question.json"'
)
"""Our own code goes there with the question and leaves nothing behind."""


def machines_of(study: StudyFile, folder: Path) -> tuple[Machine, ...]:
    """Return the machines of *study*, whose file lies in *folder*; none for a study that runs on this machine.

    Raises:
        ConfigError: they are not told as they must be.
    """
    if study.trainingService.platform != "remote":
        return ()
    return machine_list((study.trainingService.model_extra or {}).get("machineList"), folder)


def problems(study: StudyFile, folder: Path, config: TrialConfig | None = None) -> list[str]:
    """Return what keeps the machines of *study* (its file lies in *folder*) from running trials, a line each.

    *config*: that of a trial, whose data each machine must have at a path of its own.
    """
    try:
        machines = machines_of(study, folder)
    except ConfigError as error:
        return str(error).splitlines()
    if not machines:
        return []
    code = folder / study.trialCodeDirectory
    found = _manager_problems(study) + upload.problems(code.resolve()) + (_path_problems(config) if config else [])
    bad_keys = list(dict.fromkeys(line for machine in machines for line in _key_problems(machine.key)))
    if bad_keys or found:
        return found + bad_keys
    question = {"data": str(config.data.root) if config else None, "configs": []}
    uploads = (code / "src" / "rarepix").is_dir()
    return _each(machines, lambda machine: _judge(_asked(machine, question, PROBE_SECONDS), study.gpus, uploads))


def rehearse(study: StudyFile, folder: Path, configs: Iterable[TrialConfig]) -> list[str]:
    """Return what trials with *configs* would complain of on the machines of *study*, a line each."""
    question = {"data": None, "configs": [config.model_dump(mode="json") for config in configs]}
    return _each(machines_of(study, folder), lambda machine: _asked(machine, question, REHEARSAL_SECONDS)["complaints"])


def _each(machines: tuple[Machine, ...], look: Callable[[Machine], list[str]]) -> list[str]:
    """Return what *look* finds on each machine, all at once, the machine named."""

    def lines(machine: Machine) -> list[str]:
        try:
            return [f"{machine.name}: {line}" for line in look(machine)]
        except SshError as error:
            return str(error).splitlines()

    with ThreadPoolExecutor(len(machines)) as pool:
        return [line for found in pool.map(lines, machines) for line in found]


def _asked(machine: Machine, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the machine's answer. Raises ``SshError`` if it gives none."""
    command = ASK.format(python=shlex.quote(machine.python))
    done = ssh.run(machine, command, seconds=seconds, given=_sent(question))
    try:
        return json.loads(done.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    if done.returncode in (126, 127):
        raise SshError(
            f"{machine.name}: pythonPath must be the folder of a Python there, but {machine.python} cannot be run "
            f"({said[-1]}): set pythonPath, for instance to the .venv/bin of a checkout on that machine"
        )
    raise SshError(
        f"{machine.name}: {machine.python} must have what trials need, but: {said[-1]}: "
        "set up the environment there (make env), or correct pythonPath"
    )


def _sent(question: dict[str, Any]) -> bytes:
    """Return an archive with our own code and the question."""
    package = Path(rarepix.__file__).parent
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(package, "rarepix", filter=lambda entry: None if "__pycache__" in entry.name else entry)
        text = json.dumps(question).encode()
        entry = tarfile.TarInfo("question.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _judge(answer: dict[str, Any], gpus: int, uploads: bool) -> list[str]:
    """Return what is wrong with a machine that has said what it has."""
    there, found = answer["versions"], []
    if there["nni"] != NNI_VERSION:
        found.append(f"nni must be {NNI_VERSION} on every machine, but there it is {there['nni']}: make env there")
    same = ("torch",) if uploads else ("torch", "rarepix")  # what is uploaded is the same everywhere
    for name in same:
        here = version(name)
        if there[name].partition("+")[0] != here.partition("+")[0]:
            found.append(
                f"{name} must be the same on every machine, or trials differ by where they ran, but here it is {here} "
                f"and there {there[name]}: make env there, from the same requirements.lock"
            )
    if gpus and (answer["gpus"] or 0) < gpus:
        found.append(
            f"trialGpuNumber demands {gpus} GPU for a trial, but that machine shows {answer['gpus'] or 0}: "
            "leave trialGpuNumber out (a trial then uses a GPU if there is one), or the machine"
        )
    if answer["free"] < LEAST_FREE:
        free = answer["free"] / 2**30
        found.append(f"the disk of its home must have {LEAST_FREE / 2**30:.0f} GiB free, but has {free:.1f}: make room")
    return found + answer["complaints"]


def _manager_problems(study: StudyFile) -> list[str]:
    """Return why machines could not call back; they do so through their SSH connections unless told otherwise."""
    address, opened = study.nniManagerIp, os.environ.get(HOST_VARIABLE)
    if address in (None, *LOCAL) or opened:
        return []
    return [
        f"nniManagerIp must be left out, or 127.0.0.1: the manager listens on this machine only, and other machines "
        f"come back through the SSH connections that start them, but got {address}"
    ]


def _path_problems(config: TrialConfig) -> list[str]:
    root = str(config.data.root)
    if root.startswith(("/", "~", "$")):
        return []
    return [
        f"data.root must be a path that means something on other machines, but {root!r} is relative to the folder that "
        "trials run in, which NNI makes anew there: begin it with /, ~ or a $NAME that each machine has in "
        "~/.config/rarepix/paths.env"
    ]


def _key_problems(file: Path) -> list[str]:
    """Return why neither ssh nor NNI could log in with the key in *file*."""
    try:
        first = file.read_bytes().partition(b"\n")[0].decode(errors="replace").strip()
    except OSError as error:
        return [
            f"sshKeyFile must be a readable file, but {file}: {error.strerror}: make one with ssh-keygen -t ed25519"
        ]
    if not re.fullmatch(r"-----BEGIN (OPENSSH|RSA|EC|DSA) PRIVATE KEY-----", first):
        public = first.startswith(("ssh-", "ecdsa-"))
        other = f"give {file.with_suffix('')}" if public else "make one with ssh-keygen -t ed25519"
        what = "is its public half" if public else f"begins with {first[:40]!r}"
        return [f"sshKeyFile must be a secret key of OpenSSH's, but {file} {what}: {other}"]
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return [f"sshKeyFile must be for its owner's eyes, or ssh refuses it, but others may read {file}: chmod 600 it"]
    opened = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", file], capture_output=True, text=True, check=False)
    if opened.returncode:
        why = (opened.stderr.strip().splitlines() or ["ssh-keygen cannot read it"])[-1]
        return [f"sshKeyFile must be a whole key without a passphrase, but {file}: {why}: make one for this purpose"]
    return []
