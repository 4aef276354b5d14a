"""Plain nnictl, by its path, in an environment of its own that is not activated."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import rarepix
from rarepix.search.nni import install_patch, nnictl
from tests.search.nni.patch.plain import Plain, until
from tests.search.nni.test_security import listening

pytestmark = pytest.mark.full


class Environment:
    """A virtual environment that sees this one's packages, but reads none of its ``.pth`` files."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.programs = folder / "bin"
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        self.see(Path(sysconfig.get_path("purelib")), Path(rarepix.__file__).parents[1])
        original = (Path(sys.executable).parent / "nnictl").read_text().split("\n", 1)[1]
        (self.programs / "nnictl").write_text(f"#!{self.programs / 'python'}\n{original}")
        (self.programs / "nnictl").chmod(0o755)

    def see(self, *places: Path) -> None:
        """Let its Python import from *places*, and nowhere else but from itself."""
        (self.packages / "places.pth").write_text("\n".join(map(str, places)) + "\n")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs by its path, in an ordinary shell's environment."""
        plain = {name: os.environ[name] for name in ("HOME", "STEPS", "PAUSE", "PRETEND") if name in os.environ}
        return subprocess.run(
            [self.programs / command[0], *command[1:]],
            env={"PATH": "/usr/bin:/bin", **plain},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    def nnictl(self, *arguments: str) -> str:
        """Run its nnictl. Raises ``NniError`` as ``rarepix.search.nni.nnictl.run`` does."""
        try:
            return self.run("nnictl", *arguments).stdout
        except subprocess.CalledProcessError as error:
            raise nnictl.NniError(error.stdout + error.stderr) from error


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment") / "env")


def test_the_command_says_which_file_it_wrote_and_can_be_given_twice(environment: Environment) -> None:
    file = environment.packages / install_patch.START_UP
    for _ in range(2):
        said = environment.run("python", "-m", "rarepix.search.nni.install_patch").stdout
        assert said.startswith(f"{file} written: nnictl in {environment.programs.parent} runs with")
        assert len(file.read_text().splitlines()) == 1


def test_plain_nnictl_runs_trials_of_its_environment_and_listens_here_only(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unprepared, the manager listens everywhere, and ``python`` of the trial command is not found or is another."""
    experiment = Plain(tmp_path, monkeypatch, trialCommand="python light_trial.py")
    experiment.trials_do(steps=1000, pause=0.5)
    experiment.create(environment.nnictl)
    try:
        until(lambda: len(experiment.manager.ask("metric-data")) >= 2)
        assert listening(experiment.process) == {"127.0.0.1"}
        assert experiment.heard()[0] == ("start", {"preload": "1"})
        for pid in experiment.trial_processes():
            path = Path(f"/proc/{pid}/environ").read_text().split("PATH=", 1)[1].split("\0")[0]
            assert path == f"{environment.programs}:/usr/bin:/bin"
    finally:
        experiment.end()


def test_other_programs_are_left_alone(environment: Environment) -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    said = json.loads(environment.run("python", "-c", script, "nnictl").stdout)
    assert "NODE_OPTIONS" not in said
    assert said["PATH"] == "/usr/bin:/bin"


def test_nothing_breaks_once_rarepix_is_gone(environment: Environment) -> None:
    """The last test: it takes rarepix away."""
    assert shutil.which(environment.programs / "nnictl")
    environment.see(Path(sysconfig.get_path("purelib")))
    done = environment.run("nnictl", "--version")
    assert "Error processing" not in done.stderr
    assert "3.0" in done.stdout
