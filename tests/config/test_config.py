"""The configuration: recipes, values put over them, refusals, and the hash."""

import re

import pytest

from rarepix.config import (
    TrialConfig,
    build_config,
    choices_of,
    config_hash,
    flatten,
    load_recipe,
    one_of,
    parse_settings,
    updated,
)
from rarepix.data.settings import BY_FOREGROUND, SAMPLING_PARAMETERS, SPLIT_KINDS
from rarepix.data.splits import SPLITS
from rarepix.data.weights import WEIGHTS
from rarepix.engine.settings import OptimConfig
from rarepix.records import BLOCK_KEYS, CHOICE_KEYS, ENVIRONMENT_KEYS, FURTHER_CHOICES
from rarepix.settings import ConfigError, OneOf

BASE = TrialConfig(data={"root": "somewhere"})


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """Return a function that writes a recipe into an empty folder of recipes."""
    monkeypatch.setenv("RAREPIX_RECIPES", str(tmp_path))

    def write(name: str, text: str):
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def test_a_recipe_is_put_over_the_one_it_extends(recipes):
    recipes("base", "data: {root: here, folds: 4}\noptim: {lr: 0.1}\nseed: 1")
    recipes("child", "extends: base\ndata: {folds: 3}\nmodel: {encoder: resnet34}")
    config = load_recipe("child")
    assert (config.data.root, config.data.folds, config.optim.lr, config.seed) == ("here", 3, 0.1, 1)
    assert (config.model.encoder, config.recipe) == ("resnet34", "child")


def test_an_empty_mapping_empties_that_of_the_recipe_it_extends(recipes):
    recipes("base", "data: {root: here}\nmodel: {architecture: unet, options: {decoder_channels: [8, 8]}}")
    recipes("other", "extends: base\nmodel: {options: {encoder_depth: 2}}")
    recipes("none", "extends: base\nmodel: {options: {}}")
    assert load_recipe("other").model.options == {"decoder_channels": [8, 8], "encoder_depth": 2}
    assert load_recipe("none").model.options == {}


def test_a_recipe_file_extends_a_sibling_or_a_named_recipe(recipes, tmp_path):
    recipes("base", "data: {root: named}")
    own = tmp_path / "own"
    recipes("own/mine", "extends: base")
    assert load_recipe(own / "mine.yaml").data.root == "named"
    recipes("own/base", "data: {root: sibling}")
    assert load_recipe(own / "mine.yaml").data.root == "sibling"


def test_another_loss_does_not_inherit_parameters(recipes):
    recipes("base", "data: {root: here}\nloss: {name: focal, gamma: 3}")
    recipes("child", "extends: base\nloss: {name: dice}")
    recipes("same", "extends: base\nloss: {gamma: 1}")
    assert load_recipe("child").loss.given() == {}
    assert load_recipe("same").loss.given() == {"gamma": 1}


def test_exponents_are_numbers_and_off_is_a_word_where_a_word_is_expected(recipes):
    recipes("x", "data: {root: here}\noptim: {lr: 1e-4}\nengine: {progress: off}")
    config = load_recipe("x")
    assert (config.optim.lr, config.engine.progress) == (1e-4, "off")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: x", r"a recipe must not extend itself, but .*x\.yaml does"),
        ("extends: y", r"unknown recipe 'y': .*there are x in "),
        ("a: [", r"the recipe .*x\.yaml must be YAML or JSON, but"),
        ("- a", r"the recipe .*x\.yaml must be a mapping of names, but is a list"),
        ("data: {root: here}\noptim: {rl: 1}", "unknown key 'optim.rl': did you mean 'optim.lr'"),
        ("data: {fold: 1}", "data.root must be given, but is not"),
        ("seed: 1", "data must be given, but is not"),
        ("", r"the recipe .*x\.yaml must be a mapping of names, but is empty"),
    ],
)
def test_refuses_recipes(recipes, text, message):
    recipes("x", text)
    with pytest.raises((ConfigError, FileNotFoundError), match=message):
        load_recipe("x")


