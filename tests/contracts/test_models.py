"""What every network must do, built with a small encoder that fits its architecture, without weights."""

import pytest
import segmentation_models_pytorch as smp
import torch

from rarepix.models import build_model
from rarepix.models import smp as smp_networks
from rarepix.models.outputs import SegOutput, as_output
from rarepix.models.registry import ARCHITECTURES as OWN
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"
OTHER_ENCODER = {"dpt": "tu-test_vit"}  # made for transformers
OTHER_SIDE = {"pan": 128}  # its pyramid halves the deepest features three times more
ARCHITECTURES = list(smp.MODEL_ARCHITECTURES_MAPPING)


def config_of(architecture: str) -> ModelConfig:
    return ModelConfig(architecture=architecture, encoder=OTHER_ENCODER.get(architecture, LIGHT))


def image_of(architecture: str, images: int = 2) -> torch.Tensor:
    side = OTHER_SIDE.get(architecture, 64)
    return torch.rand(images, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request) -> tuple[str, torch.nn.Module]:
    return request.param, build_model(config_of(request.param), classes=3)


@pytest.fixture(scope="module", params=[*ARCHITECTURES, *(f"{name} with presence" for name in ARCHITECTURES), *OWN])
def network(request) -> tuple[ModelConfig, torch.nn.Module]:
    """Every network: of segmentation-models-pytorch without and with its presence head, and our own."""
    name, _, head = request.param.partition(" with ")
    config = config_of(name)
    model = smp_networks.build(config, classes=3, presence=2) if head else build_model(config, classes=3, presence=2)
    return config, model


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
    if "mask" in model.outputs and "presence" in model.outputs:
        pytest.skip("the head is not named by the configuration")
    assert (config.network.outputs, config.network.stride) == (model.outputs, model.stride)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_keep_the_names_of_the_library(name):
    config = config_of(name)
    plain = smp.create_model(name, config.encoder, encoder_weights=None, classes=3)
    for presence in (None, 2):
        model = smp_networks.build(config, classes=3, presence=presence)
        names = [key for key in model.state_dict() if not key.startswith("classification_head.")]
        assert names == list(plain.state_dict())


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
