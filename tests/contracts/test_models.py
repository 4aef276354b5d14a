"""What every network must do, built with a small encoder that fits its architecture, without weights."""

from itertools import product

import pytest
import segmentation_models_pytorch as smp
import torch

from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.models import build_model
from rarepix.models import smp as smp_networks
from rarepix.models.outputs import SegOutput, as_output, target_of
from rarepix.models.registry import ARCHITECTURES as OWN
from rarepix.models.registry import DECODERS
from rarepix.models.settings import HYPERCOLUMNS, PRESENCE_HEADS, WITH_LEVELS, ModelConfig

LABELS = {
    "binary": LabelSpace(names=("ground", "a"), background=0, task=Task.BINARY),
    "multiclass": LabelSpace(names=("ground", "a", "b"), background=0),
    "multilabel": LabelSpace(names=("a", "b"), task=Task.MULTILABEL),
}
LIGHT = "tu-lcnet_035"
OTHER_ENCODER = {"dpt": "tu-test_vit"}  # made for transformers
OTHER_SIDE = {"pan": 128}  # its pyramid halves the deepest features three times more
UNUSED_STAGES = ("dpt", "pspnet")
"""Whose encoders, as the library builds them, have deeper stages than their decoders use."""
ARCHITECTURES = list(smp.MODEL_ARCHITECTURES_MAPPING)
NETWORKS = [
    *product([*ARCHITECTURES, *DECODERS], PRESENCE_HEADS, ["none"]),
    *product([*WITH_LEVELS, *DECODERS], ["none", "decoder"], [kind for kind in HYPERCOLUMNS if kind != "none"]),
    *product(OWN, ["none"], ["none"]),
]
"""Every architecture with every presence head and every hypercolumn that it takes."""


def config_of(architecture: str, **keys) -> ModelConfig:
    return ModelConfig(architecture=architecture, encoder=OTHER_ENCODER.get(architecture, LIGHT), **keys)


def image_of(architecture: str, images: int = 2) -> torch.Tensor:
    side = OTHER_SIDE.get(architecture, 64)
    return torch.rand(images, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request) -> tuple[str, torch.nn.Module]:
    return request.param, build_model(config_of(request.param), classes=3)


@pytest.fixture(scope="module", params=NETWORKS, ids=" ".join)
def network(request) -> tuple[ModelConfig, torch.nn.Module]:
    name, presence, hypercolumn = request.param
    config = config_of(name, presence=presence, hypercolumn=hypercolumn)
    return config, build_model(config, classes=3, presence=2)


def test_a_network_gives_the_outputs_that_it_says(network):
    config, model = network
    with torch.no_grad():
        output = as_output(model.eval()(image_of(config.architecture)))
    assert isinstance(output, SegOutput)
    given = output._asdict()
    assert tuple(name for name, value in given.items() if value is not None) == model.outputs
    expected = {"mask": (2, 3, *image_of(config.architecture).shape[-2:]), "presence": (2, 2)}
    for name in model.outputs:
        assert given[name].shape == expected[name]
        assert torch.isfinite(given[name]).all()
        assert given[name].std() > 0


def test_a_network_takes_multiples_of_its_stride(network):
    config, model = network
    side = OTHER_SIDE.get(config.architecture, model.stride)
    with torch.no_grad():
        output = as_output(model.eval()(torch.zeros(1, 3, side, side + model.stride)))
    assert output.mask is None or output.mask.shape[-2:] == (side, side + model.stride)


