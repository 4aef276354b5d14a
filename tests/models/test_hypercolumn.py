"""Hypercolumns: the sum, its upsampling and squeeze-excitation by hand, and the order of the fused block."""

import pytest
import torch
from torch import nn

from rarepix.models import build_model
from rarepix.models.hypercolumn import Hypercolumn, build_hypercolumn, fusion
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"


def with_weights(block: Hypercolumn, weights: list[list[float]], biases: list[float]) -> Hypercolumn:
    """Set the projections to one output channel each: weights of the inputs and a bias."""
    for layer, weight, bias in zip(block.projections, weights, biases, strict=True):
        layer.weight.data = torch.tensor(weight).reshape(1, -1, 1, 1)
        layer.bias.data = torch.tensor([bias])
    return block


def test_the_sum_of_projected_and_upsampled_levels_by_hand():
    """Centres of the coarse cells lie at 0.5 and 2.5 of the fine ones: in between a quarter and three quarters."""
    block = with_weights(Hypercolumn([2, 1], 1), [[1.0, 10.0], [2.0]], [0.5, 0.25])
    coarse = torch.tensor([[[[0.0, 4.0]], [[0.0, 0.4]]]])  # projected: 0.5 and 8.5
    fine = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])  # projected: 2.25, 4.25, 6.25, 8.25
    expected = [0.5 + 2.25, 2.5 + 4.25, 6.5 + 6.25, 8.5 + 8.25]
    assert block([coarse, fine]).flatten().tolist() == pytest.approx(expected)


def test_aligned_corners_by_hand():
    """The published convention: the first and the last cell of the coarse level lie on those of the fine one."""
    block = with_weights(Hypercolumn([1, 1], 1, align_corners=True), [[1.0], [0.0]], [0.0, 0.0])
    coarse, fine = torch.tensor([[[[0.0, 3.0]]]]), torch.zeros(1, 1, 1, 4)
    assert block([coarse, fine]).flatten().tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_a_constant_stays_constant_up_to_the_border():
    """The published projections pad with zeros, so that their border was the bias alone."""
    block = with_weights(Hypercolumn([1, 1], 1), [[2.0], [3.0]], [0.5, 0.25])
    assert (block([torch.ones(1, 1, 4, 4), torch.ones(1, 1, 16, 16)]) == 5.75).all()


def test_it_is_a_linear_layer_on_the_stacked_levels():
    """As Hariharan et al. note for classifiers on hypercolumns."""
    block = Hypercolumn([3, 2], 4)
    levels = [torch.rand(1, 3, 2, 2), torch.rand(1, 2, 4, 4)]
    stacked = torch.cat([nn.functional.interpolate(levels[0], size=(4, 4), mode="bilinear"), levels[1]], dim=1)
    weight = torch.cat([layer.weight for layer in block.projections], dim=1)
    bias = sum(layer.bias for layer in block.projections)
    torch.testing.assert_close(block(levels), nn.functional.conv2d(stacked, weight, bias))


def test_squeeze_excitation_by_hand():
    """Two channels with means 1 and 3 go through one hidden unit: relu(1 · 1 + 1 · 3 − 2) = 2, gates σ(±1)."""
    squeeze = fusion(2, 2)[0]
    squeeze.fc1.weight.data, squeeze.fc1.bias.data = torch.ones(1, 2, 1, 1), torch.tensor([-2.0])
    squeeze.fc2.weight.data = torch.tensor([0.5, -0.5]).reshape(2, 1, 1, 1)
    squeeze.fc2.bias.data = torch.zeros(2)
    features = torch.tensor([[[[0.0, 2.0]], [[3.0, 3.0]]]])
    high, low = torch.sigmoid(torch.tensor(1.0)), torch.sigmoid(torch.tensor(-1.0))
    torch.testing.assert_close(squeeze(features), features * torch.stack([high, low]).reshape(1, 2, 1, 1))


def test_the_fused_block_is_squeeze_three_convolutions_squeeze():
    squeeze_in, *convolutions, squeeze_out = fusion(16, 8)
    for block in convolutions:
        convolution, normalisation, activation = block
        assert (convolution.kernel_size, convolution.padding) == ((3, 3), (1, 1))
        assert isinstance(normalisation, nn.BatchNorm2d)
        assert isinstance(activation, nn.ReLU)
    assert len(convolutions) == 3
    assert [layer.fc1.out_channels for layer in (squeeze_in, squeeze_out)] == [2, 2]
    assert squeeze_in.fc1.weight is not squeeze_out.fc1.weight
    assert all(layer.bias is not None for layer in (squeeze_in.fc1, squeeze_in.fc2))


def test_the_configuration_decides_the_block():
    channels = [4, 2]
    assert build_hypercolumn(ModelConfig(), channels) is None
    only_sum = build_hypercolumn(ModelConfig(hypercolumn="sum", hypercolumn_channels=8), channels)
    assert (only_sum.channels, only_sum.align_corners) == (8, False)
    assert sum(parameter.numel() for parameter in only_sum.parameters()) == (4 + 1) * 8 + (2 + 1) * 8
    keys = {"hypercolumn_channels": 8, "hypercolumn_reduction": 4, "hypercolumn_align_corners": True}
    fused = build_hypercolumn(ModelConfig(hypercolumn="fused", **keys), channels)
    squeeze = (8 + 1) * 2 + (2 + 1) * 8
    assert fused.align_corners
    assert sum(p.numel() for p in fused.parameters()) == 64 + 2 * squeeze + 3 * (8 * 8 * 9 + 2 * 8)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"architecture": "deeplabv3", "hypercolumn": "sum"},
            "goes with architectures .*fpn, linknet, manet",
        ),
        ({"architecture": "classifier", "hypercolumn": "sum"}, "model.hypercolumn goes with architectures of seg"),
        ({"hypercolumn": "both"}, "unknown model.hypercolumn 'both'"),
        ({"hypercolumn_channels": 8}, "model.hypercolumn_channels belongs to model.hypercolumn sum or fused"),
        ({"hypercolumn": "sum", "hypercolumn_reduction": 8}, "model.hypercolumn_reduction belongs to .* fused"),
        (
            {"hypercolumn": "fused", "hypercolumn_channels": 4},
            "must be at most model.hypercolumn_ch.* = 4, but got 8",
        ),
        (
            {"architecture": "fpn", "hypercolumn": "sum", "options": {"decoder_dropout": 0.1}},
            "'decoder_dropout' is of layers of 'fpn' that model.hypercolumn=sum takes the place of",
        ),
    ],
)
def test_refuses(keys, message):
    with pytest.raises(ValueError, match=message):
        build_model(ModelConfig(**({"encoder": LIGHT} | keys)), classes=2)
