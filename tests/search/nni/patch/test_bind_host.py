"""Who is answered by a manager and by a remote runner: the rules themselves, without an experiment."""

import json
import subprocess
import sys
from pathlib import Path
from threading import Thread

import nni_node
import psutil
import pytest
from websockets.sync.server import serve

from rarepix.search.nni import install_patch
from tests.search.nni.patch.raw_http import REST, listening
from tests.search.nni.patch.real_experiment import until


def test_a_remote_runner_listens_on_loopback_only(tmp_path: Path) -> None:
    """NNI's real trial keeper, and a manager that only lets it connect."""
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
        runner = subprocess.Popen(
            [node / "node", node / "common" / "trial_keeper" / "main.js", tmp_path],
            env=install_patch.environment(),
            cwd=node,
        )
        try:
            until((tmp_path / "success.flag").exists)
            assert listening(psutil.Process(runner.pid)) == {"127.0.0.1"}
        finally:
            runner.kill()
            runner.wait()


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
def test_of_other_machines_only_remote_runners_are_answered_unless_names_are_given(
    url: str, host: str, names: str, refused: bool
) -> None:
    """The rule itself, without a second machine. (203.0.113.9 is an address for documentation.)"""
    folder = install_patch.FILE.parent
    script = f"""
        const url = {json.dumps(url)}.replace('run=RUN', require('{folder}/run.cjs').ofThisRun('').slice(1));
        const socket = {{ remoteAddress: '203.0.113.9', remotePort: 5000, localAddress: '10.0.0.5', localPort: 8080 }};
        const request = {{ url, method: 'GET', headers: {{ host: {json.dumps(host)} }}, socket }};
        console.log(require('{folder}/bind_host.cjs').reasonToRefuse(request));
    """
    environment = {"RAREPIX_NNI_HOST": "0.0.0.0", "RAREPIX_NNI_NAMES": names}
    node = Path(nni_node.__path__[0], "node")
    reason = subprocess.run([node, "-e", script], env=environment, capture_output=True, text=True, check=True).stdout
    assert ("is none of this server's names for another machine" in reason) is refused, reason
    assert (reason == "null\n") is not refused


def test_a_host_that_is_no_address_is_refused() -> None:
    node = Path(nni_node.__path__[0])
    environment = {**install_patch.environment(), "RAREPIX_NNI_HOST": "everywhere"}
    command = [node / "node", node / "main.js"]
    done = subprocess.run(command, env=environment, cwd=node, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    assert "RAREPIX_NNI_HOST must be an IPv4 address of this machine, but is everywhere" in done.stderr
