"""Levels of decoders of segmentation-models-pytorch: the library's own computation, with the maps in between."""

import pytest
import torch

from rarepix.models import build_model
from rarepix.models.settings import WITH_LEVELS, ModelConfig
from rarepix.models.smp_levels import LEVELS, level_channels

LIGHT = "tu-lcnet_035"
STRIDES = {"fpn": [32, 16, 8, 4]}
IMAGE = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_the_names_in_the_settings_are_those_in_the_table():
    assert tuple(LEVELS) == WITH_LEVELS


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("encoder", [LIGHT, "vgg11"])  # the library puts a centre of its own behind vgg
def test_levels_lead_to_what_the_library_computes(name, encoder):
    model = build_model(ModelConfig(architecture=name, encoder=encoder), classes=2).eval()
    decoder = model.decoder
    with torch.no_grad():
        features = model.encoder(IMAGE)
        levels, expected = LEVELS[name](decoder, features), decoder(features)
        last = levels[-1]
        if name == "fpn":
            last = decoder.merge([block(level) for block, level in zip(decoder.seg_blocks, levels, strict=True)])
    assert torch.equal(last, expected)
    assert [64 // level.shape[-2] for level in levels] == STRIDES.get(name, [32, 16, 8, 4, 2, 1])
    channels = [level.shape[1] for level in levels]
    assert level_channels(decoder, LEVELS[name], model.encoder.out_channels) == channels
    assert not decoder.training


@pytest.mark.parametrize("name", LEVELS)
def test_the_hypercolumn_takes_all_levels(name):
    model = build_model(
        ModelConfig(architecture=name, encoder=LIGHT, hypercolumn="sum", hypercolumn_channels=8), classes=2
    )
    assert len(model.hypercolumn.projections) == len(STRIDES.get(name, range(6)))
    assert model.segmentation_head[0].in_channels == 8
