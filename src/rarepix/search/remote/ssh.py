"""The other machines of a study, and commands on them by this system's ssh.

It connects as NNI does: with the study's key alone, and past the user's own ssh configuration, which NNI does not read.
NNI takes any host for the one that is meant; here a host's key is learnt the first time and must stay the same.
"""

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt, ValidationError

from rarepix.settings import ConfigError, Settings, explain

CONNECT_SECONDS = 10
ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
"""A machine that says nothing for half a minute is gone."""
LOCAL = ("localhost", "127.0.0.1", "::1")


class SshError(RuntimeError):
    """A machine cannot be reached, or a command failed there; the message says which and why."""


class Machine(Settings):
    """An entry of NNI's ``machineList``, spelled as NNI spells it."""

    host: Annotated[str, Field(pattern=r"^[\w.:%][\w.:%-]*$")]
    port: Annotated[int, Field(gt=0, lt=65536)] = 22
    user: Annotated[str, Field(pattern=r"^[\w.@\\][\w.@\\-]*$")]
    sshKeyFile: str = "~/.ssh/id_rsa"
    pythonPath: str | None = None
    """Folder of the Python that trials run with."""
    useActiveGpu: bool = False
    maxTrialNumberPerGpu: PositiveInt = 1
    gpuIndices: list[int] | int | str | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def key(self) -> Path:
        """The file with the secret key."""
        return Path(self.sshKeyFile).expanduser()

    @property
    def python(self) -> str:
        """The Python of the trials, as a command there."""
        return f"{self.pythonPath}/python" if self.pythonPath else "python"

    def command(self, *options: str) -> list[str]:
        """Return the words of an ssh command that logs in there without asking anybody anything."""
        known = Path.home() / ".ssh" / "known_hosts"
        known.parent.mkdir(mode=0o700, exist_ok=True)
        chosen = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "ConnectTimeout": CONNECT_SECONDS,
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": f'"{known}"',
            "LogLevel": "ERROR",
        }
        words = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(self.port), "-l", self.user, *ALIVE]
        words += [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]
        return [*words, *options, self.host]


def machine_list(entries: Any, folder: Path) -> tuple[Machine, ...]:
    """Return the machines of a study's ``machineList``; key files are relative to *folder*, that of the study's file.

    Raises:
        ConfigError: not a list of machines that can be reached without a word typed.
    """
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"trainingService.machineList must list at least one machine, but got {entries!r}")
    found: list[Machine] = []
    for number, entry in enumerate(entries, start=1):
        where = f"trainingService.machineList, machine {number}"
        secret = next(
            (key for key in ("password", "sshPassphrase") if isinstance(entry, dict) and entry.get(key)), None
        )
        if secret:
            raise ConfigError(
                f"{where}: {secret} must not be given, since NNI keeps and shows it to whoever sees its web UI: make a "
                f"key without a passphrase for this purpose (ssh-keygen -t ed25519 -N ''), and name it in sshKeyFile"
            )
        try:
            machine = Machine.model_validate({key: value for key, value in dict(entry).items() if value is not None})
        except ValidationError as error:
            raise ConfigError("\n".join(f"{where}: {line}" for line in explain(error, Machine).splitlines())) from None
        except (TypeError, ValueError):
            raise ConfigError(f"{where}: it must be a section with host and user, but got {entry!r}") from None
        found.append(machine.model_copy(update={"sshKeyFile": str(folder / machine.key)}))
    doubled = [machine.name for number, machine in enumerate(found) if machine.name in [m.name for m in found[:number]]]
    if doubled:
        raise ConfigError(f"trainingService.machineList must name each machine once, but names {doubled[0]} again")
    return tuple(found)


def run(machine: Machine, command: str, *, seconds: float = 60, given: bytes = b"") -> subprocess.CompletedProcess:
    """Run *command* on *machine* with *given* as its standard input; what it says are bytes, its exit code its own.

    Raises:
        SshError: the machine cannot be reached, or it takes longer than *seconds*.
    """
    try:
        done = subprocess.run(
            [*machine.command(), command], input=given, capture_output=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise SshError(
            "other machines are reached by the program ssh, which is not here: install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise SshError(
            f"{machine.name} must answer within {seconds:.0f} s, but did not: see whether it hangs"
        ) from None
    if done.returncode == 255:
        raise SshError(refusal(machine, done.stderr))
    return done


def refusal(machine: Machine, said: bytes) -> str:
    """Return why ssh could not log in, and what to do."""
    text = said.decode(errors="replace").strip()
    last = text.splitlines()[-1] if text else "it said nothing"
    login = f"ssh -i {shlex.quote(str(machine.key))} -p {machine.port} {machine.user}@{machine.host}"
    ways: Sequence[tuple[str, str]] = (
        ("Host key verification failed", "if its key was changed on purpose, forget the old one with `ssh-keygen -R "
         f"'[{machine.host}]:{machine.port}'`; if not, somebody else may answer in its place"),
        ("Permission denied", f"let the key in with `ssh-copy-id -i {machine.key}.pub -p {machine.port} "
         f"{machine.user}@{machine.host}`"),
        ("Could not resolve", "correct the name, or give its address"),
    )  # fmt: skip
    advice = next((advice for sign, advice in ways if sign in text), f"switch it on, or try `{login}` by hand")
    return f"{machine.name} must let us in, but: {last}: {advice}"
