"""The machines of a study, as far as they can be checked without connecting: their entries, keys, and what is sent."""

import re
import subprocess
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rarepix.search.checks import machines, preflight
from rarepix.search.checks.probe import PACKAGES
from rarepix.settings import ConfigError
from tests.house.source import CHECKOUT
from tests.search.lab import Lab
from tests.search.remote.sshd import new_key

GOOD = {"versions": dict.fromkeys(PACKAGES, "0"), "gpus": 0, "free": 2**40, "problems": []}
COMMAND = "python -m trials.segment --recipe tiny.yaml --set data.root=/data"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_key(tmp_path_factory.mktemp("key") / "key")


@pytest.fixture
def entry(key: Path) -> dict[str, Any]:
    """An entry of a machineList that is correct; nothing listens there."""
    return {"host": "127.0.0.1", "port": 1, "user": "me", "sshKeyFile": str(key)}


@pytest.fixture
def refusal(lab: Lab) -> Callable[..., str]:
    """Give a function that returns why a study on these machines is refused."""

    def why(*entries: object, **changes: Any) -> str:
        service = {"platform": "remote", "machineList": list(entries)}
        with pytest.raises(ConfigError) as caught:
            preflight.check(lab.study(**{"trainingService": service, "trialCommand": COMMAND} | changes))
        return str(caught.value)

    return why


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sshKeyFile": "nowhere"}, r"^sshKeyFile must be a readable file, but .*nowhere: No such file .*: make one"),
        ({"password": "secret"}, r"machine 1: password must not be given, since NNI .* shows it"),
        ({"sshPassphrase": "secret"}, r"machine 1: sshPassphrase must not be given"),
        ({"user": None}, r"machine 1: user must be given, but is not"),
        ({"usr": "me"}, r"machine 1: unknown key 'usr': did you mean 'user'"),
        ({"host": "-oProxyCommand=touch x"}, r"machine 1: host: .* but got '-oProxyCommand=touch x'"),
        ({"port": 70000}, r"machine 1: port: .* but got 70000"),
    ],
)
def test_a_wrong_entry_is_refused(
    refusal: Callable[..., str], entry: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    assert re.search(message, refusal(entry | changes))


@pytest.mark.parametrize(
    ("machines", "message"), [([], "must list at least one"), ([3], "with host and user, but got 3")]
)
def test_a_list_without_machines_is_refused(refusal: Callable[..., str], machines: list, message: str) -> None:
    assert message in refusal(*machines)


def test_a_machine_that_is_listed_twice_is_refused(refusal: Callable[..., str], entry: dict[str, Any]) -> None:
    assert re.search("must name each machine once, but names me@127.0.0.1:1 again", refusal(entry, dict(entry)))


def test_a_public_key_is_refused(refusal: Callable[..., str], entry: dict[str, Any], key: Path) -> None:
    assert re.search(rf"{key}.pub is its public half: give {key}$", refusal(entry | {"sshKeyFile": f"{key}.pub"}))


def test_a_key_with_a_passphrase_is_refused(refusal: Callable[..., str], entry: dict[str, Any], tmp_path: Path) -> None:
    locked = new_key(tmp_path / "locked", "secret")
    assert "a complete key without a passphrase, but" in refusal(entry | {"sshKeyFile": str(locked)})


def test_a_key_that_others_may_read_is_refused(
    refusal: Callable[..., str], entry: dict[str, Any], tmp_path: Path
) -> None:
    readable = new_key(tmp_path / "readable")
    readable.chmod(0o644)
    assert f"others may read {readable}: chmod 600 it" in refusal(entry | {"sshKeyFile": str(readable)})


def test_a_file_that_is_no_key_is_refused(refusal: Callable[..., str], entry: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("-----BEGIN PRIVATE KEY-----\n")
    message = r"must be a private key of OpenSSH, but .*text begins with"
    assert re.search(message, refusal(entry | {"sshKeyFile": str(tmp_path / "text")}))


def test_a_relative_data_path_is_refused(refusal: Callable[..., str], entry: dict[str, Any]) -> None:
    command = "python -m trials.segment --recipe tiny.yaml --set data.root=data"
    assert "data.root must be a path that exists on other machines, but 'data'" in refusal(entry, trialCommand=command)


def test_an_address_does_not_open_the_manager_to_a_network(refusal: Callable[..., str], entry: dict[str, Any]) -> None:
    message = r"nniManagerIp must be left out, or 127.0.0.1: .* but got 10.0.0.1"
    assert re.search(message, refusal(entry, nniManagerIp="10.0.0.1"))


@pytest.mark.parametrize(
    ("answer", "uploads", "message"),
    [
        (
            {"versions": GOOD["versions"] | {"nni": "2.10"}},
            True,
            "nni must be 3.0 on every machine, but there it is 2.10",
        ),
        ({}, True, "torch must be the same on every machine, .* and there 0: make env there"),
        ({}, False, "rarepix must be the same on every machine, .* and there 0: make env there"),
        ({"free": 2**30}, True, "must have 2 GiB free, but has 1.0: make room"),
        ({"problems": ["no data"]}, True, "no data"),
    ],
)
def test_the_answer_of_a_machine_is_checked(answer: dict, uploads: bool, message: str) -> None:
    assert re.search(message, "\n".join(machines._answer_problems(GOOD | answer, gpus=0, uploads=uploads)))


def packed(code: Path, place: Path) -> tarfile.TarFile:
    """Return the archive that NNI makes of *code* for other machines."""
    nni = Path(find_spec("nni_node").origin).parent
    subprocess.run([nni / "node", "-e", machines.PACK, nni, code, place], env={}, check=True)
    return tarfile.open(place / "tarball" / "code.tgz")


def test_the_upload_of_this_checkout_has_the_code_and_little_else(tmp_path: Path) -> None:
    with packed(CHECKOUT, tmp_path) as archive:
        names = archive.getnames()
    assert {"trials/segment.py", "trials/recipes/demo.yaml", "src/rarepix/search/nni/patch/main.cjs"} <= set(names)
    top = {name.partition("/")[0] for name in names}
    assert top & {".git", ".venv", "data", "results", "tests", "docs", "analysis", "bench", "build"} == set()
    assert [name for name in names if "__pycache__" in name or ".egg-info" in name] == []
    assert len(names) < 400
    assert (tmp_path / "tarball" / "code.tgz").stat().st_size < 2**20


def test_this_checkout_can_be_sent() -> None:
    assert machines.upload_problems(CHECKOUT) == []


@pytest.mark.parametrize(
    ("files", "size", "why"), [(2001, 0, "too many files"), (1, 301 * 2**20, "too large")], ids=["many", "large"]
)
def test_code_that_nni_does_not_send_is_refused(tmp_path: Path, files: int, size: int, why: str) -> None:
    (tmp_path / "heap").mkdir()
    for number in range(files):
        with (tmp_path / "heap" / str(number)).open("wb") as file:
            file.truncate(size)
    (line,) = machines.upload_problems(tmp_path)
    assert why in line
    assert f"in {tmp_path / '.nniignore'} (as in a .gitignore)" in line
    (tmp_path / ".nniignore").write_text("heap\n")
    assert machines.upload_problems(tmp_path) == []