def test_recipes_that_extend_each_other_are_refused(recipes):
    recipes("x", "extends: y")
    recipes("y", "extends: x")
    with pytest.raises(ConfigError, match="must not extend itself"):
        load_recipe("x")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dmo", r"unknown recipe 'dmo': did you mean 'demo'\? there are base, demo in .*must end in .yaml or .yml"),
        ("nowhere/mine.yaml", "the recipe must be a file, but nowhere/mine.yaml does not exist"),
    ],
)
def test_a_missing_recipe_is_refused(recipes, name, message):
    recipes("base", "")
    recipes("demo", "")
    with pytest.raises(FileNotFoundError, match=message):
        load_recipe(name)


def test_dotted_keys_change_only_their_values():
    config = updated(BASE, {"optim.lr": 0.5, "data.fold": 2, "seed": 9})
    before, after = flatten(BASE.model_dump(mode="json")), flatten(config.model_dump(mode="json"))
    changed = {key: value for key, value in after.items() if before[key] != value}
    assert changed == {"optim.lr": 0.5, "data.fold": 2, "seed": 9}


def test_the_base_configuration_is_not_changed():
    before = BASE.model_dump_json()
    updated(BASE, {"loss": {"_name": "focal", "gamma": 1.0}, "model.options": {"decoder_channels": [1]}})
    assert BASE.model_dump_json() == before


def test_a_nested_choice_replaces_its_section():
    focal = updated(BASE, {"loss": {"_name": "focal", "gamma": 3.5}})
    assert (focal.loss.name, focal.loss.given()) == ("focal", {"gamma": 3.5})
    dice = updated(focal, {"loss": {"_name": "dice"}})
    assert (dice.loss.name, dice.loss.given()) == ("dice", {})


@pytest.mark.parametrize("keys", [("loss.name", "loss.gamma"), ("loss.gamma", "loss.name")])
def test_the_order_of_parameters_does_not_matter(keys):
    values = {"loss.name": "focal", "loss.gamma": 1.5}
    config = updated(BASE, {key: values[key] for key in keys})
    assert (config.loss.name, config.loss.gamma) == ("focal", 1.5)


def test_parameters_of_the_previous_loss_are_dropped():
    focal = updated(BASE, {"loss.name": "focal", "loss.gamma": 1.5})
    assert updated(focal, {"loss.name": "ce"}).loss.given() == {}
    assert updated(focal, {"loss.name": "focal"}).loss.gamma == 1.5


