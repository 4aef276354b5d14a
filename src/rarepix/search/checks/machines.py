"""Checks of a study's other machines before it starts: can they be reached, sent the code, and run trials?

Each machine answers by a program that is sent there (``probe``).
"""

import io
import json
import os
import re
import shlex
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import rarepix
from rarepix.config import TrialConfig
from rarepix.search.nni.install_patch import HOST_VARIABLE, NNI_VERSION
from rarepix.search.nni.nnictl import last_line
from rarepix.search.nni.study_file import StudyFile
from rarepix.search.remote import ssh
from rarepix.search.remote.ssh import LOCAL, Machine, SshError, machine_list
from rarepix.settings import ConfigError

LEAST_FREE = 2 * 2**30
"""Bytes of disk; a trial's checkpoints alone take hundreds of millions."""
PROBE_SECONDS = 60
DRY_RUN_SECONDS = 600
PROBE_COMMAND = (
    'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && tar -xzf - -C "$d" && cd "$HOME" && '
    'PYTHONPATH="$d" {python} -m rarepix.search.checks.probe < "$d/question.json"'
)
"""Unpacks our own code and the question from standard input into a temporary folder, and removes it at the end."""
IGNORE_FILE = ".nniignore"
PACK = """
const path = require('path');
const [nni, code, place] = process.argv.slice(1);
require(path.join(nni, 'node_modules', 'app-module-path')).addPath(nni);
const logStream = { writeLine() {}, writeLineSync() {} };
global.nni = { paths: { experimentRoot: place }, args: { logLevel: 'error' }, logStream };
const { createTarball } = require(path.join(nni, 'common', 'tarball'));
createTarball('code', code).catch((error) => { console.error(error.message); process.exitCode = 1; });
"""
"""A program for NNI's node that packs a folder as NNI's manager packs it for other machines."""


def machines_of(study: StudyFile, folder: Path) -> tuple[Machine, ...]:
    """Return the machines of *study*, whose file lies in *folder*; () for a study that runs on this machine.

    Raises ``ConfigError`` if the ``machineList`` is wrong.
    """
    if study.trainingService.platform != "remote":
        return ()
    return machine_list((study.trainingService.model_extra or {}).get("machineList"), folder)


def problems(study: StudyFile, folder: Path, config: TrialConfig | None = None) -> list[str]:
    """Return why the machines of *study* (its file lies in *folder*) cannot run trials, one line per problem.

    *config*: the configuration of a trial; each machine must have its data, at a path of its own.
    """
    try:
        machines = machines_of(study, folder)
    except ConfigError as error:
        return str(error).splitlines()
    if not machines:
        return []
    code, lines = folder / study.trialCodeDirectory, []
    if study.nniManagerIp not in (None, *LOCAL) and not os.environ.get(HOST_VARIABLE):
        lines.append(
            "nniManagerIp must be left out, or 127.0.0.1: the manager listens on this machine only, and other machines "
            f"reach it through the SSH connections that start them, but got {study.nniManagerIp}"
        )
    lines += upload_problems(code.resolve())
    root = str(config.data.root) if config else None
    if root and not root.startswith(("/", "~", "$")):
        lines.append(
            f"data.root must be a path that exists on other machines, but {root!r} is relative to the folder that "
            "trials run in, which NNI creates there for each study: begin it with /, ~ or a $NAME that each machine "
            "has in ~/.config/rarepix/paths.env"
        )
    lines += list(dict.fromkeys(line for machine in machines for line in _key_problems(machine.key)))
    if lines:
        return lines
    question = {"data": root, "configs": []}
    uploads = (code / "src" / "rarepix").is_dir()
    return _on_each(
        machines, lambda machine: _answer_problems(_ask(machine, question, PROBE_SECONDS), study.gpus, uploads)
    )


def dry_run_problems(study: StudyFile, folder: Path, configs: Iterable[TrialConfig], plan: str) -> list[str]:
    """Return ``dry_run_on`` of the machines of *study*, whose file lies in *folder*."""
    return dry_run_on(machines_of(study, folder), configs, plan)


def dry_run_on(machines: tuple[Machine, ...], configs: Iterable[TrialConfig], plan: str) -> list[str]:
    """Return the errors that trials of *plan* with *configs* would end with on *machines*, a line each."""
    question = {"data": None, "plan": plan, "configs": [config.model_dump(mode="json") for config in configs]}
    return _on_each(machines, lambda machine: _ask(machine, question, DRY_RUN_SECONDS)["problems"])


