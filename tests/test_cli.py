"""The command line: what it prints, and how it ends."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rarepix import cli
from rarepix.cli import study as commands
from rarepix.search.nni import bind_host
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
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return command


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[watch.Outcome], list[str]]:
    """Give a function that lets every study end in one way and returns the list of what was then done with it."""

    def ends(how: watch.Outcome | BaseException) -> list[str]:
        done: list[str] = []

        def followed(*_: object) -> watch.Outcome:
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(study, "start", lambda config, port: done.append(f"start {config} {port}") or STUDY)
        monkeypatch.setattr(study, "find", lambda name: STUDY)
        monkeypatch.setattr(study, "stop", lambda experiment: done.append(f"stop {experiment}") or [])
        monkeypatch.setattr(watch, "watch", followed)
        monkeypatch.setattr(commands, "_analyse", lambda which: done.append("analyse") or True)
        return done

    return ends


def good(trial: str) -> watch.Trial:
    """Return a trial that ended well."""
    return watch.Trial(id=trial, number=0, status="SUCCEEDED", parameters={}, report=None, seconds=None)


def test_help_is_quick_to_come() -> None:
    """What takes seconds to import is imported by the command that needs it."""
    slow = "{'torch', 'lightning', 'nni', 'pandas', 'numpy', 'pydantic', 'yaml'}"
    program = f"import sys; from rarepix import cli; print({slow} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


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


def test_check_accepts(run: Run, tiny_recipe: Path) -> None:
    assert run("check", str(tiny_recipe)) == (0, f"{tiny_recipe}: nothing found that would stop it\n", "")


def test_run_does_it_all(run: Run, outcome: Callable) -> None:
    done = outcome(watch.Outcome(trials=(good("a"), good("b")), wrong={}))
    code, out, err = run("study", "run", "some.yml", "--port", "1234")
    assert (code, err) == (0, "")
    assert done == ["start some.yml 1234", "stop x1", "analyse"]
    assert out.splitlines() == [
        "study x1: 2 trials, records in results/demo-x1",
        f"web UI: http://127.0.0.1:1234 (from another machine first: {bind_host.ssh_tunnel(1234)})",
        "study x1: 2 of 2 trials done",
        "study x1 is stopped; its web UI opens again with `rarepix study view x1`",
    ]


def test_run_can_leave_the_web_ui_open(run: Run, outcome: Callable) -> None:
    done = outcome(watch.Outcome(trials=(good("a"),), wrong={}))
    _, out, _ = run("study", "run", "some.yml", "--keep")
    assert "stop x1" not in done
    assert out.endswith("web UI: http://127.0.0.1:1234 (close it with `rarepix study stop x1`)\n")


def test_failed_trials_are_told_and_the_rest_is_analysed(run: Run, outcome: Callable) -> None:
    done = outcome(watch.Outcome(trials=(good("a"), good("b")), wrong={"b": "DataError: no mask"}))
    code, _, err = run("study", "run", "some.yml")
    assert code == 1
    assert err == "trial b: DataError: no mask\nstudy x1: 1 of 2 trials done, 1 failed\n"
    assert done[1:] == ["stop x1", "analyse"]


def test_a_broken_study_ends_with_2(run: Run, outcome: Callable) -> None:
    outcome(watch.Outcome(trials=(), wrong={}, broken="the tuner is gone"))
    code, _, err = run("study", "watch")
    assert code == 2
    assert err == "study x1: the study broke: the tuner is gone (0 of 0 trials done)\n"


def test_an_interrupt_stops_nothing_and_says_so(run: Run, outcome: Callable) -> None:
    done = outcome(KeyboardInterrupt())
    code, out, _ = run("study", "run", "some.yml")
    assert code == 130
    assert done == ["start some.yml 8080"]
    assert "the study goes on: `rarepix study watch x1` follows, `rarepix study stop x1` stops it" in out


def test_no_study_to_stop(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = run("study", "stop")
    assert (code, err) == (2, "rarepix: exactly one study must run, or its id be given, but 0 run: none\n")
    code, _, err = run("study", "watch", "x9")
    assert (code, err) == (2, "rarepix: unknown study 'x9': NNI knows none\n")


def test_no_study_to_list_or_to_go_on_with(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("study", "list") == (0, "NNI knows no study of this user\n", "")
    assert run("study", "resume", "x9") == (2, "", "rarepix: unknown study 'x9': NNI knows none\n")


def test_check_is_also_a_command_of_studies(run: Run, tmp_path: Path) -> None:
    code, _, err = run("study", "check", str(tmp_path / "none.yml"))
    assert code == 2
    assert err.startswith("rarepix: the study must be a file, but")


def test_a_resumed_study_says_what_was_left_of_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "resume", lambda name, port: (STUDY, ["process 7: python"]))
    assert run("study", "resume", "x1", "--port", "1234")[1].splitlines()[:2] == [
        "left of it, now ended: process 7: python",
        "study x1: 2 trials, records in results/demo-x1",
    ]


def test_an_address_that_is_not_ours(run: Run) -> None:
    code, _, err = run("study", "start", "some.yml", "--host", "192.0.2.5")
    assert code == 2
    assert "--host must be 127.0.0.1 (this machine only)" in err


def test_a_defect_of_ours_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("not meant for users")

    monkeypatch.setattr(study, "find", broken)
    monkeypatch.setattr(sys, "argv", ["rarepix", "study", "stop"])
    with pytest.raises(ValueError, match="not meant for users"):
        cli.main()
