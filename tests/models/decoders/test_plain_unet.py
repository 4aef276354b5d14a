"""The published plain U-Net: channels of every convolution, levels, and parameters counted by hand."""

import pytest
import torch
from torch import nn

from rarepix.models import build_model
from rarepix.models.decoders.plain_unet import Block, Decoder, Parameters
from rarepix.models.settings import ModelConfig

RESNET50 = (3, 64, 256, 512, 1024, 2048)


def parameters_of(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolution(inputs: int, outputs: int) -> int:
    return (inputs * 9 + 1) * outputs


def test_channels_are_those_that_were_published():
    decoder = Decoder(RESNET50, Parameters())
    shapes = [tuple(layer.weight.shape[:2]) for layer in decoder.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [(1024, 3072), (512, 1024), (512, 1024), (256, 512), (256, 512), (128, 256)]
    assert decoder.channels == (2048, 512, 256, 128)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in decoder.modules())


def test_levels_have_strides_32_to_4():
    channels = (3, 4, 4, 6, 8, 10)
    decoder = Decoder(channels, Parameters(decoder_channels=(8, 6, 4)))
    features = [torch.rand(1, count, 64 // 2**depth, 64 // 2**depth) for depth, count in enumerate(channels)]
    levels = decoder(features)
    assert levels[0] is features[-1]
    assert [tuple(level.shape) for level in levels] == [(1, 10, 2, 2), (1, 8, 4, 4), (1, 6, 8, 8), (1, 4, 16, 16)]
    assert 64 // levels[-1].shape[-1] == decoder.reduction


def test_a_block_by_hand():
    """Both convolutions look at the middle alone and add up: max(0, max(0, coarse + skip) − 1)."""
    block = Block(1, 1, 1)
    for layer, weight, bias in ((block[0], [[1.0, 1.0], [0.0, 0.0]], 0.0), (block[2], [[1.0, 0.0]], -1.0)):
        layer.weight.data.zero_()
        layer.weight.data[:, :, 1, 1] = torch.tensor(weight)
        layer.bias.data.fill_(bias)
    coarse, skip = torch.tensor([[[[0.0, 4.0]]]]), torch.tensor([[[[0.0, 2.0, 0.0, -9.0], [0.0, 2.0, 0.0, -9.0]]]])
    # upsampled: 0, 1, 3, 4
    assert block(coarse, skip).tolist() == [[[[0.0, 2.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.0]]]]


@pytest.mark.parametrize(
    ("hypercolumn", "added"),
    [
        ("none", 128 * 2 + 2),
        ("sum", sum((level + 1) * 128 for level in (2048, 512, 256, 128)) + 128 * 2 + 2),
        (
            "fused",
            sum((level + 1) * 128 for level in (2048, 512, 256, 128))
            + 2 * ((128 + 1) * 16 + (16 + 1) * 128)
            + 3 * (128 * 128 * 9 + 2 * 128)
            + 128 * 2
            + 2,
        ),
    ],
)
def test_parameters_of_the_published_networks(hypercolumn, added):
    config = ModelConfig(architecture="plain_unet", encoder="resnet50", hypercolumn=hypercolumn)
    decoder = (
        convolution(3072, 1024) + convolution(1024, 512)
        + convolution(1024, 512) + convolution(512, 256)
        + convolution(512, 256) + convolution(256, 128)
    )  # fmt: skip
    model = build_model(config, classes=2)
    assert parameters_of(model.encoder) == 23_508_032
    assert parameters_of(model) == 23_508_032 + decoder + added


def test_options_of_the_library_are_refused():
    with pytest.raises(ValueError, match=r"model.options goes with architectures of segmentation-models-pytorch, but"):
        ModelConfig(architecture="plain_unet", options={"decoder_channels": [8]})
    with pytest.raises(ValueError, match="greater than 0"):
        ModelConfig(architecture="plain_unet", decoder_channels=[8, 0, 8])
