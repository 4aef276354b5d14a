"""The configurations that a study begins with."""

from pathlib import Path

import pytest

from rarepix import layout, records
from rarepix.config import load_recipe, updated
from rarepix.layout import JOURNAL
from rarepix.records import Block, Objective, TrialRecord
from rarepix.search.nni.enqueued import best_configurations, default_parameters, enqueued_configurations
from rarepix.search.nni.trial_io import Received
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings, WarmStart
from rarepix.settings import ConfigError
from tests.search.pretend_trial import record

SPACE = {
    "optim.lr": {"_type": "loguniform", "_value": [0.001, 0.02]},
    "loss": {
        "_type": "choice",
        "_value": [{"_name": "ce"}, {"_name": "focal", "gamma": {"_type": "uniform", "_value": [1, 4]}}],
    },
    "crop.size": {"_type": "choice", "_value": [None, [96, 128]]},
}


def write_record(results: Path, trial: str, parameters: dict, value: float, seed: int = 0) -> TrialRecord:
    """Write the record of a complete trial of the study *earlier*."""
    received = Received(parameters=parameters, parameter_id="0", experiment="e", job=trial)
    complete = record("earlier", received).model_copy(
        update={"objective": Objective(name="miou", value=value, epoch=1), "block": Block(seed=seed, fold=0)}
    )
    records.write(complete, layout.trial_folder(results, "earlier", trial) / "record.json")
    return complete


def test_the_default_has_the_values_of_the_recipe_for_the_keys_of_the_space():
    config = updated(load_recipe("demo"), {"loss": {"_name": "focal"}})
    assert default_parameters(SPACE, config) == {
        "optim.lr": 0.005,
        "loss": {"_name": "focal", "gamma": 2.0},
        "crop.size": [96, 128],
    }


def test_the_default_runs_what_the_recipe_runs():
    config = updated(load_recipe("demo"), {"loss": {"_name": "ce", "label_smoothing": 0.1}})
    default = default_parameters(SPACE, config)
    assert default["loss"] == {"_name": "ce", "label_smoothing": 0.1}  # outside the space, but as the recipe says
    assert updated(config, default) == config


def test_a_space_may_spell_a_loss_in_its_own_way():
    option = {"_name": "CE+L1", "alpha": {"_type": "uniform", "_value": [0, 2]}}
    space = {"loss": {"_type": "choice", "_value": [option]}}
    config = updated(load_recipe("demo"), {"loss": {"_name": "ce+l1", "alpha": 0.5}})
    assert default_parameters(space, config) == {"loss": {"_name": "CE+L1", "alpha": 0.5}}


def test_the_default_of_a_section_with_several_choices():
    momentum = {"_type": "uniform", "_value": [0, 0.99]}
    rate = {"_type": "loguniform", "_value": [0.001, 1]}
    space = {
        "optim": {
            "_type": "choice",
            "_value": [{"_name": "adamw"}, {"_name": "sgd", "momentum": momentum, "lr": rate}],
        },
        "optim.schedule": {"_type": "choice", "_value": [{"_name": "poly"}, {"_name": "step"}]},
        "model": {"_type": "choice", "_value": [{"_name": "unet"}, {"_name": "fpn"}]},
    }
    config = updated(load_recipe("demo"), {"optim.name": "sgd", "optim.schedule": {"_name": "step", "every": 3}})
    default = default_parameters(space, config)
    assert default == {
        "optim": {"_name": "sgd", "momentum": 0.9, "lr": 0.005},
        "optim.schedule": {"_name": "step", "every": 3},
        "model": {"_name": "unet"},
    }
    filled = updated(config, default)
    assert [filled.optim.parameters(key) for key in ("name", "schedule")] == [
        config.optim.parameters(key) for key in ("name", "schedule")
    ]


def test_enqueued_configurations_are_completed_from_the_default():
    settings = SearchSettings(enqueue=[{"optim.lr": 0.01}])
    points = enqueued_configurations(settings, SPACE, load_recipe("demo"), Path())
    assert points == [("enqueued", {"optim.lr": 0.01, "loss": {"_name": "ce"}, "crop.size": [96, 128]})]


def test_an_enqueued_configuration_that_no_trial_can_run_is_refused():
    with pytest.raises(ConfigError, match=r"optim\.lr"):
        enqueued_configurations(SearchSettings(enqueue=[{"optim.lr": -1}]), SPACE, load_recipe("demo"), Path())


def test_a_warm_start_takes_the_best_of_those_on_most_blocks(tmp_path):
    block = {"seed": 0, "data.fold": 0}
    write_record(tmp_path, "lucky", {"optim.lr": 0.004} | block, 0.9)
    write_record(tmp_path, "a0", {"optim.lr": 0.002} | block, 0.5)
    write_record(tmp_path, "a1", {"optim.lr": 0.002} | block | {"seed": 1}, 0.7, seed=1)
    write_record(tmp_path, "b0", {"optim.lr": 0.003} | block, 0.5)
    write_record(tmp_path, "b1", {"optim.lr": 0.003} | block | {"seed": 1}, 0.5, seed=1)
    best = best_configurations(tmp_path / "earlier", 3)
    assert [(parameters, blocks) for parameters, _, blocks in best] == [
        ({"optim.lr": 0.002}, 2),
        ({"optim.lr": 0.003}, 2),
        ({"optim.lr": 0.004}, 1),
    ]
    assert best[0][1] == pytest.approx(0.6)
    settings = SearchSettings(warm_start=WarmStart(study="earlier", top=1))
    points = enqueued_configurations(settings, SPACE, load_recipe("demo"), tmp_path)
    assert [(origin, point["optim.lr"]) for origin, point in points] == [("warm_start", 0.002)]


@pytest.mark.parametrize(
    ("constraints", "kept"),
    [({}, [0.9, 0.5]), ({"iou/thing": 0.6}, []), ({"seconds": 60}, [0.5]), ({"seconds": 10}, [])],
)
def test_a_configuration_that_violates_a_constraint_is_none_of_the_best(tmp_path, constraints, kept):
    """Both have an IoU of 0.5 (see ``pretend_trial``); of ``seconds`` less is better."""
    for trial, value, seconds in (("slow", 0.9, 100.0), ("fast", 0.5, 50.0)):
        complete = write_record(tmp_path, trial, {"optim.lr": value}, value).model_copy(
            update={"timings": {"fit": seconds}}
        )
        records.write(complete, layout.trial_folder(tmp_path, "earlier", trial) / "record.json")
    Scheduler(
        SearchSettings(constraints=constraints), SPACE, {}, journal=Journal(tmp_path / "earlier" / JOURNAL)
    ).next()
    assert [mean for _, mean, _ in best_configurations(tmp_path / "earlier", 5)] == kept


@pytest.mark.parametrize(
    ("parameters", "message"),
    [(None, "folder of a study with records"), ({"optim.momentum": 0.8}, "varied optim.momentum")],
)
def test_a_warm_start_that_does_not_fit_is_refused(tmp_path, parameters, message):
    if parameters:
        write_record(tmp_path, "x", parameters, 0.5)
    settings = SearchSettings(warm_start=WarmStart(study="earlier"))
    with pytest.raises(ConfigError, match=message):
        enqueued_configurations(settings, SPACE, load_recipe("demo"), tmp_path)
