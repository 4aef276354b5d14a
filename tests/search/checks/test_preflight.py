"""Every mistake in a study that can be known before it starts is refused, each with its own message."""

import re
import shutil
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rarepix.config import TrialConfig
from rarepix.search.checks import dry_run, machines, preflight
from rarepix.search.checks.tuner import ADVISOR
from rarepix.settings import ConfigError
from rarepix.trial.plans import PLANS
from tests.search.lab import EmptyStage, Lab
from tests.trial import two_stages

ROOT = Path(__file__).parents[3]


def own_class(name: str) -> dict[str, str]:
    """Return a tuner that is a class of one's own."""
    return {"className": name, "codeDirectory": "."}


MISTYPED = {"optim.lrr": {"_type": "uniform", "_value": [0, 1]}}


@pytest.fixture(scope="module")
def refusal(lab: Lab) -> Callable[..., str]:
    """Give a function that returns why a study with these changes is refused."""

    def why(**changes: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            preflight.check(lab.study(**changes))
        return str(caught.value)

    return why


def test_a_study_with_nothing_wrong_passes(lab: Lab) -> None:
    checked = preflight.check(lab.study())
    assert checked.command.module == "trials.segment"
    assert checked.config == TrialConfig(recipe=str(lab.folder / "tiny.yaml"), data={"root": "data"})
    assert checked.command.study_folder("x1") == lab.folder / "results" / "tiny-x1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trialconcurency": 2}, r"study.yml: unknown key 'trialconcurency': did you mean 'trialConcurrency'\?"),
        ({"tuner": {"nam": "TPE"}}, r"unknown key 'tuner.nam': did you mean 'tuner.name'\?"),
        ({"assessor": {"nam": "Medianstop"}}, r"unknown key 'assessor.nam': did you mean 'assessor.name'\?"),
        ({"trialConcurrency": "two"}, "trialConcurrency: .*valid integer.*but got 'two'"),
        ({"trialConcurrency": 0}, "trialConcurrency: .*greater than 0, but got 0"),
        ({"maxTrialNumber": 0}, "maxTrialNumber: .*greater than 0, but got 0"),
        ({"maxTrialNumber": None}, "maxTrialNumber must be given, but is not"),
        ({"maxTrialDuration": None}, "maxTrialDuration must be given, but is not"),
        ({"maxTrialDuration": "5"}, "maxTrialDuration.*but got '5'"),
        ({"trialCommand": None}, "trialCommand must be given, but is not"),
        ({"tuner": None}, "tuner must be given, but is not"),
        ({"tuner": {"classArgs": {}}}, "a tuner or assessor must have either name .*but got name=None, className=None"),
        ({"trainingService": None}, "trainingService must be given, but is not"),
        (
            {"trainingService": {"platform": "lokal"}},
            "trainingService.platform: .*'local' or 'remote', but got 'lokal'",
        ),
        ({"trainingService": {"platform": "local", "reuseMode": True}}, "trainingService.reuseMode: .*but got True"),
        ({"trainingService": {"platform": "local", "gpus": 1}}, "NNI refuses it: LocalConfig does not have field"),
        ({"searchSpace": None}, "either searchSpaceFile or searchSpace"),
        ({"searchSpaceFile": "none.yml"}, "either searchSpaceFile or searchSpace"),
        (
            {"searchSpaceFile": "none.yml", "searchSpace": None},
            "the search space must be a file, but .*none.yml does not",
        ),
        ({"searchSpace": {"optim.lr": 3}}, "searchSpace: optim.lr: must be {_type"),
        (
            {"searchSpace": {"optim.lrr": {"_type": "choice", "_value": [1]}}},
            "unknown key 'optim.lrr': did you mean 'optim.lr'",
        ),
        (
            {"tuner": {"name": "Rndom"}},
            r"unknown tuner 'Rndom': did you mean 'Random'\? valid: Random, GridSearch, TPE",
        ),
        ({"tuner": {"name": "Hyperband"}}, "Hyperband cannot be used: it ends after two trials .*; use the OptunaAdv"),
        ({"tuner": own_class("rarepix.search.advisor.OptunaAdviser")}, f"did you mean '{ADVISOR}'"),
        ({"tuner": own_class("nowhere.X")}, "No module named 'nowhere'"),
        ({"tuner": own_class(ADVISOR), "searchSpace": MISTYPED}, "did you mean 'optim.lr'"),
        ({"tuner": {"name": "BOHB"}}, "BOHB cannot be used"),
        ({"tuner": {"name": "smac"}}, "smac cannot be used: it cannot be installed on Python 3.11 or later; use TPE"),
        ({"tuner": {"name": "MetisTuner"}}, "MetisTuner cannot be used"),
        ({"tuner": {"name": "GPTuner"}}, "GPTuner cannot be used"),
        ({"tuner": {"name": "Anneal"}}, "Anneal cannot be used: it needs hyperopt"),
        ({"tuner": {"name": "TPE"}}, "optimize_mode must be maximize .*but got nothing, which means minimize"),
        (
            {"tuner": {"name": "Evolution", "classArgs": {"optimize_mode": "max"}}},
            "optimize_mode must be maximize .*'max'",
        ),
        ({"tuner": {"name": "PBT"}}, "PBT must have a search space without nested choices"),
        ({"tuner": {"codeDirectory": "nowhere", "className": "a.B"}}, "NNI refuses it: .*is not a directory"),
        ({"assessor": {"name": "Medianstp"}}, r"unknown assessor 'Medianstp': did you mean 'Medianstop'\?"),
    ],
)
def test_a_wrong_study_is_refused(refusal: Callable[..., str], changes: dict, message: str) -> None:
    assert re.search(message, refusal(**changes))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python -m trials.segment --recipe tiny.yaml | tee log", r"one plain process, but has '\|'"),
        ("cd x; python -m trials.segment --recipe tiny.yaml", "one plain process, but has ';'"),
        ("python -m trials.segment --recipe tiny.yaml && date", "one plain process, but has '&'"),
        ("python -m trials.segment --recipe $(cat x)", r"one plain process, but has '\$\('"),
        ("./run.sh", "must be of the form 'python -m trials.segment --recipe demo', but got './run.sh'"),
        ("python -m trials.segment --recipe 'tiny", "must be a command line, but: No closing quotation"),
        (
            "python -m trials.segmnt --recipe tiny.yaml",
            r"^trialCommand runs trials.segmnt, but there is no plan 'segmnt': did you mean 'segment'\? plans: ",
        ),
        ("python -m mine.segment --recipe tiny.yaml", "trialCodeDirectory must hold mine/segment.py"),
        ("python -m trials.segment", "trialCommand: the following arguments are required: --recipe"),
        ("python -m trials.segment --recipe tiny.yaml --trial a", "trialCommand: unrecognized arguments: --trial a"),
        ("python -m trials.segment --recipe none", "unknown recipe 'none'"),
        ("python -m trials.segment --recipe none.yaml", "the recipe must be a file, but .*none.yaml does not exist"),
        ("python -m trials.segment --recipe tiny.yaml --set optim.lrr=1", "unknown key 'optim.lrr'"),
        ("python -m trials.segment --recipe tiny.yaml --set optim.lr", "must be key=value, but got 'optim.lr'"),
    ],
)
def test_a_wrong_trial_command_is_refused(refusal: Callable[..., str], command: str, message: str) -> None:
    assert re.search(message, refusal(trialCommand=command))


