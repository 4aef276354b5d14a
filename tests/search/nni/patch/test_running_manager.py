"""A manager that plain nnictl has started in an environment of its own: each claim of docs/reference/security.md.

All tests look at one manager with a running trial; the last ones kill its tuner and take rarepix away.
"""

import json
import os
import shutil
import socket
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rarepix.search.nni import install_patch
from tests.search.nni.patch.raw_http import REST, ask, ask_as, listening, request, sockets, upgrade
from tests.search.nni.patch.real_experiment import RealExperiment, until
from tests.search.nni.patch.venv import Environment

pytestmark = pytest.mark.full

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as another user")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment") / "env")


@pytest.fixture(scope="module")
def installed(environment: Environment) -> list[str]:
    """Install the patch twice, and return what was printed."""
    return [environment.run("python", "-m", "rarepix.search.nni.install_patch").stdout for _ in range(2)]


@pytest.fixture(scope="module")
def running(
    environment: Environment, installed: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealExperiment]:
    """Start an experiment whose only trial runs on and on."""
    with pytest.MonkeyPatch.context() as patch:
        experiment = RealExperiment(
            tmp_path_factory.mktemp("running"),
            patch,
            maxTrialNumber=1,
            trialConcurrency=1,
            trialCommand="python light_trial.py",
        )
        experiment.set_trials(steps=100_000, pause=0.5)
        try:
            experiment.create(environment.nnictl)
            until(lambda: experiment.manager.get("metric-data"))
            # Its one trial reports before NNI has counted that it is the last one.
            until(lambda: experiment.manager.status()[0] == "NO_MORE_TRIAL")
            yield experiment
        finally:
            experiment.end()


def test_the_command_names_the_file_that_it_wrote_and_can_be_repeated(
    environment: Environment, installed: list[str]
) -> None:
    file = environment.packages / install_patch.START_UP
    for output in installed:
        assert output.startswith(f"{file} written: nnictl in {environment.programs.parent} runs with")
    assert len(file.read_text().splitlines()) == 1


def test_other_programs_are_left_alone(environment: Environment, installed: list[str]) -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    variables = json.loads(environment.run("python", "-c", script, "nnictl").stdout)
    assert "NODE_OPTIONS" not in variables
    assert variables["PATH"] == "/usr/bin:/bin"


def test_trials_run_with_the_programs_of_the_environment(environment: Environment, running: RealExperiment) -> None:
    """Without the patch, ``python`` of the trial command is not found, or is another one."""
    assert running.trial_processes()
    for pid in running.trial_processes():
        path = Path(f"/proc/{pid}/environ").read_text().split("PATH=", 1)[1].split("\0")[0]
        assert path == f"{environment.programs}:/usr/bin:/bin"


def test_the_tuner_can_see_that_the_patch_is_in_force(running: RealExperiment) -> None:
    assert running.messages()[0] == ("start", {"patch": "1"})


def test_the_manager_and_all_that_it_starts_listen_on_loopback_only(running: RealExperiment) -> None:
    commands = [" ".join(child.cmdline()) for child in running.process.children(recursive=True)]
    assert any("light_trial.py" in command for command in commands)
    assert any("-m nni" in command for command in commands)
    assert listening(running.process) == {"127.0.0.1"}


def test_tensorboard_from_the_web_ui_listens_on_loopback_only(running: RealExperiment) -> None:
    (trial,) = running.manager.get("trial-jobs")
    body = json.dumps({"trials": trial["trialJobId"]})
    answer = ask(running.port, f"POST {REST}/tensorboard", "Content-Type: application/json", body=body)
    try:
        assert answer == "HTTP/1.1 200 OK"
        (task,) = running.manager.get("tensorboard-tasks")
        board = psutil.Process(int(task["pid"]))
        until(lambda: any(connection.laddr.port == int(task["port"]) for connection in sockets(board)))
        assert listening(board) == {"127.0.0.1"}
    finally:
        ask(running.port, f"DELETE {REST}/tensorboard-tasks")
    until(lambda: not board.is_running() or board.status() == psutil.STATUS_ZOMBIE)


def test_no_other_address_of_this_machine_answers(running: RealExperiment) -> None:
    addresses = {
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6) and "%" not in entry.address
    }
    for address in (addresses | {"127.0.0.2"}) - {"127.0.0.1"}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, running.port), timeout=60)


def test_the_user_who_runs_the_study_is_answered(running: RealExperiment) -> None:
    assert ask(running.port, f"GET {REST}/check-status") == "HTTP/1.1 200 OK"
    assert ask(running.port, f"GET {REST}/check-status", f"Origin: http://localhost:{running.port}",
               f"Host: localhost:{running.port}", "Sec-Fetch-Site: same-origin") == "HTTP/1.1 200 OK"  # fmt: skip


def test_a_client_that_speaks_ipv6_is_the_same_user(running: RealExperiment) -> None:
    assert ask(running.port, f"GET {REST}/check-status", address="::ffff:127.0.0.1") == "HTTP/1.1 200 OK"


