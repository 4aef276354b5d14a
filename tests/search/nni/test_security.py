"""Each claim of docs/reference/security.md, against a real manager with a running trial."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import nni_node
import psutil
import pytest
from websockets.sync.server import serve

from rarepix.search.nni import install_patch
from tests.search.nni.patch.plain import Plain, until

pytestmark = pytest.mark.full

REST = "/api/v1/nni"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as another user")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    """An experiment whose only trial runs on and on."""
    with pytest.MonkeyPatch.context() as patch:
        made = Plain(tmp_path_factory.mktemp("security"), patch, maxTrialNumber=1, trialConcurrency=1)
        made.trials_do(steps=3000, pause=0.2)
        made.create()
        try:
            until(lambda: made.manager.ask("metric-data"))
            yield made
        finally:
            made.end()


def ask(port: int, line: str, *headers: str, body: str = "", address: str = "127.0.0.1") -> str:
    """Send a request as it stands and return the first line of the answer ("" where there is none)."""
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.sendall(request(line, *headers, body=body))
        with connection.makefile("rb") as answer:
            try:
                return answer.readline().decode().strip()
            except ConnectionResetError:
                return ""


def request(line: str, *headers: str, body: str = "") -> bytes:
    """Return the text of a request; without a Host among *headers* it is for localhost."""
    named = headers if any(header.startswith("Host:") for header in headers) else ("Host: localhost", *headers)
    return "\r\n".join([f"{line} HTTP/1.1", *named, f"Content-Length: {len(body)}", "", body]).encode()


def listening(process: psutil.Process) -> set[str]:
    """Return the addresses on which *process* and all that it started listen."""
    return {connection.laddr.ip for connection in sockets(process)}


def sockets(process: psutil.Process) -> list:
    """Return the sockets on which *process* and all that it started listen."""
    return [
        connection
        for one in (process, *process.children(recursive=True))
        for connection in one.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]


def test_the_manager_and_all_that_it_starts_listen_on_loopback_only(running: Plain) -> None:
    commands = [" ".join(child.cmdline()) for child in running.process.children(recursive=True)]
    assert any("light_trial.py" in command for command in commands)
    assert any("-m nni" in command for command in commands)
    assert listening(running.process) == {"127.0.0.1"}


def test_tensorboard_from_the_web_ui_listens_on_loopback_only(running: Plain) -> None:
    (trial,) = running.manager.ask("trial-jobs")
    asked = json.dumps({"trials": trial["trialJobId"]})
    said = ask(running.port, f"POST {REST}/tensorboard", "Content-Type: application/json", body=asked)
    try:
        assert said == "HTTP/1.1 200 OK"
        (task,) = running.manager.ask("tensorboard-tasks")
        board = psutil.Process(int(task["pid"]))
        until(lambda: any(connection.laddr.port == int(task["port"]) for connection in sockets(board)))
        assert listening(board) == {"127.0.0.1"}
    finally:
        ask(running.port, f"DELETE {REST}/tensorboard-tasks")
    until(lambda: not board.is_running() or board.status() == psutil.STATUS_ZOMBIE)


def test_no_other_address_of_this_machine_answers(running: Plain) -> None:
    addresses = {
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6) and "%" not in entry.address
    }
    for address in (addresses | {"127.0.0.2"}) - {"127.0.0.1"}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, running.port), timeout=5)


def test_the_user_is_answered(running: Plain) -> None:
    assert ask(running.port, f"GET {REST}/check-status") == "HTTP/1.1 200 OK"
    assert ask(running.port, f"GET {REST}/check-status", f"Origin: http://localhost:{running.port}",
               f"Host: localhost:{running.port}", "Sec-Fetch-Site: same-origin") == "HTTP/1.1 200 OK"  # fmt: skip


def test_a_client_that_speaks_ipv6_is_the_same_user(running: Plain) -> None:
    assert ask(running.port, f"GET {REST}/check-status", address="::ffff:127.0.0.1") == "HTTP/1.1 200 OK"


@as_root
def test_another_user_of_this_machine_is_refused(running: Plain) -> None:
    said = ask_as(65534, running.port, request(f"GET {REST}/experiment"), wait=True)
    assert said.startswith("HTTP/1.1 403")
    assert "it must come from a process of the user who runs this study" in said


@as_root
def test_another_user_who_hangs_up_at_once_is_refused_too(running: Plain) -> None:
    """Linux lists the end of a process that has let go of it as root's."""
    for _ in range(20):
        ask_as(65534, running.port, request(f"DELETE {REST}/experiment"), wait=False)
    time.sleep(2)
    assert running.manager.status()[0] == "NO_MORE_TRIAL"