def upload_problems(code: Path) -> list[str]:
    """Return why NNI cannot send the folder *code* to other machines, one line per problem.

    It is packed once as NNI packs it: a manager that cannot pack the code ends itself without a message to nnictl.
    """
    nni = Path(find_spec("nni_node").origin).parent
    with tempfile.TemporaryDirectory(prefix="rarepix-") as place:
        packing = subprocess.run(
            [nni / "node", "-e", PACK, nni, code, place], env={}, capture_output=True, text=True, check=False
        )
    if packing.returncode == 0:
        return []
    why = (packing.stderr.strip().splitlines() or [f"node ended with exit code {packing.returncode}"])[-1]
    return [
        f"NNI must be able to send trialCodeDirectory to other machines, but: {why}: name what trials do not need, and "
        f"files that grow, in {code / IGNORE_FILE} (as in a .gitignore)"
    ]


def _on_each(machines: tuple[Machine, ...], check: Callable[[Machine], list[str]]) -> list[str]:
    """Return the lines that *check* returns for each machine, with its name; machines are checked in parallel."""

    def lines(machine: Machine) -> list[str]:
        try:
            return [f"{machine.name}: {line}" for line in check(machine)]
        except SshError as error:
            return str(error).splitlines()

    with ThreadPoolExecutor(len(machines)) as pool:
        return [line for of_machine in pool.map(lines, machines) for line in of_machine]


def _ask(machine: Machine, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    command = PROBE_COMMAND.format(python=shlex.quote(machine.python))
    done = ssh.run(machine, command, seconds=seconds, stdin=_archive(question))
    try:
        return json.loads(done.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        why = last_line(done.stderr)
    if done.returncode in (126, 127):
        raise SshError(
            f"{machine.name}: pythonPath must be the folder of a Python there, but {machine.python} cannot be run "
            f"({why}): set pythonPath, for instance to the .venv/bin of a checkout on that machine"
        )
    raise SshError(
        f"{machine.name}: {machine.python} must have what trials need, but: {why}: "
        "set up the environment there (make env), or correct pythonPath"
    )


def _archive(question: dict[str, Any]) -> bytes:
    """Return a tar archive (gzip) with our own code and the question."""
    package = Path(rarepix.__file__).parent
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(package, "rarepix", filter=lambda entry: None if "__pycache__" in entry.name else entry)
        text = json.dumps(question).encode()
        entry = tarfile.TarInfo("question.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _answer_problems(answer: dict[str, Any], gpus: int, uploads: bool) -> list[str]:
    versions, lines = answer["versions"], []
    if versions["nni"] != NNI_VERSION:
        lines.append(f"nni must be {NNI_VERSION} on every machine, but there it is {versions['nni']}: make env there")
    for name in ("torch",) if uploads else ("torch", "rarepix"):  # uploaded code is the same everywhere
        local = version(name)
        if versions[name].partition("+")[0] != local.partition("+")[0]:
            lines.append(
                f"{name} must be the same on every machine, or trials differ by where they ran, but here it is {local} "
                f"and there {versions[name]}: make env there, from the same requirements.lock"
            )
    if answer["gpus"] < gpus:
        lines.append(
            f"trialGpuNumber demands {gpus} GPU for a trial, but that machine shows {answer['gpus']}: "
            "leave trialGpuNumber out (a trial then uses a GPU if there is one), or the machine"
        )
    if answer["free"] < LEAST_FREE:
        free = answer["free"] / 2**30
        lines.append(f"the disk of its home must have {LEAST_FREE / 2**30:.0f} GiB free, but has {free:.1f}: make room")
    return lines + answer["problems"]


def _key_problems(file: Path) -> list[str]:
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
        return [f"sshKeyFile must be a private key of OpenSSH, but {file} {what}: {other}"]
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return [f"sshKeyFile must be readable by its owner only, but others may read {file}: chmod 600 it"]
    reading = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", file], capture_output=True, text=True, check=False)
    if reading.returncode:
        why = (reading.stderr.strip().splitlines() or ["ssh-keygen cannot read it"])[-1]
        return [f"sshKeyFile must be a complete key without a passphrase, but {file}: {why}: make one for this purpose"]
    return []
