"""What every architecture must do, built with a small encoder that fits it, without weights."""

import pytest
import segmentation_models_pytorch as smp
import torch

from rarepix.models import build_model
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"
OTHER_ENCODER = {"dpt": "tu-test_vit"}  # made for transformers
OTHER_SIDE = {"pan": 128}  # its pyramid halves the deepest features three times more
ARCHITECTURES = list(smp.MODEL_ARCHITECTURES_MAPPING)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request) -> tuple[str, torch.nn.Module]:
    encoder = OTHER_ENCODER.get(request.param, LIGHT)
    return request.param, build_model(ModelConfig(architecture=request.param, encoder=encoder), classes=3)


def test_logits_have_the_size_of_the_image(built):
    name, model = built
    side = OTHER_SIDE.get(name, 64)
    with torch.no_grad():
        logits = model.eval()(torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (2, 3, side, side)
    assert torch.isfinite(logits).all()
    assert logits.std() > 0


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
    side = OTHER_SIDE.get(name, 64)
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
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
