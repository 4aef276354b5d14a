"""Networks by name: options reach the architecture; a configuration that cannot be built is refused with a remedy."""

import pytest
import torch
from huggingface_hub import constants

from rarepix.models import build_model
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"


def build(classes: int = 4, **config):
    return build_model(ModelConfig(**({"encoder": LIGHT} | config)), classes=classes)


@pytest.mark.parametrize("classes", [1, 2, 21])
def test_channels_are_the_classes(classes):
    assert build(classes).eval()(torch.zeros(1, 3, 32, 64)).shape == (1, classes, 32, 64)


@pytest.mark.parametrize("name", ["unet", "Unet", "UNET", "DeepLabV3Plus"])
def test_case_does_not_matter(name):
    assert type(build(architecture=name)).__name__.lower() == name.lower()


def test_options_reach_the_decoder():
    few, many = (
        sum(p.numel() for p in build(options={"decoder_channels": channels}).decoder.parameters())
        for channels in ([8, 8, 8, 8, 8], [64, 64, 32, 32, 16])
    )
    assert few * 5 < many


def test_encoders_of_the_library_itself():
    assert build(encoder="mobilenet_v2").encoder.out_channels[-1] == 1280


def test_the_seed_decides_the_first_weights():
    first = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        first.append(torch.cat([p.detach().flatten() for p in build().parameters()]))
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "unett"}, r"unknown model.architecture 'unett': did you mean 'unet'\? valid: bifpn, classif"),
        ({"architecture": "clasifier"}, r"unknown model.architecture 'clasifier': did you mean 'classifier'\? valid: "),
        ({"encoder": "resnet19"}, r"unknown model.encoder 'resnet19': did you mean 'resnet1\d+'\? valid: "),
        (
            {"encoder": "tu-resnet10tt"},
            r"model.encoder 'tu-resnet10tt' must be 'tu-' and a model of timm: did you mean 'resnet10t'",
        ),
        (
            {"options": {"decoder_chanels": [8]}},
            r"'unet' has no option 'decoder_chanels': did you mean 'decoder_channels'",
        ),
        ({"options": {"classes": 3}}, "'unet' has no option 'classes'"),
        (
            {"options": {"decoder_channels": [8, 8]}},
            r"'unet' cannot be built with .*model.options=\{'decoder_channels': \[8, 8\]\}: ",
        ),
        ({"architecture": "dpt", "encoder": "resnet18"}, "'dpt' cannot be built with model.encoder='resnet18'.*Timm"),
        ({"encoder": "tu-test_vit"}, "'unet' cannot be built with model.encoder='tu-test_vit'"),
    ],
)
def test_refuses(config, message):
    with pytest.raises(ValueError, match=message):
        build(**config)


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet10t"])
def test_weights_that_cannot_be_fetched(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as the variable of that name does: nothing is waited for
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ConnectionError) as refused:
        build(encoder=encoder, weights="imagenet")
    assert f"the imagenet weights of '{encoder}' are not in the cache and could not be fetched" in str(refused.value)
    assert "use --set model.weights=none, or run once where there is a network and take the cache" in str(refused.value)
    assert not [file for file in tmp_path.rglob("*") if file.suffix in (".bin", ".safetensors", ".pth")]
