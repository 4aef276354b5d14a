"""The confirmation of a search: which configurations and seeds it runs, and a real search that is confirmed."""

from pathlib import Path

import pytest
import yaml

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.records import Block
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni.nnictl import StudyError
from rarepix.search.nni.trial_command import parse
from rarepix.search.optimizer.journal import Journal, read
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.studies import study
from rarepix.search.studies.confirm import (
    candidates,
    confirm,
    confirmations,
    first_fresh_seed,
    note_confirmation,
    write_confirmation,
)
from rarepix.search.studies.watch import watch
from rarepix.settings import ConfigError
from tests.search import pretend_trial
from tests.search.lab import Lab

SPACE = {"optim.lr": {"_type": "uniform", "_value": [0.0, 1.0]}}
DEFAULT = {"optim.lr": 0.001, "loss": {"_name": "ce"}}
COMMAND = "python -m trials.segment --recipe tiny.yaml"


@pytest.fixture
def params(lab: Lab) -> dict:
    """An experiment's configuration as NNI keeps it."""
    service = {
        "platform": "local",
        "trialCommand": COMMAND,
        "trialCodeDirectory": str(lab.folder),
        "useActiveGpu": None,
    }
    return {
        "experimentName": "winter", "trialConcurrency": 2, "trialGpuNumber": None, "maxTrialDuration": "1h",
        "maxExperimentDuration": "2h", "maxTrialNumber": 40, "trainingService": service,
    }  # fmt: skip


@pytest.fixture(scope="module")
def searched(lab: Lab, free_port) -> study.Study:
    """A search that has ended. While its first trial waited, it was refused to confirm it."""
    lab.pretend(_0="wait")
    tuner = {"className": ADVISOR, "codeDirectory": ".", "classArgs": {"seed": 1, "samples": 3}}
    started = study.start(lab.study(tuner=tuner, maxTrialNumber=9, maxTrialDuration="1h"), free_port())
    with pytest.raises(StudyError, match="must have ended before it is confirmed, but it runs"):
        confirm(started.id, top=1, blocks=2, again=False, start=lambda config: pytest.fail("started"))
    (lab.folder / "go-on").touch()
    return run(started)


@pytest.fixture(scope="module")
def confirmed(searched: study.Study, free_port) -> study.Study:
    def start(config: Path) -> study.Study:
        return study.start(config, free_port())

    return run(confirm(searched.id, top=1, blocks=2, again=False, start=start))


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The folder of a study of three complete trials, by one of NNI's own tuners."""
    folder = tmp_path / "winter-abc"
    for number, value in enumerate((0.2, 0.5, 0.3)):
        received = pretend_trial.trial_io.Received(
            parameters={"optim.lr": 0.01 * (number + 1)},
            parameter_id=str(number),
            experiment="abc",
            job=f"t{number}",
        )
        record = pretend_trial.record("winter", received)
        objective = record.objective.model_copy(update={"value": value})
        block = records.Block(seed=number, fold=0)
        record = record.model_copy(update={"objective": objective, "block": block, "config_hash": str(number)})
        records.write(record, folder / "trials" / received.trial / "record.json")
    return folder


def run(started: study.Study) -> study.Study:
    outcome = watch(started, lambda trials, wrong: None)
    study.stop(started.id)
    assert outcome.exit_code == 0, outcome
    return started


@pytest.mark.full
def test_the_default_and_the_winners_run_on_seeds_that_the_search_has_not_used(searched, confirmed):
    of_search = [records.read(file) for file in layout.record_files(searched.folder)]
    confirming = [records.read(file) for file in layout.record_files(confirmed.folder)]
    assert {record.block.seed for record in of_search} == {0}
    assert sorted((record.parameters["seed"], record.parameters["optim.lr"] == 0.001) for record in confirming) == [
        (1, False), (1, True), (2, False), (2, True),
    ]  # fmt: skip
    winner = next(record.parameters for record in confirming if record.parameters["optim.lr"] != 0.001)
    assert winner["optim.lr"] in [record.parameters["optim.lr"] for record in of_search]


@pytest.mark.full
def test_the_journal_names_the_confirmed_study_and_the_default_comes_first(searched, confirmed):
    head, *events = read(confirmed.folder / JOURNAL)
    assert head["settings"]["confirms"] == searched.folder.name
    first = next(event for event in events if event["event"] == "configuration")
    assert first["parameters"] == DEFAULT
    assert confirmed.folder.name.startswith("tiny_confirm-")


@pytest.mark.full
def test_a_second_confirmation_needs_again(searched, confirmed):
    assert confirmations(searched.folder) == [confirmed.folder.name]
    with pytest.raises(ConfigError, match=rf"{confirmed.folder.name} already.*--again"):
        confirm(searched.id, top=1, blocks=2, again=False, start=lambda config: pytest.fail("started"))


@pytest.mark.full
def test_a_study_that_does_not_start_is_no_confirmation(searched, confirmed):
    before = confirmations(searched.folder)

    def fail(config: Path) -> study.Study:
        raise StudyError("the port is taken")

    with pytest.raises(StudyError):
        confirm(searched.id, top=1, blocks=2, again=True, start=fail)
    assert confirmations(searched.folder) == before


def test_candidates_of_a_study_without_a_journal_are_the_recipe_and_the_best(finished, tiny_config):
    assert candidates(finished, 2, tiny_config) == [{}, {"optim.lr": 0.02}, {"optim.lr": 0.03}]


