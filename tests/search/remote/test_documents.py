"""The studies in docs/reference/machines.md and studies/remote_example.yml are what NNI's own schema takes."""

import re
from pathlib import Path

import pytest
import yaml

from rarepix.search.nni.study_file import read_study
from rarepix.search.remote.ssh import machine_list
from rarepix.settings import ConfigError
from tests.house.source import CHECKOUT
from tests.search.remote.sshd import new_key

DOCUMENT = (CHECKOUT / "docs" / "reference" / "machines.md").read_text(encoding="utf-8")
OTHERS = [block for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL) if "trainingService" in block]
EXAMPLE = CHECKOUT / "studies" / "remote_example.yml"


def validated(tree: dict) -> object:
    from nni.experiment.config import ExperimentConfig

    config = ExperimentConfig(**tree)
    config.validate()
    return config


@pytest.mark.parametrize("block", OTHERS, ids=["kubeflow", "frameworkcontroller"])
def test_services_that_are_not_run_here_are_marked_and_fit_the_schema(
    block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("HOME", str(tmp_path))
    tree = yaml.safe_load(block)
    platform = tree["trainingService"]["platform"]
    assert block.startswith(f"# {platform}: not run here\n")
    assert validated(tree).training_service.platform == platform
    file = tmp_path / "study.yml"
    file.write_text(block)
    with pytest.raises(ConfigError, match=rf"trainingService.platform: .* but got '{platform}'"):
        read_study(file)


def test_the_example_fits_the_schema_and_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(EXAMPLE.parent)
    monkeypatch.setenv("HOME", str(tmp_path))
    study = read_study(EXAMPLE)
    machines = machine_list(study.trainingService.model_extra["machineList"], EXAMPLE.parent)
    assert [machine.name for machine in machines] == ["me@one.example.org:22", "me@two.example.org:2222"]
    assert {machine.key for machine in machines} == {tmp_path / ".ssh" / "rarepix"}
    (tmp_path / ".ssh").mkdir()
    new_key(tmp_path / ".ssh" / "rarepix")
    assert len(validated(yaml.safe_load(EXAMPLE.read_text())).training_service.machine_list) == 2
