"""Fixtures for studies in tests."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.search import ports
from tests.search.lab import Lab


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Give a function that returns a port on which nothing listens."""
    return ports.free_port


@pytest.fixture
def zombie() -> Iterator[int]:
    """Give the process id of a process that was killed and not reaped."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    yield process.pid
    process.wait()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give a lab in which studies can run; what still runs at the end is stopped."""
    with pytest.MonkeyPatch.context() as patch:
        made = Lab(tmp_path_factory.mktemp("lab"), patch)
        yield made
        made.stop_all()