def ask_as(user: int, port: int, asked: bytes, *, wait: bool) -> str:
    """Send *asked* as another user, wait for the answer or hang up, and return it."""
    script = 'exec 3<>/dev/tcp/127.0.0.1/$1; cat >&3; [ "$2" = False ] || cat <&3'
    command = ["/bin/bash", "-c", script, "ask", str(port), str(wait)]
    done = subprocess.run(command, user=user, cwd="/", input=asked, capture_output=True, timeout=30, check=True)
    return done.stdout.decode()


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
def test_strange_requests_are_refused(running: Plain, line: str, header: str) -> None:
    assert ask(running.port, line, header) == "HTTP/1.1 403 Forbidden"
    assert running.manager.status()[0] == "NO_MORE_TRIAL"


def test_a_link_to_the_web_ui_may_be_followed(running: Plain) -> None:
    headers = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: ")
    assert ask(running.port, "GET /", *headers[:2], headers[2] + "document") == "HTTP/1.1 200 OK"
    assert ask(running.port, "GET /", *headers[:2], headers[2] + "iframe") == "HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize("header", ["Host: evil.example", "Origin: http://evil.example"])
def test_no_web_page_can_pose_as_the_tuner(running: Plain, header: str) -> None:
    assert upgrade(running.port, "/tuner", header) == ""


def test_nobody_but_the_manager_s_own_child_can_be_the_tuner(running: Plain) -> None:
    """The upgrade is taken, and then the line is cut; the tuner keeps its own."""
    for path in ("/tuner", "/tuner/other", "/tuner?run=0"):
        assert upgrade(running.port, path) in ("", "HTTP/1.1 101 Switching Protocols")
    time.sleep(1)
    assert running.manager.status() == ("NO_MORE_TRIAL", [])


def upgrade(port: int, path: str, *headers: str) -> str:
    """Ask for a websocket, and see that whatever comes of it is closed again."""
    key = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request(f"GET {path}", *headers, *key))
        with connection.makefile("rb") as answer:
            try:
                return answer.read().decode(errors="replace").split("\r\n")[0]
            except ConnectionResetError:
                return ""


def test_a_trial_s_channel_takes_nothing_without_the_number_of_this_run(running: Plain) -> None:
    (trial,) = running.manager.ask("trial-jobs")
    said = {"parameter_id": 1, "trial_job_id": trial["trialJobId"], "type": "FINAL", "sequence": 0, "value": "9"}
    body = json.dumps({"type": "metric", "metric": json.dumps(said)})
    path = f"/env/{trial['envId']}/{trial['trialJobId']}"
    assert ask(running.port, f"PUT {path}", "Content-Type: application/json", body=body) == ""
    assert ask(running.port, f"PUT {path}?run=0", "Content-Type: application/json", body=body) == ""
    assert ask(running.port, f"GET {path}") == ""
    assert running.manager.ask("metric-data?type=FINAL") == []


