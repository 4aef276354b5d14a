"""The first layer for images of other than three bands: that of pretrained weights is adapted as timm does."""

import pytest
import torch
from segmentation_models_pytorch.encoders._utils import patch_first_conv
from timm.models._manipulate import adapt_input_conv

from rarepix.models import build_model
from rarepix.models.outputs import as_output
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"


@pytest.mark.parametrize("channels", [1, 2, 4, 13, 16])
@pytest.mark.parametrize("keys", [{"encoder": LIGHT}, {"encoder": "resnet18"}, {"architecture": "classifier"}])
def test_a_network_takes_images_of_any_bands(channels, keys):
    model = build_model(ModelConfig(**({"encoder": LIGHT} | keys)), classes=3, channels=channels).eval()
    output = as_output(model(torch.zeros(1, channels, 64, 64)))
    assert (output.presence if output.mask is None else output.mask).shape[:2] == (1, 2 if output.mask is None else 3)


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
def test_pretrained_filters_are_adapted_as_timm_does(channels):
    """Encoders of segmentation-models-pytorch do it by a function of its own; those of timm by timm's."""
    convolution = torch.nn.Conv2d(3, 8, 3, bias=False)
    expected = adapt_input_conv(channels, convolution.weight.detach().clone())
    network = torch.nn.Sequential(convolution)
    patch_first_conv(network, new_in_channels=channels, pretrained=True)
    assert torch.allclose(network[0].weight, expected, atol=1e-6)