REFUSED = [
    ({"optim.rl": 0.1}, "unknown key 'optim.rl': did you mean 'optim.lr'? valid: optim.name, optim.lr"),
    ({"optm.lr": 0.1}, "unknown key 'optm.lr': did you mean 'optim.lr'? valid sections: recipe, seed, data"),
    ({"sed": 1}, "unknown key 'sed': did you mean 'seed'? valid: recipe, seed, data"),
    ({"data.root.x": 1}, "unknown key 'data.root.x': did you mean 'data.root'?"),
    ({"optim.lr": 0}, "optim.lr: Input should be greater than 0, but got 0"),
    ({"optim.lr": "fast"}, "optim.lr: Input should be a valid number, unable to parse string"),
    ({"optim.lr": float("nan")}, "optim.lr: Input should be"),
    ({"engine.epochs": 1.5}, "engine.epochs: Input should be a valid integer, got a number with a fractional part"),
    ({"engine.device": "tpu"}, "engine.device: Input should be 'auto', 'cpu' or 'gpu', but got 'tpu'"),
    ({"engine": 3}, "engine is a section with the keys engine.epochs, engine.batch_size, "),
    ({"seed": -1}, "seed: Input should be greater than or equal to 0, but got -1"),
    ({"data.folds": 1}, "data.folds: Input should be greater than or equal to 2, but got 1"),
    ({"data.fold": 5}, "data.fold must be below data.folds = 5, but got 5"),
    ({"data.split": "listed"}, "goes with data.split=listed and only with it, but got split='listed', val_list=None"),
    ({"data.val_list": "val"}, "data.val_list goes with data.split=listed"),
    ({"data.split": "listed", "data.val_list": "v", "data.fold": 1}, "has one fold, number 0, but got data.fold=1"),
    ({"crop.size": [48, 64]}, "crop.size: rows and columns must be multiples of 32, for instance [64, 64], but"),
    ({"crop.size": [10, 64]}, "for instance [32, 64]"),
    ({"augment.flip": 1.5}, "augment.flip: Input should be less than or equal to 1, but got 1.5"),
    ({"augment.scale": 1}, "augment.scale: must be a share from 0 to below 1, or a range [low, high] of positive"),
    ({"evaluate.floor": 2}, "evaluate.floor: Input should be less than or equal to 1, but got 2"),
    ({"model.weights": "coco"}, "model.weights: must be none, imagenet or a file of weights (.bin, .ckpt, .pt, .pth, "),
    ({"model.weights": "/w/coco.zip"}, "but got '/w/coco.zip'"),
    ({"loss.name": "focl"}, "unknown loss.name 'focl': did you mean 'focal'? valid: background_weighted_bce, "),
    ({"loss.gamma": 1.0}, "loss 'ce' has no parameter 'gamma'; it takes loss.label_smoothing, loss.class_weights"),
    ({"loss": {"_name": "focal", "gama": 1}}, "unknown key 'loss.gama': did you mean 'loss.gamma'?"),
    ({"loss": {"_name": "focal", "gamma": -1}}, "loss.gamma: Input should be greater than or equal to 0, but got -1"),
    ({"sampling.temperature": 1}, "sampling 'uniform' has no parameter 'temperature'; it takes no parameters: leave"),
    ({"sampling": {"_name": "rare_class", "temperature": 0}}, "sampling.temperature: Input should be greater than 0"),
    ({"sampling.images_per_epoch": 8, "sampling.steps_per_epoch": 2}, "say the same: leave one out"),
    ({"sampling": {"_name": "inverse_log", "by": "pixels", "published": True}}, "goes with by=label or by=cluster,"),
    ({"crop.kind": "mixed"}, "crop.kind='mixed' needs a window: give crop.size"),
    ({"paste": {"_name": "copy_paste", "donors": "listed"}}, "paste.donors=listed needs paste.classes, but it is not"),
    ({"paste": {"_name": "copy_paste", "donors": "by_score"}}, "paste.donors=by_score needs paste.scores, but it is"),
    ({"paste": {"_name": "copy_paste", "classes": ["a"]}}, "paste.classes goes with paste.donors=listed only, but got"),
    ({"paste": {"_name": "copy_paste", "scale": [2.0, 1.0]}}, "paste.scale must be a range [low, high] of positive"),
    ({"paste": {"_name": "copy_paste", "scale": [1.0, 17.0]}}, "paste.scale must be at most 16, but got [1.0, 17.0]"),
    ({"augment.scale": [1.0, 17.0]}, "augment.scale: must be a share from 0 to below 1, or a range [low, high] of"),
    ({"paste": {"_name": "cutmix", "area": [0.5, 1.0]}}, "paste.area must stay below the whole image, 1, but got"),
    ({"data.scarcity": {"classes": ["a"], "keep": 0}}, "data.scarcity.keep: Input should be greater than 0, but got 0"),
    ({"data.scarcity": {"classes": ["a"], "keep": 1.5}}, "data.scarcity.keep: Input should be less than or equal to 1"),
    ({"data.scarcity": {"classes": [], "keep": 1}}, "data.scarcity.classes: Tuple should have at least 1 item"),
    ({"data.scarcity": {"classes": ["a"], "keep": 1, "seed": 2**32}}, "data.scarcity.seed: Input should be less than"),
    ({"data.scarcity": {"clases": ["a"], "keep": 1}}, "did you mean 'data.scarcity.classes'? valid:"),
    ({"data.split": "random", "data.split_on": "pixels"}, "data.split_on goes with data.split=multilabel only, but"),
    ({"data.split": "listed", "data.val_list": "v", "data.groups": {"file": "f", "column": "c"}}, "leave one out"),
    ({"augment.scale": [2.0, 1.0]}, "augment.scale: must be a share from 0 to below 1, or a range [low, high] of"),
    ({"engine.devices": 3}, "engine.batch_size must be a multiple of engine.devices = 3, but got 8: devices share"),
    ({"engine.validate_every": 31}, "engine.validate_every must be at most engine.epochs = 30, but got 31"),
    ({"loss.name": "ce+presence_bce"}, "loss.name='ce+presence_bce' compares mask and presence, but the network"),
    ({"model.architecture": "classifier"}, "gives presence: use another loss, or an architecture that gives masks"),
    ({"model.architecture": "classifier", "loss.name": "proposed"}, "another loss, or an architecture that gives mask"),
    ({"model.presence": "encoder"}, "gives mask and presence, but loss.name='ce' compares only mask, so that nothing"),
    ({"optim.warmup": 31}, "optim.warmup must be at most engine.epochs = 30, but got 31"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_refuses(parameters, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        updated(BASE, parameters)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        updated(BASE, {"optim.lr": -1, "engine.epochs": 0})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("optim.lr=0.1", 0.1),
        ("optim.lr=1e-4", 1e-4),
        ("optim.lr=1E-4", 1e-4),
        ("seed=3", 3),
        ("engine.tensorboard=false", False),
        ("crop.size=[64, 96]", [64, 96]),
        ("crop.size=null", None),
        ("loss={_name: focal, gamma: 2.0}", {"_name": "focal", "gamma": 2.0}),
        ("data.root=a=b", "a=b"),
        ("data.root=$DATA/x y", "$DATA/x y"),
        ("recipe=", ""),
        ("data.train_list='2007'", "2007"),
        ('data.train_list="1e4"', "1e4"),
    ],
)
def test_settings_are_yaml(text, value):
    key = text.partition("=")[0]
    actual = parse_settings([text])
    assert actual == {key: value}
    assert type(actual[key]) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim.lr", "a setting must be key=value, but got 'optim.lr'"),
        ("=3", "a setting must be key=value, but got '=3'"),
        ("crop.size=[64", r"the value of crop.size must be YAML, but got '\[64'"),
    ],
)
def test_settings_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_settings([text])


