"""Trained networks are loaded with all weights, or refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.labels import LabelSpace
from rarepix.settings import ConfigError

BEST = "checkpoints/best.ckpt"


@pytest.fixture(scope="module")
def state(finished) -> dict[str, torch.Tensor]:
    """The weights of the finished trial's network, by their own names."""
    whole = torch.load(finished.folder / BEST, weights_only=True)["state_dict"]
    return {name.removeprefix("model."): value for name, value in whole.items()}


def same(trained, state) -> bool:
    actual = trained.module.model.state_dict()
    return actual.keys() == state.keys() and all(torch.equal(actual[name].cpu(), state[name]) for name in state)


def test_a_trial_folder_gives_its_best_checkpoint(finished, state):
    trained = load_trained_model(finished.folder)
    assert trained.checkpoint == finished.folder / BEST
    assert same(trained, state)
    assert not trained.module.training
    assert trained.labels.names == ("ground", "block", "stripe", "dot")
    assert trained.labels.rare == ("dot",)


def test_settings_override_the_configuration_of_the_trial(finished):
    trained = load_trained_model(finished.folder, settings={"evaluate.flips": ["horizontal"]})
    assert trained.config.evaluate.flips == ("horizontal",)
    assert trained.config.optim.lr == 0.01


@pytest.mark.parametrize("kind", ["ckpt", "pth", "nested.pt", "safetensors"])
def test_a_checkpoint_file_with_its_recipe(finished, state, tiny_recipe, tmp_path, kind):
    file = tmp_path / f"network.{kind}"
    if kind == "ckpt":
        shutil.copyfile(finished.folder / BEST, file)
    elif kind == "safetensors":
        save_file({name: value.contiguous() for name, value in state.items()}, file)
    else:
        torch.save({"state_dict": state, "epoch": 3} if kind == "nested.pt" else state, file)
    trained = load_trained_model(file, recipe=str(tiny_recipe))
    assert same(trained, state)
    assert trained.labels.names == ("ground", "block", "stripe", "dot")  # of the dataset where the file does not say


def test_a_checkpoint_knows_its_classes_without_the_dataset(finished, tiny_recipe, tmp_path):
    file = tmp_path / "network.ckpt"
    shutil.copyfile(finished.folder / BEST, file)
    trained = load_trained_model(file, recipe=str(tiny_recipe), settings={"data.root": str(tmp_path / "nowhere")})
    assert isinstance(trained.labels, LabelSpace)
    assert trained.labels.background == 0
    assert trained.labels.palette[3] == (60, 60, 230)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("decoder.blocks.0.conv1.0.weight"), "it lacks decoder.blocks.0.conv1.0.weight: give"),
        (lambda state: state.update(more=torch.zeros(1)), "it has besides more: give the recipe"),
        (
            lambda state: state["decoder.blocks.0.conv1.0.weight"].fill_(float("nan")),
            "has with values that are not finite decoder.blocks.0.conv1.0.weight: give",
        ),
        (
            lambda state: state.update({"segmentation_head.0.bias": torch.zeros(4, dtype=torch.long)}),
            "has other than as floats segmentation_head.0.bias",
        ),
        (
            lambda state: state.update({"segmentation_head.0.bias": torch.zeros(7)}),
            r"it has in another shape segmentation_head.0.bias \(7,\) for \(4,\)",
        ),
    ],
)
def test_refuses_weights_that_do_not_fit(state, tiny_recipe, tmp_path, change, message):
    changed = {name: value.clone() for name, value in state.items()}
    change(changed)
    torch.save(changed, tmp_path / "wrong.pth")
    with pytest.raises(CheckpointError, match=message):
        load_trained_model(tmp_path / "wrong.pth", recipe=str(tiny_recipe))


def test_refuses_another_network(finished, tiny_recipe, tmp_path):
    other = {"model.options": {"decoder_channels": [8, 8, 8, 8, 8]}}
    with pytest.raises(CheckpointError, match=r"must fit .* has in another shape .* and \d+ more"):
        load_trained_model(finished.folder, settings=other)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
def test_refuses_files_that_are_no_checkpoints(tiny_recipe, tmp_path, content):
    (tmp_path / "broken.pth").write_bytes(content)
    (tmp_path / "broken.safetensors").write_bytes(content)
    for name in ("broken.pth", "broken.safetensors"):
        with pytest.raises(CheckpointError, match=f"{name} must be a checkpoint"):
            load_trained_model(tmp_path / name, recipe=str(tiny_recipe))


class Anything:
    """An object that only a pickle can hold."""


@pytest.mark.parametrize("content", [Anything(), {"state_dict": Anything()}])
def test_nothing_is_unpickled(tiny_recipe, tmp_path, content):
    torch.save(content, tmp_path / "pickle.pth")
    with pytest.raises(CheckpointError, match="nothing that has to be unpickled"):
        load_trained_model(tmp_path / "pickle.pth", recipe=str(tiny_recipe))


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"weights": 3}, [torch.zeros(2)]])
def test_refuses_weights_without_names(tiny_recipe, tmp_path, content):
    torch.save(content, tmp_path / "nameless.pth")
    with pytest.raises(CheckpointError, match="must hold a state dictionary"):
        load_trained_model(tmp_path / "nameless.pth", recipe=str(tiny_recipe))


def test_refuses_a_checkpoint_without_its_classes(state, tiny_recipe, tmp_path):
    torch.save({"state_dict": state, "rarepix": 3}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="must say under 'rarepix' which classes it is of"):
        load_trained_model(tmp_path / "other.pth", recipe=str(tiny_recipe))


def test_refuses_rare_classes_that_the_network_does_not_know(finished):
    with pytest.raises(ConfigError, match=r"evaluate.rare must name classes .* but got \['dott'\]: did you mean 'dot'"):
        load_trained_model(finished.folder, settings={"evaluate.rare": ["dott"]})


def test_missing_or_superfluous_arguments_are_named(finished, tiny_recipe, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        load_trained_model(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="must be the folder of a trial"):
        load_trained_model(tmp_path)
    with pytest.raises(CheckpointError, match="leave --recipe out"):
        load_trained_model(finished.folder, recipe=str(tiny_recipe))
    with pytest.raises(CheckpointError, match="say with --recipe"):
        load_trained_model(finished.folder / BEST)


def test_refuses_a_trial_that_has_no_checkpoint_yet(finished, tmp_path):
    shutil.copyfile(finished.folder / "record.json", tmp_path / "record.json")
    with pytest.raises(FileNotFoundError, match=r"has been validated, but has no .*best.ckpt"):
        load_trained_model(tmp_path)


def test_the_model_is_that_of_the_record(finished):
    document = json.loads((finished.folder / "record.json").read_text())
    assert document["config"]["model"] == load_trained_model(finished.folder).config.model.model_dump(mode="json") | {
        "weights": document["config"]["model"]["weights"]
    }


def test_refuses_a_record_with_an_invalid_configuration(finished, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    shutil.copyfile(finished.folder / BEST, tmp_path / BEST)
    document = json.loads((finished.folder / "record.json").read_text())
    document["config"]["optim"]["momentum"] = 0.9
    (tmp_path / "record.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=r"optim.momentum belongs to optim.name sgd, but that is 'adamw'"):
        load_trained_model(tmp_path)
