"""The command line, above all ``rarepix study``: output, errors and exit codes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rarepix import cli
from rarepix.cli import study as commands
from rarepix.search.nni import install_patch
from rarepix.search.studies import resume, study, watch
from rarepix.search.studies.study import Study

Run = Callable[..., tuple[int, str, str]]
STUDY = Study(
    id="x1", port=1234, folder=Path("results/demo-x1"), logs=Path("logs"), code=Path(), trials=2, trial_seconds=60.0
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs the command line and returns exit code, output and errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rarepix", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return command


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[watch.Outcome], list[str]]:
    """Give a function that fixes how every study ends and returns the list of the steps that are then taken."""

    def fix_outcome(result: watch.Outcome | BaseException) -> list[str]:
        steps: list[str] = []

        def fake_watch(*_: object) -> watch.Outcome:
            if isinstance(result, BaseException):
                raise result
            return result

        monkeypatch.setattr(study, "start", lambda config, port: steps.append(f"start {config} {port}") or STUDY)
        monkeypatch.setattr(study, "find", lambda name: STUDY)
        monkeypatch.setattr(study, "stop", lambda experiment: steps.append(f"stop {experiment}") or [])
        monkeypatch.setattr(watch, "watch", fake_watch)
        monkeypatch.setattr(commands, "_analyse", lambda which: steps.append("analyse") or True)
        return steps

    return fix_outcome


def succeeded(trial: str) -> watch.Trial:
    """Return a trial that succeeded."""
    return watch.Trial(id=trial, number=0, status="SUCCEEDED", parameters={}, report=None, seconds=None)


def test_help_imports_no_heavy_library() -> None:
    """What takes seconds to import is imported by the command that needs it."""
    slow = "{'torch', 'lightning', 'nni', 'pandas', 'numpy', 'pydantic', 'yaml'}"
    program = f"import sys; from rarepix import cli; print({slow} & set(sys.modules) or 'none')"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "none"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("study", "--help"), ("study", "run", "--help")])
def test_help(run: Run, arguments: tuple[str, ...]) -> None:
    _, out, err = run(*arguments)
    assert "Usage: rarepix" in out + err


def test_demo_data_are_drawn_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "demo"
    assert run("demo-data", str(folder), "--images", "40", "--seed", "3")[:2] == (
        0,
        f"{folder} holds the demo data: 40 images\n",
    )
    assert len(list((folder / "JPEGImages").iterdir())) == 40
    code, _, err = run("demo-data", str(folder), "--images", "41")
    assert code == 2
    assert err.startswith("rarepix: ")
    assert "Traceback" not in err


def test_too_few_images_to_draw(run: Run, tmp_path: Path) -> None:
    code, _, err = run("demo-data", str(tmp_path / "demo"), "--images", "2")
    assert code == 2
    assert err.startswith("rarepix: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("none.yml", "rarepix: the recipe must be a file, but none.yml does not exist"),
        ("dmo", "rarepix: unknown recipe 'dmo': did you mean 'demo'?"),
        ("recipe.yaml", "rarepix: unknown key 'optim.lrr': did you mean 'optim.lr'?"),
        ("study.yml", "rarepix: study.yml: maxTrialDuration must be given, but is not"),
        ("broken.yml", "rarepix: the study or recipe broken.yml must be YAML or JSON"),
    ],
)
def test_check_refuses_with_one_message(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text("data: {root: .}\noptim: {lrr: 1}\n")
    Path("broken.yml").write_text("a: [")
    Path("study.yml").write_text(
        "{trialCommand: a, trialConcurrency: 1, maxTrialNumber: 1, searchSpace: {}, tuner: {name: TPE},"
        " trainingService: {platform: local}}"
    )
    code, out, err = run("check", what)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert "Traceback" not in err


def test_check_names_the_plan_that_is_nearest(run: Run, tiny_recipe: Path) -> None:
    code, out, err = run("check", str(tiny_recipe), "--plan", "segmnt")
    assert (code, out) == (2, "")
    assert err.startswith("rarepix: unknown plan 'segmnt': did you mean 'segment'? valid: segment")
    assert run("check", str(tiny_recipe), "--plan", "segment")[0] == 0


def test_check_accepts(run: Run, tiny_recipe: Path) -> None:
    assert run("check", str(tiny_recipe)) == (0, f"{tiny_recipe}: nothing found that would stop it\n", "")


def test_run_starts_watches_stops_and_analyses(run: Run, outcome: Callable) -> None:
    steps = outcome(watch.Outcome(trials=(succeeded("a"), succeeded("b")), wrong={}))
    code, out, err = run("study", "run", "some.yml", "--port", "1234")
    assert (code, err) == (0, "")
    assert steps == ["start some.yml 1234", "stop x1", "analyse"]
    assert out.splitlines() == [
        "study x1: 2 trials, records in results/demo-x1",
        f"web UI: http://127.0.0.1:1234 (from another machine first: {install_patch.ssh_tunnel(1234)})",
        "study x1: 2 of 2 trials done",
        "study x1 is stopped; its web UI opens again with `rarepix study view x1`",
    ]


def test_run_can_leave_the_web_ui_open(run: Run, outcome: Callable) -> None:
    steps = outcome(watch.Outcome(trials=(succeeded("a"),), wrong={}))
    _, out, _ = run("study", "run", "some.yml", "--keep")
    assert "stop x1" not in steps
    assert out.endswith("web UI: http://127.0.0.1:1234 (close it with `rarepix study stop x1`)\n")


def test_failed_trials_are_named_and_the_rest_is_analysed(run: Run, outcome: Callable) -> None:
    steps = outcome(watch.Outcome(trials=(succeeded("a"), succeeded("b")), wrong={"b": "DataError: no mask"}))
    code, _, err = run("study", "run", "some.yml")
    assert code == 1
    assert err == "trial b: DataError: no mask\nstudy x1: 1 of 2 trials done, 1 failed\n"
    assert steps[1:] == ["stop x1", "analyse"]


def test_a_broken_study_ends_with_2(run: Run, outcome: Callable) -> None:
    outcome(watch.Outcome(trials=(), wrong={}, broken="the tuner is gone"))
    code, _, err = run("study", "watch")
    assert code == 2
    assert err == "study x1: the study broke: the tuner is gone (0 of 0 trials done)\n"


def test_an_interrupt_leaves_the_study_running(run: Run, outcome: Callable) -> None:
    steps = outcome(KeyboardInterrupt())
    code, out, _ = run("study", "run", "some.yml")
    assert code == 130
    assert steps == ["start some.yml 8080"]
    assert "the study still runs: follow it with `rarepix study watch x1`, stop it with `rarepix study stop x1`" in out


def test_no_study_to_stop(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = run("study", "stop")
    assert (code, err) == (
        2,
        "rarepix: exactly one study must be running, or its id must be given, but 0 are running: none\n",
    )
    code, _, err = run("study", "watch", "x9")
    assert (code, err) == (2, "rarepix: unknown study 'x9': NNI knows none\n")


def test_no_study_to_list_or_to_resume(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("study", "list") == (0, "NNI knows no study of this user\n", "")
    assert run("study", "resume", "x9") == (2, "", "rarepix: unknown study 'x9': NNI knows none\n")


def test_check_is_also_a_command_of_studies(run: Run, tmp_path: Path) -> None:
    code, _, err = run("study", "check", str(tmp_path / "none.yml"))
    assert code == 2
    assert err.startswith("rarepix: the study must be a file, but")


def test_resume_prints_the_orphaned_processes_that_were_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "resume", lambda name, port: (STUDY, ["ended orphaned process 7: python"]))
    assert run("study", "resume", "x1", "--port", "1234")[1].splitlines()[:2] == [
        "ended orphaned process 7: python",
        "study x1: 2 trials, records in results/demo-x1",
    ]


@pytest.mark.parametrize("arguments", [(), ("x1",), ("x1", "--port", "3")])
def test_the_former_name_of_a_command_is_refused_with_the_new_one(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run("study", "gather", *arguments)
    assert (code, out, err) == (2, "", "rarepix: unknown command 'gather': it is called 'fetch' now\n")
    assert "gather" not in run("study", "--help")[1]


def test_an_address_of_another_machine_is_refused(run: Run) -> None:
    code, _, err = run("study", "start", "some.yml", "--host", "192.0.2.5")
    assert code == 2
    assert "--host must be 127.0.0.1 (this machine only)" in err


def test_a_defect_ends_with_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("not meant for users")

    monkeypatch.setattr(study, "find", broken)
    monkeypatch.setattr(sys, "argv", ["rarepix", "study", "stop"])
    with pytest.raises(ValueError, match="not meant for users"):
        cli.main()