ELSEWHERE = {
    "seed": 4, "data.fold": 3, "data.root": "there", "data.workers": 2, "data.cache_gib": 0,
    "engine.device": "cpu", "engine.devices": 1, "engine.threads": 1, "engine.progress": "off",
    "engine.tensorboard": False, "evaluate.batch_size": 1,
}  # fmt: skip


def test_block_and_environment_do_not_change_the_hash():
    assert {*ELSEWHERE, "recipe"} == set(BLOCK_KEYS + ENVIRONMENT_KEYS)
    moved = updated(BASE, ELSEWHERE).model_copy(update={"recipe": "other"})
    assert config_hash(moved) == config_hash(BASE)


def test_several_devices_change_the_hash():
    """Each device has its own share of the loss, so that the result is another."""
    assert config_hash(updated(BASE, {"engine.devices": 2})) != config_hash(BASE)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optim.lr": True}, "optim.lr: a number must be a number, a truth value true or false, but got True"),
        ({"optim.lr": "5"}, "optim.lr: a number must be a number, .*, but got '5'"),
        ({"engine.channels_last": 1}, "engine.channels_last: .* a truth value true or false, but got 1"),
        ({"crop.size": ["96", 32]}, r"crop.size: a number must be a number, .*, but got \['96', 32\]"),
        ({"data.workers": "foo"}, "^data.workers: Input should be 'auto' or Input should be a valid integer, .*'foo'$"),
        ({"loss": "focal"}, "loss is a section with the keys loss.name, but got 'focal': give one of them"),
        ({"data.split": "listd"}, "^unknown data.split 'listd': did you mean 'listed'\\? valid: "),
        ({"data.source": "vok"}, "^unknown data.source 'vok': did you mean 'voc'"),
        ({"sampling.kind": "inverse"}, "^unknown sampling.kind 'inverse': did you mean 'inverse_log'"),
        ({"recipe": "other"}, "recipe is the name of where a configuration came from, not a setting: use --recipe"),
        ({"seed": 2**32}, "seed: Input should be less than 4294967296"),
    ],
)
def test_values_of_another_type_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        updated(BASE, given)