def test_a_network_takes_images_of_any_size(network):
    """It predicts as for the image that is padded to its stride."""
    config, model = network
    side = OTHER_SIDE.get(config.architecture, 64)
    images = torch.rand(1, 3, side - 27, side - 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        output = as_output(model.eval()(images))
        expected = as_output(model(torch.nn.functional.pad(images, (0, 3, 0, 27))))
    if output.mask is not None:
        assert torch.equal(output.mask, expected.mask[..., : side - 27, : side - 3])
    if output.presence is not None:
        assert torch.equal(output.presence, expected.presence)


def test_a_checkpoint_makes_the_same_network(network, tmp_path):
    config, model = network
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    torch.manual_seed(1)
    other = build_model(config, classes=3, presence=2)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        outputs = [as_output(each.eval()(image_of(config.architecture))) for each in (model, other)]
    for first, second in zip(*outputs, strict=True):
        assert first is second is None or torch.equal(first, second)


def untouched_by_a_training_step(model: torch.nn.Module, labels: LabelSpace, images: torch.Tensor) -> list[str]:
    """Return the parameters that get no gradient from a loss of all that the network says; gradients are finite."""
    terms = {"mask": "ce", "presence": "presence_bce"}
    loss = build_loss(
        "+".join(terms[field] for field in model.outputs),
        task=labels.task, classes=labels.channels, ignore_index=labels.ignore, background=labels.background,
    )  # fmt: skip
    layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
    mask = torch.zeros(len(images), *layers, *images.shape[-2:], dtype=torch.long)
    mask[0, ..., :9, :9] = 1
    model.train().zero_grad()
    loss(as_output(model(images)), target_of(mask, labels))["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values() if gradient is not None)
    return [name for name, gradient in gradients.items() if gradient is None]


def test_a_training_step_reaches_every_parameter(network):
    """A parameter that the loss does not depend on would never learn."""
    config, model = network
    untouched = untouched_by_a_training_step(model, LABELS["multiclass"], image_of(config.architecture))
    if config.architecture in UNUSED_STAGES:
        assert all(name.startswith("encoder.") for name in untouched)
    else:
        assert untouched == []


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_of_ours_learns_every_task(decoder, labels):
    config = config_of(decoder, presence="decoder", hypercolumn="fused")
    model = build_model(config, classes=labels.channels, presence=len(labels.presence_names))
    assert untouched_by_a_training_step(model, labels, image_of(decoder)) == []


def test_every_parameter_is_in_one_group_in_the_order_of_the_network(network):
    """Optimisers resume by position, so that the order may never change."""
    _, model = network
    groups = model.param_groups()
    assert list(groups) == ["encoder", "decoder"]
    assert all(groups.values())
    encoder = {id(p) for p in model.encoder.parameters()}
    for part, parameters in groups.items():
        expected = [id(p) for p in model.parameters() if (id(p) in encoder) == (part == "encoder")]
        assert [id(p) for p in parameters] == expected


def test_the_outputs_and_the_stride_are_known_without_building(network):
    config, model = network
    assert (config.network.outputs, config.network.stride) == (model.outputs, model.stride)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_keep_the_names_of_the_library(name):
    plain = smp.create_model(name, config_of(name).encoder, encoder_weights=None, classes=3)
    for presence in PRESENCE_HEADS:
        model = smp_networks.build(config_of(name, presence=presence), classes=3, presence=2)
        heads = ("classification_head.", "presence_head.")
        names = [key for key in model.state_dict() if not key.startswith(heads)]
        assert names == list(plain.state_dict())
        assert presence == "none" or len(model.state_dict()) == len(names) + 2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_ordinary_network_has_the_first_weights_of_the_library(name):
    config, states = config_of(name), []
    for build in (lambda: smp.create_model(name, config.encoder, encoder_weights=None, classes=3),
                  lambda: build_model(config, classes=3)):  # fmt: skip
        torch.manual_seed(0)
        states.append(build().state_dict())
    assert all(torch.equal(first, second) for first, second in zip(*(each.values() for each in states), strict=True))


def test_has_the_parts_with_learning_rates_of_their_own(built):
    _, model = built
    parts = {
        name: {id(p) for p in getattr(model, name).parameters()} for name in ("encoder", "decoder", "segmentation_head")
    }
    assert all(parts.values())
    assert not parts["encoder"] & (parts["decoder"] | parts["segmentation_head"])
    assert {id(p) for p in model.parameters()} == set.union(*parts.values())


def test_no_activation_follows_the_logits(built):
    """Scaling the last layer scales the output: the losses want logits."""
    name, model = built
    image = image_of(name, images=1)
    last = [layer for layer in model.segmentation_head.modules() if isinstance(layer, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        once = model.eval()(image)
        last.weight *= 3
        last.bias *= 3
        assert torch.allclose(model(image), once * 3, rtol=1e-3, atol=1e-4)


def test_the_exceptions_are_still_needed():
    """A light encoder and 64 × 64 do for all others; these names must exist."""
    assert {*OTHER_ENCODER, *OTHER_SIDE} <= set(ARCHITECTURES)
    with pytest.raises(RuntimeError, match="too small"):
        build_model(ModelConfig(architecture="pan", encoder=LIGHT), classes=3).eval()(torch.zeros(1, 3, 64, 64))
