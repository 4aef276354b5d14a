"""Fixtures for real managers without a study around them."""

from collections.abc import Iterator

import pytest

from tests.search.nni.patch.plain import Plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """Give a folder, and a patch that lasts as long as the module's tests."""
    with pytest.MonkeyPatch.context() as patch:
        yield tmp_path_factory.mktemp("plain"), patch


@pytest.fixture(scope="module")
def plain(folder: tuple) -> Iterator[Plain]:
    """Give an experiment that is not started yet; what still runs at the end is stopped."""
    made = Plain(*folder)
    yield made
    made.end()
