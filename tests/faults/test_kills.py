"""Every kill once, all in one study; ``make faults`` does each alone, at five moments."""

from collections.abc import Iterator

import pytest

from tests.faults.kills import Result, run_with_kills
from tests.search.lab import Lab

pytestmark = pytest.mark.full

ROUNDS = [["asking trial", "trial", "manager"], ["tuner"], ["everything"]]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    with pytest.MonkeyPatch.context() as patch:
        lab = Lab(tmp_path_factory.mktemp("faults"), patch)
        try:
            yield run_with_kills(lab, "OptunaAdvisor", ROUNDS, 1)
        finally:
            lab.stop_all()


def test_watch_says_what_broke_the_study(result: Result) -> None:
    """A killed trial does not break it: the search runs it again (or, if the manager fell first, the resumed one)."""
    manager, tuner, everything = result.reasons
    assert "its manager is gone" in manager
    assert "tuner" in tuner
    assert "its manager is gone" in everything


def test_in_the_end_every_trial_is_done(result: Result) -> None:
    assert result.outcome.exit_code == 0, (result.outcome.summary(), result.outcome.wrong)
    assert result.outcome.summary().startswith("4 of 4 trials done")


def test_nothing_is_lost_or_done_twice(result: Result) -> None:
    assert (result.findings.lost, result.findings.doubled) == ([], [])


def test_each_attempt_continues_from_the_checkpoint_of_the_one_before(result: Result) -> None:
    assert result.findings.out_of_order == []


def test_no_process_is_left(result: Result) -> None:
    assert result.findings.orphans == []
