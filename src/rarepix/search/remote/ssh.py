"""The other machines of a study, and commands on them through this system's ``ssh``.

It connects as NNI does: with the study's key only, and without the user's own ssh configuration, which NNI does not
read. Unlike NNI, which accepts any host, it stores a host's key at the first login and refuses another one later.
"""

import shlex
import subprocess
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt, ValidationError

from rarepix.search.nni.nnictl import last_line
from rarepix.settings import ConfigError, Settings, explain

CONNECT_SECONDS = 10
KEEP_ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
"""A connection counts as lost after half a minute without an answer."""
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
        """Its name in messages: ``user@host:port``."""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def key(self) -> Path:
        """The file with the secret key."""
        return Path(self.sshKeyFile).expanduser()

    @property
    def python(self) -> str:
        """The command that starts the trials' Python on the machine."""
        return f"{self.pythonPath}/python" if self.pythonPath else "python"

    def command(self, *options: str) -> list[str]:
        """Return the arguments of an ssh command that logs in without any prompt."""
        known_hosts = Path.home() / ".ssh" / "known_hosts"
        known_hosts.parent.mkdir(mode=0o700, exist_ok=True)
        ssh_options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "ConnectTimeout": CONNECT_SECONDS,
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": f'"{known_hosts}"',
            "LogLevel": "ERROR",
        }
        arguments = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(self.port), "-l", self.user, *KEEP_ALIVE]
        arguments += [word for name, value in ssh_options.items() for word in ("-o", f"{name}={value}")]
        return [*arguments, *options, self.host]


def machine_list(entries: Any, folder: Path) -> tuple[Machine, ...]:
    """Return the machines of a study's ``machineList``; key files are relative to *folder*, that of the study's file.

    Raises ``ConfigError`` if it is not a list of machines, one needs a password, or one is listed twice.
    """
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"trainingService.machineList must list at least one machine, but got {entries!r}")
    machines: list[Machine] = []
    for number, entry in enumerate(entries, start=1):
        where = f"trainingService.machineList, machine {number}"
        given = entry if isinstance(entry, dict) else {}
        if secret := next((key for key in ("password", "sshPassphrase") if given.get(key)), None):
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
        machines.append(machine.model_copy(update={"sshKeyFile": str(folder / machine.key)}))
    names = [machine.name for machine in machines]
    repeated = [name for number, name in enumerate(names) if name in names[:number]]
    if repeated:
        raise ConfigError(f"trainingService.machineList must name each machine once, but names {repeated[0]} again")
    return tuple(machines)


def run(machine: Machine, command: str, *, seconds: float = 60, stdin: bytes = b"") -> subprocess.CompletedProcess:
    """Run *command* on *machine* and return its exit code and its output (bytes), whatever the exit code is.

    Raises ``SshError`` if the machine cannot be reached, or the command takes longer than *seconds*.
    """
    try:
        done = subprocess.run(
            [*machine.command(), command], input=stdin, capture_output=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise SshError(
            "the program ssh must be installed to reach other machines, but is not: install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise SshError(
            f"{machine.name} must answer within {seconds:.0f} s, but did not: check whether it hangs"
        ) from None
    if done.returncode == 255:
        raise SshError(_login_problem(machine, done.stderr))
    return done


def _login_problem(machine: Machine, stderr: bytes) -> str:
    text = stderr.decode(errors="replace")
    login = f"-p {machine.port} {machine.user}@{machine.host}"
    remedies = {
        "Host key verification failed": "if its key was changed on purpose, remove the old one with `ssh-keygen -R "
        f"'[{machine.host}]:{machine.port}'`; if not, another machine may be posing as it",
        "Permission denied": f"install the key there with `ssh-copy-id -i {machine.key}.pub {login}`",
        "Could not resolve": "correct the name, or give its address",
        "": f"switch it on, or try `ssh -i {shlex.quote(str(machine.key))} {login}` by hand",
    }
    remedy = next(remedy for sign, remedy in remedies.items() if sign in text)
    return f"{machine.name} must accept the login, but: {last_line(stderr)}: {remedy}"