@as_root
def test_another_user_of_this_machine_is_refused(running: RealExperiment) -> None:
    answer = ask_as(65534, running.port, request(f"GET {REST}/experiment"), wait=True)
    assert answer.startswith("HTTP/1.1 403")
    assert "it must come from a process of the user who runs this study" in answer


@as_root
def test_another_user_who_hangs_up_at_once_is_refused_too(running: RealExperiment) -> None:
    """Linux lists a socket that its process has closed as root's."""
    for _ in range(20):
        ask_as(65534, running.port, request(f"DELETE {REST}/experiment"), wait=False)
    time.sleep(2)
    assert running.manager.status()[0] == "NO_MORE_TRIAL"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (f"GET {REST}/experiment", "Host: evil.example"),
        (f"GET {REST}/experiment", "Host: 127.0.0.1.evil.example:8080"),
        (f"GET {REST}/experiment", "Host:"),
        ("GET /logs/..%2f..%2f..%2fetc/passwd", "Host: localhost"),
        ("GET /logs/%2e%2e/db/nni.sqlite", "Host: localhost"),
        (f"GET {REST}/trial-file/x/..%2f..%2f..%2f..%2fdb%2fnni.sqlite", "Host: localhost"),
        ("GET /%", "Host: localhost"),
        ("GET /netron/", "Host: localhost"),
        ("GET /NETRON/x", "Host: localhost"),
        (f"POST {REST}/trial-jobs", "Origin: http://evil.example"),
        (f"POST {REST}/trial-jobs", "Origin: null"),
        (f"DELETE {REST}/experiment", "Origin: http://localhost:1"),
        (f"OPTIONS {REST}/experiment", "Origin: https://evil.example"),
        (f"GET {REST}/experiment", "Sec-Fetch-Site: cross-site"),
        (f"POST {REST}/experiment", "Sec-Fetch-Site: same-site"),
    ],
)
def test_foreign_requests_are_refused(running: RealExperiment, line: str, header: str) -> None:
    assert ask(running.port, line, header) == "HTTP/1.1 403 Forbidden"
    assert running.manager.status()[0] == "NO_MORE_TRIAL"


def test_a_link_to_the_web_ui_may_be_followed(running: RealExperiment) -> None:
    headers = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: ")
    assert ask(running.port, "GET /", *headers[:2], headers[2] + "document") == "HTTP/1.1 200 OK"
    assert ask(running.port, "GET /", *headers[:2], headers[2] + "iframe") == "HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize("header", ["Host: evil.example", "Origin: http://evil.example"])
def test_no_web_page_can_pose_as_the_tuner(running: RealExperiment, header: str) -> None:
    assert upgrade(running.port, "/tuner", header) == ""


def test_nobody_but_the_manager_s_own_child_can_be_the_tuner(running: RealExperiment) -> None:
    """The upgrade is accepted, and then the connection is closed; that of the tuner stays."""
    for path in ("/tuner", "/tuner/other", "/tuner?run=0"):
        assert upgrade(running.port, path) in ("", "HTTP/1.1 101 Switching Protocols")
    time.sleep(1)
    assert running.manager.status() == ("NO_MORE_TRIAL", [])


def test_a_trial_s_channel_takes_nothing_without_the_number_of_this_run(running: RealExperiment) -> None:
    (trial,) = running.manager.get("trial-jobs")
    metric = {"parameter_id": 1, "trial_job_id": trial["trialJobId"], "type": "FINAL", "sequence": 0, "value": "9"}
    body = json.dumps({"type": "metric", "metric": json.dumps(metric)})
    path = f"/env/{trial['envId']}/{trial['trialJobId']}"
    assert ask(running.port, f"PUT {path}", "Content-Type: application/json", body=body) == ""
    assert ask(running.port, f"PUT {path}?run=0", "Content-Type: application/json", body=body) == ""
    assert ask(running.port, f"GET {path}") == ""
    assert running.manager.get("metric-data?type=FINAL") == []


def test_a_tuner_that_is_killed_breaks_the_experiment(running: RealExperiment) -> None:
    """The manager stays and says so."""
    for child in running.process.children(recursive=True):
        if "-m nni " in " ".join(child.cmdline()):
            child.kill()
    until(lambda: running.manager.status()[0] == "ERROR")
    log = (running.data / "log" / "nnimanager.log").read_text()
    assert "the tuner or assessor has ended: see dispatcher.log" in log


def test_nothing_breaks_once_rarepix_is_gone(environment: Environment, running: RealExperiment) -> None:
    """The last test: it takes rarepix away."""
    assert shutil.which(environment.programs / "nnictl")
    environment.see(Path(sysconfig.get_path("purelib")))
    done = environment.run("nnictl", "--version")
    assert "Error processing" not in done.stderr
    assert "3.0" in done.stdout
