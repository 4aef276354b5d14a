"""Fixtures for studies in tests."""

import socket
from collections.abc import Callable, Iterator

import pytest

from tests.search.lab import Lab


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Give ports that nothing listens on."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return port


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give a folder in which studies can run; what still runs at the end is stopped."""
    with pytest.MonkeyPatch.context() as patch:
        made = Lab(tmp_path_factory.mktemp("lab"), patch)
        yield made
        made.stop_all()
