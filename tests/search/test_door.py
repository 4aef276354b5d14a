"""Who may reach the web UI."""

import os

import pytest

from rarepix.search import door
from rarepix.settings import ConfigError


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with, and come back to, an environment that opens nothing."""
    monkeypatch.setenv(door.HOST_VARIABLE, "")
    monkeypatch.setenv(door.NAMES_VARIABLE, "mine.example")


def test_this_machine_only_needs_no_word() -> None:
    assert door.open_to("127.0.0.1") is None
    assert os.environ[door.HOST_VARIABLE] == ""


def test_open_to_every_network_says_what_it_means() -> None:
    assert "whoever reaches this port over the network can run programs as" in door.open_to("0.0.0.0")
    assert os.environ[door.HOST_VARIABLE] == "0.0.0.0"
    names = os.environ[door.NAMES_VARIABLE].split(",")
    assert names[0] == "mine.example"
    assert {os.uname().nodename, "127.0.0.1"} <= set(names)


@pytest.mark.parametrize("host", ["192.0.2.5", "::", "localhost", ""])
def test_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match=r"--host must be 127\.0\.0\.1 .* or an IPv4 address of this machine"):
        door.open_to(host)


def test_the_way_through_a_tunnel() -> None:
    assert door.tunnel(8081).startswith("ssh -L 8081:127.0.0.1:8081 ")
    assert door.tunnel(8081).endswith(f"@{os.uname().nodename}")
