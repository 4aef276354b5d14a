"""Every kill once, all in one study; ``make faults`` does each alone, at five moments."""

from collections.abc import Iterator

import pytest

from tests.faults.bench import Told, endure
from tests.search.lab import Lab
from tests.search.ports import free_port

pytestmark = pytest.mark.full

ROUNDS = [["asking trial", "trial", "manager"], ["dispatcher"], ["everything"]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with pytest.MonkeyPatch.context() as patch:
        lab = Lab(tmp_path_factory.mktemp("faults"), patch)
        try:
            yield endure(lab, "OptunaAdvisor", ROUNDS, 1, free_port)
        finally:
            lab.stop_all()


def test_watch_notices_what_broke_the_study(told: Told) -> None:
    """A killed trial does not break it: the search runs it again (or, if the manager fell first, the resumed one)."""
    manager, dispatcher, everything = told.noticed
    assert "its manager is gone" in manager
    assert "tuner" in dispatcher
    assert "its manager is gone" in everything


def test_in_the_end_every_trial_is_done(told: Told) -> None:
    assert told.outcome.exit_code == 0, (told.outcome.summary(), told.outcome.wrong)
    assert told.outcome.summary().startswith("4 of 4 trials done")


def test_nothing_is_lost_or_done_twice(told: Told) -> None:
    assert (told.findings.lost, told.findings.doubled) == ([], [])


def test_each_attempt_goes_on_from_the_checkpoint_of_the_one_before(told: Told) -> None:
    assert told.findings.crooked == []


def test_no_process_is_left(told: Told) -> None:
    assert told.findings.orphans == []
