"""Machines for tests: each is an sshd process on 127.0.0.1 with its own home, host key and processes."""

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

SSHD = "/usr/sbin/sshd"
CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
SetEnv HOME="{folder}/home" RAREPIX_TEST_MACHINE="{name}" NO_PROXY="localhost,127.0.0.1"{environment}
"""


class Machine:
    """One machine. Its processes are recognised by an environment variable that only they have."""

    def __init__(self, name: str, folder: Path, port: int, key: Path, address: str = "127.0.0.1") -> None:
        self.name = f"{name}-{port}-{os.getpid()}"
        self.folder = folder
        self.port = port
        self.key = key
        self.address = address
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        new_key(folder / "host_key")
        (folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
        self.environment: dict[str, str] = {}
        """Environment variables of its programs, besides their HOME; read by ``begin``."""
        self._sshd: subprocess.Popen | None = None

    def entry(self, **changes: Any) -> dict[str, Any]:
        """Return this machine as an entry of a study's machineList; a change to None leaves the key out."""
        entry = {
            "host": self.address,
            "port": self.port,
            "user": getpass.getuser(),
            "sshKeyFile": str(self.key),
            "pythonPath": str(Path(sys.executable).parent),
        }
        return {key: value for key, value in (entry | changes).items() if value is not None}

    def begin(self, *inside: str) -> None:
        """Switch the machine on and wait until it answers. *inside*: a command to run sshd in (``ip netns …``)."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd of Debian wants it when root runs it
        (self.folder / "sshd_config").write_text(self._config())
        self._sshd = subprocess.Popen(
            [*inside, SSHD, "-D", "-E", self.folder / "sshd.log", "-f", self.folder / "sshd_config"],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while "Server listening" not in self._log():
            assert self._sshd.poll() is None, f"sshd must run, but: {self._log()}"
            assert time.monotonic() < deadline, f"sshd must listen, but: {self._log()}"
            time.sleep(0.05)

    def unplug(self) -> None:
        """Kill the machine: everything that runs on it, at once."""
        (self.folder / "sshd.log").unlink(missing_ok=True)
        while left := list(self.processes()):
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=5)
        if self._sshd:
            self._sshd.wait()

    def burn(self) -> None:
        """Lose the disk: delete the home folder."""
        shutil.rmtree(self.home)

    def freeze(self) -> None:
        """Pause every process: the machine no longer answers, its connections stay open."""
        for process in self.processes():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume every process."""
        for process in self.processes():
            process.send_signal(signal.SIGCONT)

    def processes(self) -> Iterator[psutil.Process]:
        """Yield the processes of the machine, sshd first."""
        if self._sshd and self._sshd.poll() is None:
            server = psutil.Process(self._sshd.pid)
            yield from (server, *server.children(recursive=True))
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("RAREPIX_TEST_MACHINE") == self.name:
                    yield process

    def programs(self) -> Iterator[psutil.Process]:
        """Yield the processes of the machine besides sshd."""
        for process in self.processes():
            words = _words(process)
            if words and "sshd" not in words[0]:
                yield process

    def trials(self) -> list[psutil.Process]:
        """Return the trials' processes that run on the machine."""
        return [process for process in self.processes() if "trials.segment" in _words(process)]

    def _config(self) -> str:
        environment = "".join(f" {name}='{value}'" for name, value in self.environment.items())
        return CONFIG.format(
            port=self.port, folder=self.folder, name=self.name, address=self.address, environment=environment
        )

    def _log(self) -> str:
        file = self.folder / "sshd.log"
        return file.read_text() if file.exists() else ""


def new_key(file: Path, passphrase: str = "") -> Path:
    """Make a pair of keys and return *file*, the secret one."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", file], check=True)
    return file


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
