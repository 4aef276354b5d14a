"""What a study is extended by, and what is refused, before anything is written or started."""

import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from rarepix import records
from rarepix.layout import JOURNAL, LOOKS
from rarepix.records import Block
from rarepix.search.checks import dry_run
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni.nnictl import StudyError
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import read_settings
from rarepix.search.studies.extend import Extension, Wish, prepare
from rarepix.settings import ConfigError
from tests.conftest import Finished
from tests.house.source import CHECKOUT
from tests.nni_experiment import write_experiment
from tests.search.lab import EmptyStage

LISTED = [{}, {"optim.lr": 0.02}]
SPACE = {"optim.lr": {"_type": "loguniform", "_value": [0.001, 0.1]}}


class EndedStudy:
    """A study of experiment x1 that has ended: NNI's files, a journal, and one real record."""

    def __init__(self, home: Path, recipe: Path, finished: Finished) -> None:
        self.home, self.recipe, self.folder = home, home / "tiny.yaml", home / "results" / "shared-x1"
        self.recipe.write_text(recipe.read_text())
        logs = home / "nni-experiments"
        write_experiment(logs / "x1", events=(), reports=())
        entry = {"experimentName": "shared", "logDir": str(logs), "startTime": 1000, "endTime": 2000}
        (logs / ".experiment").write_text(json.dumps({"x1": entry | {"port": 1, "pid": None}}))
        self.write_profile()
        self.record_file = self.folder / "trials" / "one" / "record.json"
        records.write(finished.record, self.record_file)

    def write_profile(self, seconds: int = 60, **keys: Any) -> None:
        """Write NNI's profile of the study, which has run for so long."""
        command = f"python -m trials.segment --recipe {self.recipe} --results {self.folder.parent} --study shared"
        service = {"platform": "local", "trialCommand": command, "trialCodeDirectory": str(CHECKOUT)}
        params = {"trainingService": service, "maxTrialNumber": 8, "maxExperimentDuration": "2h"} | keys
        with closing(sqlite3.connect(self.home / "nni-experiments" / "x1" / "db" / "nni.sqlite")) as database, database:
            change = "update ExperimentProfile set params = ?, execDuration = ?"
            database.execute(change, (json.dumps(params), seconds))

    def run(self, *, seeds: tuple = (0, 1), folds: tuple = (0,), outcome: str = "complete", **class_args: Any) -> None:
        """Run the search to its end, without trials."""
        blocks = [Block(seed=seed, fold=fold) for seed in seeds for fold in folds]
        class_args = class_args or {"configurations": LISTED}
        space = {} if "configurations" in class_args else SPACE
        settings, journal = read_settings(class_args), Journal(self.folder / JOURNAL)
        scheduler = Scheduler(settings, space, {"optim.lr": 0.01} if space else {}, blocks=blocks, journal=journal)
        while (run := scheduler.next()) is not None:
            scheduler.end(run.number, outcome, metrics={"default": 0.5} if outcome == "complete" else None)

    def change_record(self, **changes: Any) -> None:
        records.write(records.read(self.record_file).model_copy(update=changes), self.record_file)

    def listing(self, *configurations: object) -> Path:
        file = self.home / "added.yml"
        file.write_text(yaml.safe_dump(list(configurations)))
        return file


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Path, finished: Finished) -> EndedStudy:
    """A study whose data are read, and whose new trials have a dry run."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return EndedStudy(tmp_path, tiny_recipe, finished)


@pytest.fixture
def ended(checked: EndedStudy, monkeypatch: pytest.MonkeyPatch, finished: Finished) -> EndedStudy:
    """A study without these checks, which take seconds."""
    monkeypatch.setattr(dry_run, "DryRun", EmptyStage)
    monkeypatch.setattr(dry_run, "inventory_hashes", lambda *given: [finished.record.dataset.inventory_hash])
    return checked


def blocks_of(extension: Extension) -> list[tuple[int, int]]:
    return [(block["seed"], block["fold"]) for block in extension.event["blocks"]]


def refusal(error: type[Exception] = ConfigError, **wish: Any) -> str:
    with pytest.raises(error) as refused:
        prepare("x1", Wish(**wish))
    return str(refused.value)


def test_blocks_by_number_have_fresh_seeds_and_every_fold_of_the_study(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 4), folds=(0, 2))
    extension = prepare("x1", Wish(blocks=4))
    assert blocks_of(extension) == [(5, 0), (5, 2), (6, 0), (6, 2)]
    assert extension.event["configurations"] == []
    assert extension.event["complete"] == ["one"]
    assert extension.lines == (
        "study x1 gets 4 blocks (seed 5 fold 0, seed 5 fold 2, seed 6 fold 0, seed 6 fold 2): 8 trials are to run",
        f"7 of its complete trials left no record that can be read in {ended.folder}, so that reports leave them out",
    )


def test_blocks_by_name_are_seeds_times_folds_without_those_that_are_there(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 1))
    extension = prepare("x1", Wish(seeds=(1, 2), folds=(0, 1)))
    assert blocks_of(extension) == [(1, 1), (2, 0), (2, 1)]
    assert extension.lines[0] == "block seed 1 fold 0 is already in the study"


def test_a_fold_alone_is_added_for_every_seed(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 1))
    assert blocks_of(prepare("x1", Wish(folds=(2,)))) == [(0, 2), (1, 2)]


def test_what_costs_something_is_told_beforehand(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 1, 2, 3), configurations=LISTED, race={})
    (ended.folder / LOOKS).write_text('{"at": "2026-01-01T00:00:00+00:00", "complete": 8}\n')
    ended.write_profile(seconds=7200)
    extension = prepare("x1", Wish(blocks=1))
    assert extension.event["looked"] == 1
    assert extension.lines[1:] == (
        "it was looked at once at 4 blocks: the report's tests account for it",
        f"7 of its complete trials left no record that can be read in {ended.folder}, so that reports leave them out",
        "its race drops no configuration in the added blocks: all of its alpha is spent",
        "its maxExperimentDuration is used up and is doubled, to 14400 s",
    )


def test_more_blocks_than_were_declared_are_told(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 1), configurations=LISTED, blocks={"seeds": [0, 1], "at_most": 3})
    told = "it declared at most 3 blocks (blocks.at_most) and gets 4: after a look at 3 or more of them"
    assert not any("declared" in line for line in prepare("x1", Wish(blocks=1)).lines)
    assert any(line.startswith(told) for line in prepare("x1", Wish(blocks=2)).lines)


def test_a_record_that_cannot_be_read_is_told_and_hinders_no_fresh_seeds(ended: EndedStudy) -> None:
    ended.run(seeds=(0, 1))
    ended.record_file.write_text("{")
    extension = prepare("x1", Wish(blocks=1))
    assert (blocks_of(extension), extension.event["complete"]) == ([(2, 0)], [])
    assert extension.lines[1].startswith("4 of its complete trials left no record that can be read")


def test_the_port_is_checked_before_the_dry_run(ended: EndedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    ended.run()
    monkeypatch.setattr(dry_run, "DryRun", lambda folder: pytest.fail("a dry run"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="must be free"):
            prepare("x1", Wish(blocks=1), taken.getsockname()[1])


def test_added_configurations_of_a_sampled_study_are_completed_and_lie_in_its_space(ended: EndedStudy) -> None:
    ended.run(samples=2)
    extension = prepare("x1", Wish(configurations=ended.listing({"optim.lr": 0.05})))
    assert extension.event["configurations"] == [["enqueued", {"optim.lr": 0.05}]]
    outside = refusal(configurations=ended.listing({"optim.lr": 0.5}))
    assert "configuration 0 (counted from 0): {'optim.lr': 0.5} must lie in the search space" in outside
    foreign = refusal(configurations=ended.listing({"optim.name": "sgd"}))
    assert "optim.name must be a key of the search space (optim.lr)" in foreign


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({}, "an extension must add blocks"),
        ({"blocks": 1}, "--blocks must be a multiple of the study's 2 folds, .* but got 1: give 2"),
        ({"blocks": 2, "seeds": (9,)}, "by number .* or by name .*, not both"),
        ({"folds": (3,)}, r"unknown block: --fold must be a fold of the recipe's split \(0, 1, 2\), but got 3"),
        ({"seeds": (0,)}, r"2 blocks \(seed 0 fold 0, seed 0 fold 1\) must be new, but all of it is already in"),
    ],
)
def test_blocks_that_a_study_cannot_get_are_refused(ended: EndedStudy, wish: dict, message: str) -> None:
    ended.run(seeds=(0,), folds=(0, 1))
    with pytest.raises(ConfigError, match=message):
        prepare("x1", Wish(**wish))


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ([{"optim.lr": 0.02}], "configuration 0 .* comes to the same as configuration 1 of the study"),
        ([{"optim.lr": 0.01}], "comes to the same as configuration 0 of the study"),  # the recipe's
        ([{"optim.lr": 0.3}, {"optim.lr": 0.3}], "configuration 1 .* the same as configuration 0 of the file"),
        ([{"optim.lr": 0.3, "seed": 4}], "must not fix seed"),
        ([{"optim.rate": 0.3}], r"configuration 0 \(counted from 0\): unknown key"),
        ([], "must be a list of mappings, at least one, but is empty"),
        (["optim.lr"], "must be a list of mappings, at least one, but is a list with 'optim.lr' in it"),
    ],
)
def test_configurations_that_are_not_new_or_cannot_run_are_refused(
    ended: EndedStudy, configurations: list, message: str
) -> None:
    ended.run()
    with pytest.raises(ConfigError, match=message):
        prepare("x1", Wish(configurations=ended.listing(*configurations)))


def test_what_would_fail_before_its_first_step_is_refused(checked: EndedStudy) -> None:
    checked.run()
    assert "nothing" in refusal(configurations=checked.listing({"data.train_list": "nothing"}))


def test_fresh_seeds_are_refused_while_an_extension_has_runs_left(ended: EndedStudy) -> None:
    ended.run()
    Journal(ended.folder / JOURNAL).write(prepare("x1", Wish(blocks=1)).event)
    assert "2 of its runs are left: continue it with `rarepix study resume x1`" in refusal(blocks=1)
    assert "already in the study: continue it with `rarepix study resume x1`" in refusal(seeds=(2,))


def test_a_study_without_a_journal_is_refused(ended: EndedStudy) -> None:
    message = refusal(StudyError, blocks=1)
    assert "has none, since NNI's own tuners write none: start a new study with the OptunaAdvisor" in message


def test_a_study_whose_results_are_elsewhere_is_not_taken_for_one_of_another_tuner(ended: EndedStudy) -> None:
    ended.write_profile(tuner={"className": ADVISOR})
    message = refusal(StudyError, blocks=1)
    assert "if its results are elsewhere, set RAREPIX_RESULTS as it was when the study was started" in message


def test_a_study_without_a_complete_configuration_is_refused(ended: EndedStudy) -> None:
    ended.run(outcome="canceled")
    assert "must be complete to get further blocks, but none of the study x1 is" in refusal(blocks=1)


def test_a_study_whose_data_have_changed_is_extended_only_again(checked: EndedStudy) -> None:
    checked.run()
    record = records.read(checked.record_file)
    checked.change_record(dataset=record.dataset.model_copy(update={"inventory_hash": "other"}))
    now = record.dataset.inventory_hash
    message = f"the data have changed since its newest trial: the inventory's hash was other and is {now}"
    assert message in refusal(blocks=1)
    assert blocks_of(prepare("x1", Wish(blocks=1), again=True)) == [(2, 0)]


def test_a_study_whose_code_or_recipe_has_changed_is_refused(ended: EndedStudy) -> None:
    ended.run()
    versions = records.read(ended.record_file).versions
    ended.change_record(versions=versions | {"code": "0ldc0de", "torch": "1.0"})
    ended.recipe.write_text(ended.recipe.read_text().replace("lr: 0.01", "lr: 0.03"))
    code, recipe, advice = refusal(blocks=1).splitlines()
    assert f"the code has changed since its newest trial: torch was 1.0 and is {versions['torch']}" in code
    assert f"code was 0ldc0de and is {versions['code']}" in code
    assert recipe.endswith("the recipe has changed since its newest trial: optim.lr was 0.01 and is 0.03")
    assert advice.endswith("insist with --again")