def test_a_trial_keeper_on_another_machine_listens_on_loopback_only(tmp_path: Path) -> None:
    """NNI's real keeper, and a manager that only lets it connect."""
    with serve(lambda connection: connection.recv(), "127.0.0.1", 0) as manager:
        Thread(target=manager.serve_forever, daemon=True).start()
        port = manager.socket.getsockname()[1]
        config = {
            "experimentId": "keeper", "experimentsDirectory": str(tmp_path), "environmentId": "remote-worker1",
            "logLevel": "info", "pythonInterpreter": sys.executable, "platform": "remote",
            "managerCommandChannel": f"ws://127.0.0.1:{port}/platform/remote/1?run=0",
        }  # fmt: skip
        (tmp_path / "trial_keeper_config.json").write_text(json.dumps(config))
        node = Path(nni_node.__path__[0])
        keeper = subprocess.Popen(
            [node / "node", node / "common" / "trial_keeper" / "main.js", tmp_path],
            env=install_patch.environment(),
            cwd=node,
        )
        try:
            until((tmp_path / "success.flag").exists)
            assert listening(psutil.Process(keeper.pid)) == {"127.0.0.1"}
        finally:
            keeper.kill()
            keeper.wait()


def test_another_address_can_be_opened_and_answers_to_its_names_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAREPIX_NNI_HOST", "127.0.0.2")
    monkeypatch.setenv("RAREPIX_NNI_NAMES", "study.example")
    opened = Plain(tmp_path, monkeypatch, maxTrialNumber=1, trialConcurrency=1)
    opened.trials_do(steps=3000, pause=0.2)
    opened.create()
    try:
        assert listening(opened.process) == {"127.0.0.1", "127.0.0.2"}
        for host, expected in (("study.example", "200 OK"), ("127.0.0.2", "200 OK"), ("other", "403 Forbidden")):
            came = ask(opened.port, f"GET {REST}/version", f"Host: {host}:{opened.port}", address="127.0.0.2")
            assert came == f"HTTP/1.1 {expected}"
        until(lambda: opened.manager.ask("metric-data"))
    finally:
        opened.end()


@pytest.mark.parametrize(
    ("url", "host", "names", "refused"),
    [
        (f"{REST}/experiment", "localhost", "", True),
        (f"{REST}/experiment", "10.0.0.5:8080", "", True),
        ("/tuner?run=RUN", "10.0.0.5:8080", "", True),
        ("/platform/remote/1", "10.0.0.5:8080", "", True),
        ("/platform/remote/1?run=RUN", "10.0.0.5:8080", "", False),
        (f"{REST}/experiment", "10.0.0.5:8080", "10.0.0.5", False),
        (f"{REST}/experiment", "localhost", "10.0.0.5", True),
    ],
)
def test_of_other_machines_only_keepers_are_answered_unless_names_are_given(
    url: str, host: str, names: str, refused: bool
) -> None:
    """The rule itself: a second machine is not at hand. (203.0.113.9 is nobody's: it is for documentation.)"""
    folder = install_patch.FILE.parent
    script = f"""
        const url = {json.dumps(url)}.replace('run=RUN', require('{folder}/run.cjs').ofThisRun('').slice(1));
        const socket = {{ remoteAddress: '203.0.113.9', remotePort: 5000, localAddress: '10.0.0.5', localPort: 8080 }};
        const request = {{ url, method: 'GET', headers: {{ host: {json.dumps(host)} }}, socket }};
        console.log(require('{folder}/door.cjs').reasonToRefuse(request));
    """
    environment = {"RAREPIX_NNI_HOST": "0.0.0.0", "RAREPIX_NNI_NAMES": names}
    node = Path(nni_node.__path__[0], "node")
    said = subprocess.run([node, "-e", script], env=environment, capture_output=True, text=True, check=True).stdout
    assert ("is none of this server's names for another machine" in said) is refused, said
    assert (said == "null\n") is not refused


def test_a_host_that_is_no_address_is_refused() -> None:
    node = Path(nni_node.__path__[0])
    environment = {**install_patch.environment(), "RAREPIX_NNI_HOST": "everywhere"}
    command = [node / "node", node / "main.js"]
    done = subprocess.run(command, env=environment, cwd=node, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "RAREPIX_NNI_HOST must be an IPv4 address of this machine, but is everywhere" in done.stderr