def test_a_whole_float_is_an_integer():
    assert updated(BASE, {"engine.epochs": 10.0}).engine.epochs == 10


def test_names_in_the_settings_are_those_that_can_be_built():
    assert set(SPLIT_KINDS) == {*SPLITS, "listed"}
    assert set(SAMPLING_PARAMETERS) == {*WEIGHTS, *BY_FOREGROUND}


def test_every_section_with_a_choice_is_known_to_the_records():
    chosen = {key: field.annotation for key, field in TrialConfig.model_fields.items() if is_chosen(field.annotation)}
    firsts = {key: next(iter(section.choosers)) for key, section in chosen.items()}
    assert firsts == CHOICE_KEYS
    assert {f"{key}.{chooser}" for key, section in chosen.items() for chooser in section.choosers} == set(choices_of())
    assert set(choices_of()) - {f"{key}.{first}" for key, first in firsts.items()} == set(FURTHER_CHOICES)
    assert [section.section for section in chosen.values()] == list(chosen)


def is_chosen(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, OneOf)


@pytest.mark.parametrize("key", choices_of())
def test_every_choice_refuses_the_parameters_of_others(key):
    section, chooser = key.split(".")
    chosen = one_of()[section]
    owners = chosen.all_parameters(chooser)
    for choice in chosen.choosers[chooser]:
        for name in owners.keys() - chosen.parameters_class(chooser, choice).model_fields.keys():
            with pytest.raises(ConfigError, match=f"'{name}'|{section}.{name} belongs to {key}"):
                updated(BASE, {key: choice, f"{section}.{name}": 3})


@pytest.mark.parametrize("section", one_of())
def test_no_parameter_of_a_section_has_two_meanings(section):
    chosen = one_of()[section]
    names = [set(chosen.all_parameters(chooser)) for chooser in chosen.choosers] + [set(chosen.model_fields)]
    assert sum(map(len, names)) == len(set().union(*names))


def test_a_section_has_several_choices():
    config = updated(BASE, {"optim": {"_name": "sgd", "momentum": 0.5, "lr": 0.1}, "optim.schedule": "cosine"})
    assert (config.optim.parameters("name"), config.optim.lr) == ({"momentum": 0.5, "nesterov": False}, 0.1)
    assert config.optim.parameters("schedule") == {"warmup": 0, "min_lr": 0.0}
    other = updated(config, {"optim.schedule": {"_name": "step", "every": 3}})
    assert (other.optim.schedule, other.optim.given("schedule")) == ("step", {"every": 3})
    assert other.optim.given("name") == {"momentum": 0.5}
    assert updated(other, {"optim.name": "adam"}).optim.given("name") == {}


def test_a_choice_inside_a_choice():
    config = updated(BASE, {"optim": {"_name": "sgd", "schedule": {"_name": "poly", "power": 2.0}}})
    assert (config.optim.name, config.optim.chosen("schedule").power) == ("sgd", 2.0)


