"""The configuration of a trial of two stages: what differs in the first one, and what is refused."""

from pathlib import Path

import pytest

from rarepix.config import TrialConfig, load_recipe, updated
from rarepix.search.nni.enqueued import default_parameters
from rarepix.settings import ConfigError
from rarepix.trial.plans import find_plan
from rarepix.trial.two_stage import TWO_STAGE, TwoStageConfig

NO_MASKS = {"loss.name": "presence_bce", "evaluate.objective": "mean_presence_accuracy"}


@pytest.fixture
def config(tiny_recipe: Path) -> TwoStageConfig:
    return load_recipe(tiny_recipe, TwoStageConfig)


def stages_of(config: TwoStageConfig, **parameters: object) -> dict[str, TrialConfig]:
    return TWO_STAGE.stage_configs(updated(config, parameters))


def test_the_first_stage_is_a_classifier_and_the_second_is_what_the_recipe_says(config, tiny_recipe):
    first, second = stages_of(config).values()
    assert second == load_recipe(tiny_recipe)
    assert (first.model.architecture, first.model.encoder) == ("classifier", config.model.encoder)
    assert first.model.network.outputs == ("presence",)
    assert first.loss.name == "presence_bce"
    assert (first.data, first.optim, first.engine, first.seed) == (
        second.data,
        second.optim,
        second.engine,
        second.seed,
    )


def test_what_cannot_be_as_in_the_second_stage_is_left_out_of_the_first(config):
    whole = {
        "crop.size": [32, 32],
        "crop.kind": "foreground",
        "evaluate.window": [32, 32],
        "evaluate.scores": ["kappa"],
    }
    first, second = stages_of(config, **whole, **{"loss": {"_name": "focal", "gamma": 3.0}}).values()
    assert (second.crop.size, second.crop.kind, second.loss.given()) == ((32, 32), "foreground", {"gamma": 3.0})
    assert (first.crop.size, first.crop.kind, first.evaluate.window, first.evaluate.scores) == (
        None,
        "random",
        None,
        (),
    )


def test_keys_under_first_change_the_first_stage_alone(config):
    changes = {
        "first.optim.lr": 0.5,
        "first.engine.epochs": 7,
        "first.data.resize": 32,
        "first.model.encoder": "resnet18",
    }
    first, second = stages_of(config, **changes).values()
    assert (first.optim.lr, first.engine.epochs, first.data.resize, first.model.encoder) == (0.5, 7, 32, "resnet18")
    assert second == stages_of(config)["second"]
    assert TWO_STAGE.epochs(updated(config, changes)) == 7 + config.engine.epochs


def test_a_choice_of_the_first_stage_takes_its_parameters(config):
    first = stages_of(config, **{"first.optim": {"_name": "sgd", "lr": 0.2, "momentum": 0.5}})["first"]
    assert (first.optim.name, first.optim.lr, first.optim.given()) == ("sgd", 0.2, {"momentum": 0.5})
    one_by_one = {"first.optim.name": "sgd", "first.optim.lr": 0.2, "first.optim.momentum": 0.5}
    assert stages_of(config, **one_by_one)["first"] == first


def test_a_recipe_writes_the_keys_of_the_first_stage_with_dots(tiny_recipe, tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(f"extends: {tiny_recipe.with_suffix('')}\nfirst: {{optim.lr: 0.25, data.resize: [32, 48]}}\n")
    config = load_recipe(file, TwoStageConfig)
    first = TWO_STAGE.stage_configs(config)["first"]
    assert (first.optim.lr, first.data.resize) == (0.25, (32, 48))
    assert TwoStageConfig(**config.model_dump(mode="json")) == config  # as a record keeps it


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("first.optm.lr", 0.1, r"first: unknown key 'optm.lr': did you mean 'optim.lr'\?"),
        ("first.optim.lr", -1, r"first: optim.lr: .* greater than 0"),
        ("first.optim", {"lr": 0.1}, r"the keys of a stage must be dotted, .* but got 'optim'"),
        ("first.seed", 3, r"first.seed must be as in the second stage"),
        ("first.data.fold", 1, r"first.data.fold must be as in the second stage, .* set data.fold itself"),
        ("first.engine.devices", 2, r"first.engine.devices must be as in the second stage"),
        (
            "first.loss.name",
            "ce",
            r"first: .* gives presence, but loss.name='ce' compares only mask|first: loss.name='ce' ",
        ),
        ("model", {"_name": "classifier"}, r"the second stage must predict masks, .* first.model.architecture"),
        ("second.optim.lr", 0.1, r"unknown key 'second.optim.lr'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(config, key, value, message):
    with pytest.raises(ConfigError, match=message):
        stages_of(config, **{key: value}, **(NO_MASKS if key == "model" else {}))


def test_a_first_stage_that_predicts_only_masks_is_refused(config):
    masks = {"first.model.architecture": "unet", "first.loss.name": "ce", "first.evaluate.objective": "miou"}
    with pytest.raises(ConfigError, match=r"the first stage must say which classes are in an image, but .*'unet'"):
        stages_of(config, **masks)
    both = masks | {"first.model.presence": "encoder", "first.loss.name": "ce+presence_bce"}
    assert stages_of(config, **both)["first"].model.network.outputs == ("mask", "presence")


def test_a_stage_of_a_finished_trial_is_not_trained(config):
    assert [*stages_of(config, **{"first.trial": "a"})] == ["second"]
    assert [*stages_of(config, **{"second.trial": "b"})] == ["first"]
    both = {"first.trial": "a", "second.trial": "b"}
    assert (stages_of(config, **both), TWO_STAGE.epochs(updated(config, both))) == ({}, 0)
    with pytest.raises(ConfigError, match=r"first.trial is a finished trial, .* but first.optim.lr is given, too"):
        stages_of(config, **{"first.trial": "a", "first.optim.lr": 0.1})


def test_a_search_begins_with_what_the_first_stage_has_unchanged(config):
    space = {
        "first.optim.lr": {"_type": "loguniform", "_value": [0.001, 0.1]},
        "first.engine.epochs": {"_type": "choice", "_value": [2, 5]},
        "first.loss": {"_type": "choice", "_value": [{"_name": "presence_bce"}, {"_name": "ce+presence_bce"}]},
        "optim.lr": {"_type": "loguniform", "_value": [0.001, 0.1]},
    }
    changed = updated(config, {"first.engine.epochs": 5})
    default = default_parameters(space, changed)
    first = {"first.optim.lr": 0.01, "first.engine.epochs": 5, "first.loss": {"_name": "presence_bce"}}
    assert default == first | {"optim.lr": 0.01}
    assert stages_of(changed, **default) == stages_of(changed)


def test_the_plan_is_found_by_name():
    assert find_plan("two_stage") is TWO_STAGE
