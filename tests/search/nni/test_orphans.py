"""What belongs to an experiment, and its end: real processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rarepix.search.nni import orphans
from rarepix.search.nni.processes import lives

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
def test_manager_keeper_tuner_and_trial_belong_to_their_experiment(
    start: Start, words: tuple, environment: dict
) -> None:
    process = start(UP, *words, **environment)
    assert [found.pid for found in orphans.processes(ID)] == [process.pid]
    assert orphans.processes(ID.lower()) == []


def test_what_only_names_an_experiment_is_none_of_its_processes(start: Start) -> None:
    start(UP, "study", "resume", ID, "--experiment-id", "another", f"/nni-experiments/{ID}/log/nnimanager.log")
    assert orphans.processes(ID) == []


def test_all_of_an_experiment_is_ended_and_told(start: Start) -> None:
    parent, deaf = start(PARENT, NNI_EXP_ID=ID), start(IGNORES, NNI_EXP_ID=ID)
    family = [parent.pid, deaf.pid, *(child.pid for child in psutil.Process(parent.pid).children())]
    lines = orphans.end(ID, seconds=0.5)
    assert len(lines) == 3
    assert any(f"process {deaf.pid}: " in line for line in lines)
    assert not any(map(lives, family))
    assert orphans.end(ID) == []


def test_one_that_ended_and_was_not_asked_how_is_not_waited_for(start: Start) -> None:
    """The parent, which belongs to no experiment, never asks how its child ended; it stays a zombie."""
    parent = start(
        f"import os, subprocess, time; subprocess.Popen(['sleep', '60'], env=os.environ | {{'NNI_EXP_ID': {ID!r}}}); "
        "print('up', flush=True); time.sleep(60)"
    )
    (child,) = psutil.Process(parent.pid).children()
    begun = time.monotonic()
    assert orphans.end(ID) == [f"process {child.pid}: sleep 60"]
    assert child.status() == psutil.STATUS_ZOMBIE
    assert not lives(child.pid)
    assert time.monotonic() - begun < orphans.SECONDS_TO_CLOSE


def test_a_process_may_close_what_it_has_open(start: Start, tmp_path: Path) -> None:
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
    manager.wait(5)
    assert orphans.tuner(manager.pid) is None


def test_as_a_program(start: Start) -> None:
    process = start(UP, NNI_EXP_ID=ID)
    done = subprocess.run(
        [sys.executable, "-m", "rarepix.search.nni.orphans", ID], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"process {process.pid}: ")
    assert process.wait(5) == -15
    assert subprocess.run([sys.executable, "-m", "rarepix.search.nni.orphans"], capture_output=True).returncode == 2
