"""Other machines for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.search.remote.lab import MachineLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineLab]:
    """Two machines, of which the first is on."""
    with pytest.MonkeyPatch.context() as patch:
        made = MachineLab(tmp_path_factory.mktemp("machines"), patch)
        try:
            made.machines[0].begin()
            yield made
        finally:
            made.close()