@pytest.mark.parametrize(
    "tuner",
    [
        {"name": "TPE", "classArgs": {"optimize_mode": "maximize"}},
        {"name": "Evolution", "classArgs": {"optimize_mode": "maximize", "population_size": 8}},
        {"name": "GridSearch"},
        {"codeDirectory": ".", "className": "tired.Tired"},
    ],
)
def test_working_tuners_pass(lab: Lab, tuner: dict) -> None:
    (lab.folder / "tired.py").write_text("class Tired: ...\n")
    preflight.check(lab.study(tuner=tuner, assessor={"name": "Medianstop", "classArgs": {"start_step": 3}}))


def test_all_problems_are_reported_at_once(refusal: Callable[..., str]) -> None:
    lines = refusal(
        trialCommand="python -m trials.segment --recipe tiny.yaml | tee log",
        tuner={"name": "GP"},
        assessor={"name": "Medianstp"},
    )
    assert [line.partition(" ")[0] for line in lines.splitlines()] == ["trialCommand", "tuner.name:", "assessor.name:"]


def test_more_gpus_than_there_are_are_refused(refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "gpu_count", lambda: 0)
    lines = refusal(trialGpuNumber=1, trainingService={"platform": "local", "useActiveGpu": True})
    assert lines.startswith(
        "trialGpuNumber demands 1 GPU for a trial, but this machine has 0: leave trialGpuNumber out"
    )


