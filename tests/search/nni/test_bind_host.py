"""Who may reach the web UI."""

import os

import pytest

from rarepix.search.nni import bind_host
from rarepix.settings import ConfigError


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with, and come back to, an environment that opens nothing."""
    monkeypatch.setenv(bind_host.HOST_VARIABLE, "")
    monkeypatch.setenv(bind_host.NAMES_VARIABLE, "mine.example")


def test_this_machine_only_needs_no_word() -> None:
    assert bind_host.set_bind_host("127.0.0.1") is None
    assert os.environ[bind_host.HOST_VARIABLE] == ""


def test_open_to_every_network_says_what_it_means() -> None:
    assert "whoever reaches this port over the network can run programs as" in bind_host.set_bind_host("0.0.0.0")
    assert os.environ[bind_host.HOST_VARIABLE] == "0.0.0.0"
    names = os.environ[bind_host.NAMES_VARIABLE].split(",")
    assert names[0] == "mine.example"
    assert {os.uname().nodename, "127.0.0.1"} <= set(names)


@pytest.mark.parametrize("host", ["192.0.2.5", "::", "localhost", ""])
def test_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match=r"--host must be 127\.0\.0\.1 .* or an IPv4 address of this machine"):
        bind_host.set_bind_host(host)


def test_the_way_through_a_tunnel() -> None:
    assert bind_host.ssh_tunnel(8081).startswith("ssh -L 8081:127.0.0.1:8081 ")
    assert bind_host.ssh_tunnel(8081).endswith(f"@{os.uname().nodename}")