def test_a_nested_choice_of_the_model_and_of_the_source():
    config = updated(BASE, {"model": {"_name": "fpn"}, "data": {"_name": "lesions", "merge": True}})
    assert (config.model.architecture, config.data.source, config.data.chosen().merge) == ("fpn", "lesions", True)


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"optim": {"_name": "sgd", "lr": 0.1}, "optim.lr": 0.2}, "optim.lr"),
        ({"optim.lr": 0.2, "optim": {"_name": "sgd", "lr": 0.1}}, "optim.lr"),
        ({"loss": {"_name": "focal"}, "loss.name": "ce"}, "loss.name"),
        ({"optim": {"_name": "sgd", "schedule": "poly"}, "optim.schedule": {"_name": "step"}}, "optim.schedule"),
    ],
)
def test_a_key_inside_a_choice_and_beside_it_is_refused(parameters, key):
    with pytest.raises(ConfigError, match=f"{key} must be given once"):
        updated(BASE, parameters)


class TwoOptimisers(TrialConfig):
    """The configuration of a plan with a section of its own that has choices, too."""

    second: OptimConfig = OptimConfig()


def test_sections_of_a_plan_have_choices_too(recipes):
    recipes("base", "data: {root: x}\nsecond: {schedule: step, every: 3}")
    recipes("child", "extends: base\nsecond: {schedule: cosine}")
    config = load_recipe("child", TwoOptimisers)
    assert config.second.given("schedule") == {}
    config = updated(config, {"second": {"_name": "sgd", "momentum": 0.5}, "second.schedule": {"_name": "step"}})
    assert (config.second.name, config.second.given("name"), config.second.schedule) == (
        "sgd",
        {"momentum": 0.5},
        "step",
    )
    assert type(config) is TwoOptimisers


def test_another_architecture_keeps_the_options():
    config = updated(BASE, {"model.options": {"decoder_dropout": 0.1}})
    assert updated(config, {"model.architecture": "fpn"}).model.options == {"decoder_dropout": 0.1}


def test_a_nested_choice_of_another_architecture_resets_the_options():
    config = updated(BASE, {"model.options": {"decoder_channels": [8, 8, 8, 8, 8]}})
    assert updated(config, {"model": {"_name": "fpn"}}).model.options == {}
    assert updated(config, {"model": {"_name": "unet"}}).model.options == config.model.options


def test_a_parameter_of_nothing_that_is_chosen_names_its_owners():
    message = "optim.every belongs to optim.schedule step, but that is 'poly': leave optim.every out, or set it to null"
    with pytest.raises(ConfigError, match=message):
        updated(BASE, {"optim.every": 3})
    assert updated(BASE, {"optim.every": None}) == BASE


def test_a_recipe_that_makes_the_same_choice_of_optimiser_keeps_its_parameters(recipes):
    recipes("base", "data: {root: x}\noptim: {name: sgd, momentum: 0.5, schedule: step, every: 3}")
    recipes("same", "extends: base\noptim: {name: sgd, lr: 0.1}")
    recipes("other", "extends: base\noptim: {schedule: cosine}")
    assert load_recipe("same").optim.given("name") == {"momentum": 0.5}
    assert load_recipe("other").optim.given("schedule") == {}


SCHEMA_1 = {
    "data": {
        "source": "voc", "root": "x", "train_list": "train", "val_list": None, "test_list": "val", "scarcity": None,
        "split": "multilabel", "split_on": None, "groups": None, "folds": 5, "fold": 0, "allow_absent": [],
        "merge": False, "resize": None, "cache_gib": 2.0, "workers": "auto",
    },
    "sampling": {"kind": "inverse_log", "by": "label", "published": None, "threshold": None, "temperature": None},
    "crop": {"size": [64, 96], "kind": "mixed", "probability": None, "classes": None, "ratio": 0.5},
    "paste": {"kind": "cutmix", "probability": 0.3, "donors": None, "classes": None, "area": [0.2, 0.3]},
    "model": {"architecture": "fpn", "encoder": "resnet18", "weights": "none", "options": {"decoder_dropout": 0.1}},
    "loss": {"name": "ce+l1", "alpha": 0.5, "schedule": None, "gamma": None, "class_weights": [1.0, 2.0]},
    "optim": {"name": "sgd", "lr": 0.1, "momentum": 0.5, "nesterov": None, "schedule": "step", "every": 3},
}  # fmt: skip
"""A configuration as the trials of schema 1 recorded it."""