def test_the_file_has_the_settings_of_the_search(finished, params, lab):
    file = write_confirmation(finished, params, top=1, blocks=3, again=False)
    tree = yaml.safe_load(file.read_text())
    assert file == finished / "search" / "confirm-1.yml"
    assert tree["experimentName"] == "winter_confirm"
    assert tree["trialCommand"] == "python -m trials.segment --recipe tiny.yaml --study winter_confirm"
    assert (tree["trialCodeDirectory"], tree["trialConcurrency"], tree["maxTrialDuration"]) == (
        str(lab.folder),
        2,
        "1h",
    )
    assert tree["trainingService"] == {"platform": "local"}
    assert "maxExperimentDuration" not in tree, "it is the limit of the search"
    assert tree["maxTrialNumber"] == 2 * 2 * 3  # every run may be run again
    assert tree["tuner"]["classArgs"] == {
        "confirms": "winter-abc",
        "configurations": [{}, {"optim.lr": 0.02}],
        "blocks": {"seeds": [3, 4, 5]},
    }


def test_the_confirmation_is_named_after_the_search(finished, lab, params):
    params["trainingService"]["trialCommand"] = f"{COMMAND} --study winter --set 'evaluate.rare=[a b]'"
    tree = yaml.safe_load(write_confirmation(finished, params, top=1, blocks=2, again=False).read_text())
    assert parse(tree["trialCommand"], lab.folder).study == "winter_confirm"
    assert parse(tree["trialCommand"], lab.folder).settings == ("evaluate.rare=[a b]",)


def test_a_third_confirmation_has_a_file_of_its_own(finished, params):
    for name in ("one", "two"):
        note_confirmation(finished, name)
    assert write_confirmation(finished, params, top=1, blocks=2, again=True).name == "confirm-3.yml"


def test_a_second_confirmation_has_fresh_seeds(finished, params):
    file = next(layout.record_files(finished))
    block = records.Block(seed=12, fold=0)
    record = records.read(file).model_copy(update={"block": block})
    records.write(record, finished.parent / "winter_confirm-def" / "trials" / "t" / "record.json")
    note_confirmation(finished, "winter_confirm-def")
    tree = yaml.safe_load(write_confirmation(finished, params, top=1, blocks=2, again=True).read_text())
    assert tree["tuner"]["classArgs"]["blocks"] == {"seeds": [13, 14]}


def test_seeds_that_the_search_planned_are_not_fresh(finished, params):
    blocks = [Block(seed=seed, fold=0) for seed in range(6)]
    Scheduler(SearchSettings(), SPACE, {"optim.lr": 0.001}, blocks=blocks, journal=Journal(finished / JOURNAL))
    tree = yaml.safe_load(write_confirmation(finished, params, top=1, blocks=2, again=False).read_text())
    assert tree["tuner"]["classArgs"]["blocks"] == {"seeds": [6, 7]}


def test_a_confirmation_that_is_extended_gets_no_seed_of_the_search(tmp_path):
    """The search has been extended by seed 4 since its confirmation was planned on 2 and 3."""
    search, confirmation = tmp_path / "winter-abc", tmp_path / "winter_confirm-def"
    listed = ({}, {"optim.lr": 0.02})
    for folder, seeds, confirms in ((search, (0, 1, 4), None), (confirmation, (2, 3), search.name)):
        settings = SearchSettings(configurations=listed, **({"confirms": confirms} if confirms else {}))
        blocks = [Block(seed=seed, fold=0) for seed in seeds]
        Scheduler(settings, {}, {}, blocks=blocks, journal=Journal(folder / JOURNAL))
    note_confirmation(search, confirmation.name)
    assert first_fresh_seed(confirmation) == first_fresh_seed(search) == 5


def test_parameters_equal_to_the_default_are_no_winner(finished, tiny_config):
    for number, file in enumerate(list(layout.record_files(finished))):
        lr = (tiny_config.optim.lr, 0.02, 0.03)[number]
        record = records.read(file)
        objective = record.objective.model_copy(update={"value": 0.9 - number / 10})
        records.write(record.model_copy(update={"parameters": {"optim.lr": lr}, "objective": objective}), file)
    assert candidates(finished, 1, tiny_config) == [{}, {"optim.lr": 0.02}]


def test_the_default_of_a_listed_study_is_its_first_configuration(finished, tiny_config):
    listed = ({"optim.lr": 0.02}, {"optim.lr": 0.03})
    search = Scheduler(SearchSettings(confirms="a", configurations=listed), {}, {}, journal=Journal(finished / JOURNAL))
    search.next()
    assert candidates(finished, 2, tiny_config)[0] == {"optim.lr": 0.02}


def test_a_configuration_that_violates_a_constraint_is_no_winner(finished, tiny_config):
    """Every pretended record has a miou of 0.5."""
    Scheduler(
        SearchSettings(constraints={"miou": 0.6}), SPACE, {"optim.lr": 0.1}, journal=Journal(finished / JOURNAL)
    ).next()
    with pytest.raises(ConfigError, match="must have a complete trial beside the default configuration"):
        candidates(finished, 2, tiny_config)


def test_a_search_with_only_the_default_cannot_be_confirmed(finished, tiny_config):
    for file in list(layout.record_files(finished)):
        record = records.read(file)
        records.write(record.model_copy(update={"parameters": {}, "config_hash": "0"}), file)
    with pytest.raises(ConfigError, match="must have a complete trial beside the default configuration"):
        candidates(finished, 2, tiny_config)
