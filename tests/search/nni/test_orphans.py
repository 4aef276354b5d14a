"""The processes of an experiment, and their end: real processes."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rarepix.search.nni import orphans
from rarepix.search.nni.orphans import is_running

ID = "lEfToVeR"
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import subprocess, time; subprocess.Popen(['sleep', '60']); print('up', flush=True); time.sleep(60)"
CLOSES = """
import signal, sys, time
def close(number, frame):
    open(sys.argv[1], "w").write("closed")
    sys.exit()
signal.signal(signal.SIGTERM, close)
print("up", flush=True)
time.sleep(60)
"""
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a Python program with further words and environment, and waits until it is up."""
    started = []

    def begin(program: str, *words: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *words], env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_a_zombie_does_not_run(zombie: int) -> None:
    assert psutil.Process(zombie).is_running(), "psutil and nnictl take it for running"
    assert not is_running(zombie)
    assert not is_running(None)
    assert is_running(os.getpid())


UP = "import time; print('up', flush=True); time.sleep(60)"


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        ((), {"NNI_EXP_ID": ID}),
        (("main.js", "--port", "1", "--experiment-id", ID, "--action", "create"), {}),
        (("/nni_node/common/trial_keeper/main.js", f"/home/x/nni-experiments/{ID}/environments/remote-worker1"), {}),
        ((), {"SDK_PROCESS": "dispatcher", "NNI_LOG_DIRECTORY": f"/home/x/nni-experiments/{ID}/log"}),
    ],
)
def test_manager_remote_runner_tuner_and_trial_belong_to_their_experiment(
    start: Start, words: tuple, environment: dict
) -> None:
    process = start(UP, *words, **environment)
    assert [member.pid for member in orphans.processes(ID)] == [process.pid]
    assert orphans.processes(ID.lower()) == []


def test_a_process_that_only_names_an_experiment_does_not_belong_to_it(start: Start) -> None:
    start(UP, "study", "resume", ID, "--experiment-id", "another", f"/nni-experiments/{ID}/log/nnimanager.log")
    assert orphans.processes(ID) == []


def test_all_processes_of_an_experiment_are_ended_and_listed(start: Start) -> None:
    parent, deaf = start(PARENT, NNI_EXP_ID=ID), start(IGNORES, NNI_EXP_ID=ID)
    family = [parent.pid, deaf.pid, *(child.pid for child in psutil.Process(parent.pid).children())]
    lines = orphans.end(ID, seconds=0.5)
    assert len(lines) == 3
    assert any(f"process {deaf.pid}: " in line for line in lines)
    assert not any(map(is_running, family))
    assert orphans.end(ID) == []


def test_a_process_that_ends_as_a_zombie_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent, which belongs to no experiment, never reaps it. With an endless wait the test would not end."""
    monkeypatch.setattr(orphans, "SECONDS_TO_DIE", 3600)
    parent = start(
        f"import os, subprocess, time; subprocess.Popen(['sleep', '60'], env=os.environ | {{'NNI_EXP_ID': {ID!r}}}); "
        "print('up', flush=True); time.sleep(60)"
    )
    (child,) = psutil.Process(parent.pid).children()
    assert orphans.end(ID, seconds=3600) == [f"process {child.pid}: sleep 60"]
    assert child.status() == psutil.STATUS_ZOMBIE
    assert not is_running(child.pid)


def test_a_process_may_finish_its_record(start: Start, tmp_path: Path) -> None:
    start(CLOSES, str(tmp_path / "record"), NNI_EXP_ID=ID)
    orphans.end(ID)
    assert (tmp_path / "record").read_text() == "closed"


def test_the_tuner_is_found_below_its_manager(start: Start) -> None:
    below = (
        f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {UP!r}, '-m', 'nni', '--exp_params', 'e30='])"
    )
    manager = start(below)
    tuner = orphans.tuner(manager.pid)
    assert psutil.Process(tuner).ppid() == manager.pid
    psutil.Process(tuner).kill()
    manager.wait(60)
    assert orphans.tuner(manager.pid) is None


def test_as_a_program(start: Start) -> None:
    process = start(UP, NNI_EXP_ID=ID)
    done = subprocess.run(
        [sys.executable, "-m", "rarepix.search.nni.orphans", ID], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"process {process.pid}: ")
    assert process.wait(60) == -15
    assert subprocess.run([sys.executable, "-m", "rarepix.search.nni.orphans"], capture_output=True).returncode == 2


def test_its_source_runs_where_rarepix_is_not_installed(start: Start) -> None:
    """As ``search/remote`` sends it to another machine: on the standard input, with psutil alone."""
    process = start(UP, NNI_EXP_ID=ID)
    source = Path(orphans.__file__)
    imported = {node.module for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ImportFrom)}
    assert not any(name.startswith("rarepix") for name in imported)
    command = [sys.executable, "-", ID]
    done = subprocess.run(command, input=source.read_text(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"process {process.pid}: ")
