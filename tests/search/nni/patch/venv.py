"""A virtual environment of its own, in which plain nnictl is run by its path without activation."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import rarepix
from rarepix.search.nni import nnictl


class Environment:
    """A virtual environment that sees this one's packages, but reads none of its ``.pth`` files."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.programs = folder / "bin"
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        self.see(Path(sysconfig.get_path("purelib")), Path(rarepix.__file__).parents[1])
        for name in ("nnictl", "tensorboard"):
            original = (Path(sys.executable).parent / name).read_text().split("\n", 1)[1]
            (self.programs / name).write_text(f"#!{self.programs / 'python'}\n{original}")
            (self.programs / name).chmod(0o755)

    def see(self, *places: Path) -> None:
        """Let its Python import from *places*, and from nowhere else but itself."""
        (self.packages / "places.pth").write_text("\n".join(map(str, places)) + "\n")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs by its path, in an ordinary shell's environment."""
        plain = {name: os.environ[name] for name in ("HOME", "STEPS", "PAUSE", "PRETEND") if name in os.environ}
        return subprocess.run(
            [self.programs / command[0], *command[1:]],
            env={"PATH": "/usr/bin:/bin", **plain},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )

    def nnictl(self, *arguments: str) -> str:
        """Run its nnictl. Raises ``NniError`` as ``rarepix.search.nni.nnictl.run`` does."""
        try:
            return self.run("nnictl", *arguments).stdout
        except subprocess.CalledProcessError as error:
            raise nnictl.NniError(error.stdout + error.stderr) from error