def test_configurations_of_schema_1_are_read_and_keep_their_hash():
    """The hashes were printed by the last version that wrote schema 1."""
    assert config_hash(build_config(SCHEMA_1)) == "d7911ac18572"
    assert config_hash(BASE) == "081856d46b39"


def test_a_nested_choice_keeps_keys_that_belong_to_no_choice():
    base = updated(BASE, {"crop.size": [32, 64], "sampling.images_per_epoch": 40, "sampling.kind": "rare_class"})
    config = updated(
        updated(base, {"sampling.temperature": 0.5}),
        {"crop": {"_name": "mixed", "ratio": 0.9}, "sampling": {"_name": "inverse_log", "added": True}},
    )
    assert (config.crop.size, config.crop.kind, config.crop.ratio) == ((32, 64), "mixed", 0.9)
    assert config.sampling.model_dump(exclude_none=True) == {
        "kind": "inverse_log", "added": True, "images_per_epoch": 40,
    }  # fmt: skip


def test_a_recipe_with_another_choice_drops_the_parameters_of_the_recipe_it_extends(recipes):
    recipes("base", "data: {root: x}\nsampling: {kind: rare_class, temperature: 0.5, images_per_epoch: 8}")
    recipes("child", "extends: base\nsampling: {kind: repeat_factor}")
    assert load_recipe("child").sampling.model_dump(exclude_none=True) == {
        "kind": "repeat_factor", "images_per_epoch": 8,
    }  # fmt: skip


OTHER = {
    "optim.lr": 0.5, "loss.name": "dice", "sampling.kind": "inverse_log", "data.folds": 6, "crop.size": [32, 32],
    "model.encoder": "resnet34", "engine.epochs": 2, "engine.precision": "fp32", "evaluate.rare": ["x"],
    "model.options": {"decoder_channels": [8]},
}  # fmt: skip


def test_every_other_key_changes_the_hash():
    hashes = [config_hash(updated(BASE, {key: value})) for key, value in OTHER.items()]
    assert len({config_hash(BASE), *hashes}) == len(OTHER) + 1


def test_a_file_of_weights_is_hashed_by_its_content(tmp_path, monkeypatch):
    first, copy, other = (tmp_path / name for name in ("first.pth", "copy.pth", "other.pth"))
    for file, content in ((first, b"one"), (copy, b"one"), (other, b"two")):
        file.write_bytes(content)
    first_hash, copied, another = (config_hash(updated(BASE, {"model.weights": str(f)})) for f in (first, copy, other))
    assert first_hash == copied
    assert len({first_hash, another, config_hash(BASE)}) == 3
    monkeypatch.setenv("WEIGHTS_OF_MINE", str(tmp_path))
    assert config_hash(updated(BASE, {"model.weights": "$WEIGHTS_OF_MINE/copy.pth"})) == first_hash
    first.write_bytes(b"two!")
    assert config_hash(updated(BASE, {"model.weights": str(first)})) != first_hash
    first.unlink()
    with pytest.raises(FileNotFoundError, match=r"a file of weights, but .*first\.pth is no file"):
        config_hash(updated(BASE, {"model.weights": str(first)}))


def test_a_configuration_that_is_read_back_has_the_same_hash():
    config = updated(BASE, OTHER)
    again = TrialConfig(**config.model_dump(mode="json"))
    assert again == config
    assert config_hash(again) == config_hash(config)


def test_flatten():
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": [3], "f": {}}) == {"a.b": 1, "a.c.d": 2, "e": [3], "f": {}}