def test_the_dry_run_covers_every_corner_of_the_space_in_the_folder_of_the_trials(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Stage(EmptyStage):
        def problems(self, configs: Iterable[TrialConfig], plan: str) -> list[str]:
            calls.append(([config.loss.name for config in configs], plan, self.folder))
            return ["the dataset must be a folder, but data does not exist"]

    monkeypatch.setattr(dry_run, "DryRun", Stage)
    with pytest.raises(ConfigError, match="the dataset must be a folder"):
        preflight.check(lab.study())
    assert calls == [(["ce", "ce", "focal", "focal"], "segment", lab.folder)]


def test_a_study_of_another_plan_is_checked_by_its_configuration_and_length(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, refusal: Callable[..., str]
) -> None:
    monkeypatch.setitem(PLANS, two_stages.NAME, two_stages.PLAN)
    (lab.folder / "trials" / "two_stages.py").touch()
    command = "python -m trials.two_stages --recipe tiny.yaml --set engine.epochs=4 --set refine.epochs=5"
    space = {"refine.lr": {"_type": "uniform", "_value": [0.001, 0.1]}}
    tried = []

    class Stage(EmptyStage):
        def problems(self, configs: Iterable[TrialConfig], plan: str) -> list[str]:
            tried.append((plan, sorted({config.refine.lr for config in configs})))
            return []

    monkeypatch.setattr(dry_run, "DryRun", Stage)
    checked = preflight.check(lab.study(trialCommand=command, searchSpace=space))
    assert isinstance(checked.config, two_stages.TwoStageConfig)
    assert checked.command.epochs(checked.config) == 9
    assert tried == [("two_stages", [0.001, 0.1])]
    assert "unknown key 'refine.lr'" in refusal(searchSpace=space)  # of segment
    mistyped = {"refine.lrr": space["refine.lr"]}
    assert "did you mean 'refine.lr'?" in refusal(trialCommand=command, searchSpace=mistyped)
    too_rare = f"{command} --set engine.validate_every=4 --set refine.epochs=3"
    assert "engine.validate_every must be at most engine.epochs = 3" in refusal(trialCommand=too_rare)


def test_gpus_that_exist_are_accepted(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "gpu_count", lambda: 1)
    preflight.check(lab.study(trialGpuNumber=1, trainingService={"platform": "local", "useActiveGpu": True}))


def test_a_port_that_is_taken_is_refused(lab: Lab) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} must be free, but another program .* with --port"):
            preflight.check(lab.study(), port)
    with pytest.raises(ConfigError, match="a number from 1 to 65535, but got 70000"):
        preflight.check(lab.study(), 70000)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the study must be a file, but .*none\.yml does not exist"):
        preflight.check(tmp_path / "none.yml")


@pytest.mark.parametrize(
    "file", ["nni_config.yml", *(f"studies/{file.name}" for file in (ROOT / "studies").glob("*.yml"))]
)
def test_the_studies_of_this_project_pass_but_for_their_data_and_machines(
    file: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "problems", lambda *given: [])
    monkeypatch.setattr(machines, "dry_run_problems", lambda *given: [])
    key = lab.folder / "home" / ".ssh" / "rarepix"
    key.parent.mkdir(exist_ok=True)
    key.touch()
    checked = preflight.check(ROOT / file)  # the lab makes no dry run
    assert checked.command.folder == ROOT
    assert (ROOT / file).read_text().startswith("# Question ")


def test_enough_disk_space(tmp_path: Path) -> None:
    assert preflight.disk_problems({"results": tmp_path}, min_free=1) == []


def test_too_little_disk_space_for_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    wanted = shutil.disk_usage(tmp_path).free + 2**40
    (line,) = preflight.disk_problems({"results": tmp_path / "not" / "yet"}, min_free=wanted)
    assert line.startswith(f"results need {wanted / 2**30:.0f} GiB at least, but {tmp_path} has ")
    assert line.endswith("make room, or choose another place")


def test_a_full_file_system() -> None:
    """Linux's /proc always has 0 bytes free."""
    assert len(preflight.disk_problems({"results": Path("/proc/results"), "NNI's records": Path("/proc")})) == 2
