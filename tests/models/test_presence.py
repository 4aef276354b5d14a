"""Presence heads: poolings by hand, and what each head looks at."""

import pytest
import torch
from torch import nn

from rarepix.models import build_model
from rarepix.models.presence import POOLINGS, presence_head
from rarepix.models.registry import DECODERS
from rarepix.models.settings import ModelConfig, Pooling

LIGHT = "tu-lcnet_035"
FEATURES = torch.tensor([[[[1.0, 2.0], [3.0, 2.0]], [[0.0, 0.0], [0.0, 4.0]]]])  # N 1, C 2
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("avg", [2.0, 1.0]),
        ("max", [3.0, 4.0]),
        ("gem", [((1 + 8 + 27 + 8) / 4) ** (1 / 3), 16 ** (1 / 3)]),  # power 3 at first
    ],
)
def test_poolings_by_hand(pooling, expected):
    assert POOLINGS[pooling]()(FEATURES).flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_every_pooling_can_be_chosen():
    assert set(POOLINGS) == set(Pooling.__args__)


@pytest.mark.parametrize(("power", "expected"), [(1.0, [2.0, 1.0]), (500.0, [3.0, 4.0])])
def test_a_generalised_mean_lies_between_mean_and_maximum(power, expected):
    layer = POOLINGS["gem"]()
    layer.power.data.fill_(power)
    assert layer(FEATURES).flatten().tolist() == pytest.approx(expected, rel=0.01)


def test_a_generalised_mean_has_finite_gradients_where_nothing_is_positive():
    layer, features = POOLINGS["gem"](), torch.full((1, 1, 2, 2), -1.0, requires_grad=True)
    layer(features).sum().backward()
    assert torch.isfinite(features.grad).all()
    assert torch.isfinite(layer.power.grad).all()


def test_a_generalised_mean_is_computed_in_full_precision():
    """0.01³ is below what float16 can hold."""
    assert POOLINGS["gem"]()(torch.full((1, 1, 2, 2), 0.01, dtype=torch.float16)).item() == pytest.approx(
        0.01, rel=1e-3
    )


def test_equal_maxima_share_the_gradient():
    features = torch.tensor([[[[1.0, 1.0]]]], requires_grad=True)
    POOLINGS["max"]()(features).sum().backward()
    assert features.grad.flatten().tolist() == [0.5, 0.5]


def test_a_head_is_a_linear_layer_on_the_pooled_features():
    head = presence_head(2, 3, pooling="max", dropout=0.0)
    linear = head[3]
    expected = linear.weight @ torch.tensor([3.0, 4.0]) + linear.bias
    torch.testing.assert_close(head(FEATURES), expected[None])


def gradients_of_presence(config: ModelConfig) -> set[str]:
    """Return the parts of the network that the presence logits depend on."""
    model = build_model(config, classes=3)
    model(IMAGES).presence.sum().backward()
    return {name.partition(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("architecture", ["unet", *DECODERS])
def test_a_head_on_the_decoder_trains_the_decoder_and_what_fuses_its_levels(architecture):
    keys = {"architecture": architecture, "encoder": LIGHT, "hypercolumn_channels": 8, "hypercolumn": "fused"}
    parts = gradients_of_presence(ModelConfig(presence="decoder", **keys))
    assert parts == {"encoder", "decoder", "hypercolumn", "presence_head"}
    of_encoder = gradients_of_presence(ModelConfig(presence="encoder", **keys))
    assert of_encoder - {"presence_head", "classification_head"} == {"encoder"}


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("architecture", ["unet", *DECODERS])
def test_the_head_pools_what_the_masks_are_computed_from(architecture, pooling):
    config = ModelConfig(architecture=architecture, encoder=LIGHT, presence="decoder", presence_pooling=pooling)
    model, seen = build_model(config, classes=3).eval(), []
    model.segmentation_head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        output = model(IMAGES)
        expected = model.presence_head[3](POOLINGS[pooling]()(seen[0]))
    torch.testing.assert_close(output.presence, expected)


@pytest.mark.parametrize("keys", [{"presence": "encoder", "presence_pooling": "gem"},
                                  {"architecture": "classifier", "pooling": "gem"}])  # fmt: skip
def test_the_encoder_can_be_pooled_by_a_learned_power(keys):
    model = build_model(ModelConfig(encoder=LIGHT, **keys), classes=3)
    names = [name for name, _ in model.named_parameters() if name.endswith("power")]
    assert names in (["classification_head.0.power"], ["head.0.power"])
    model(IMAGES).presence.sum().backward()
    assert dict(model.named_parameters())[names[0]].grad.abs() > 0


@pytest.mark.parametrize("keys", [{"presence": "encoder", "presence_dropout": 0.5},
                                  {"presence": "decoder", "presence_dropout": 0.5},
                                  {"architecture": "plain_unet", "presence": "decoder", "presence_dropout": 0.5},
                                  {"architecture": "classifier", "dropout": 0.5}])  # fmt: skip
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_head_learns_with_dropout(keys, pooling):
    of_pooling = {"pooling" if "dropout" in keys else "presence_pooling": pooling}
    model = build_model(ModelConfig(encoder=LIGHT, **keys, **of_pooling), classes=3).train()
    model(IMAGES).presence.sum().backward()
    assert next(model.encoder.parameters()).grad.abs().sum() > 0


@pytest.mark.parametrize("architecture", ["unet", *DECODERS])
def test_without_a_head_nothing_is_added(architecture):
    plain, headed = (
        build_model(ModelConfig(architecture=architecture, encoder=LIGHT, presence=presence), classes=3)
        for presence in ("none", "decoder")
    )
    added = set(headed.state_dict()) - set(plain.state_dict())
    assert added == {"presence_head.3.weight", "presence_head.3.bias"}
    assert isinstance(plain.eval()(IMAGES), torch.Tensor)
    assert not any(isinstance(layer, nn.Linear) for layer in plain.decoder.modules())
