"""What is said to have changed since a trial ran."""

import pytest

from rarepix.config import updated
from rarepix.trial.changed import changes
from rarepix.trial.lifecycle import package_versions
from tests.conftest import Finished


@pytest.fixture
def now(finished: Finished, tiny_config) -> dict:
    """What the finished trial would find now."""
    return {
        "versions": finished.record.versions,
        "config": tiny_config,
        "inventory_hashes": [finished.record.dataset.inventory_hash],
    }


def test_nothing_has_changed_since_a_moment_ago(finished: Finished, now: dict) -> None:
    assert changes(finished.record, **now) == []
    names = package_versions()
    assert set(names) == set(finished.record.versions) >= {"python", "rarepix", "torch", "code"}


def test_a_version_that_is_not_known_on_one_side_is_not_compared(finished: Finished, now: dict) -> None:
    versions = finished.record.versions
    record = finished.record.model_copy(update={"versions": versions | {"code": "not a checkout", "gone": "1"}})
    assert changes(record, **now) == []
    assert changes(finished.record, **now | {"versions": versions | {"code": "not a checkout"}}) == []


def test_of_another_machine_only_our_own_code_is_compared(finished: Finished, now: dict) -> None:
    now["versions"] = finished.record.versions | {"python": "3.99", "torch": "9.0", "rarepix": "9.9"}
    lines = changes(finished.record, **now, same_machine=False)
    assert lines == [
        f"the code has changed since its newest trial: rarepix was {finished.record.versions['rarepix']} and is 9.9"
    ]


def test_where_and_how_a_trial_runs_is_no_change_of_its_recipe(finished: Finished, now: dict, tiny_config) -> None:
    moved = updated(tiny_config, {"data.root": "elsewhere", "engine.threads": 3})
    assert changes(finished.record, **now | {"config": moved}) == []
    other = updated(tiny_config, {"loss.name": "dice", "optim.lr": 0.5})
    assert changes(finished.record, **now | {"config": other}) == [
        "the recipe has changed since its newest trial: loss.name was ce and is dice; optim.lr was 0.01 and is 0.5"
    ]


def test_the_data_are_those_of_any_of_the_trainings_of_a_trial(finished: Finished, now: dict) -> None:
    own = finished.record.dataset.inventory_hash
    assert changes(finished.record, **now | {"inventory_hashes": ["first", own]}) == []
    assert changes(finished.record, **now | {"inventory_hashes": None}) == []
    assert changes(finished.record, **now | {"inventory_hashes": ["other"]}) == [
        f"the data have changed since its newest trial: the inventory's hash was {own} and is other"
    ]
