"""The classifier and the presence head: they pool as asked, and see what is in an image."""

import pytest
import torch

from rarepix.models import build_model
from rarepix.models.outputs import SegOutput
from rarepix.models.settings import ModelConfig

LIGHT = "tu-lcnet_035"
CONFIG = ModelConfig(architecture="classifier", encoder=LIGHT)


def test_a_classifier_says_which_classes_are_in_the_image():
    output = build_model(CONFIG, classes=4).eval()(torch.zeros(2, 3, 64, 32))
    assert isinstance(output, SegOutput)
    assert output.mask is None
    assert output.presence.shape == (2, 3)  # all but the background


@pytest.mark.parametrize(("classes", "presence", "expected"), [(4, None, 3), (1, None, 1), (4, 4, 4)])
def test_the_number_of_classes(classes, presence, expected):
    assert build_model(CONFIG, classes=classes, presence=presence).head[-2].out_features == expected


@pytest.mark.parametrize("keys", [{"architecture": "classifier"}, {"presence": "encoder"}])
def test_presence_of_no_class_is_refused(keys):
    config = ModelConfig(encoder=LIGHT, **keys)
    with pytest.raises(ValueError, match="presence, the number of classes .* must be 1 or more, but got 0: use"):
        build_model(config, classes=4, presence=0)
    assert build_model(ModelConfig(encoder=LIGHT), classes=1, presence=0).outputs == ("mask",)


@pytest.mark.parametrize(("pooling", "pool"), [("avg", torch.mean), ("max", torch.amax)])
def test_the_features_are_pooled_over_the_image(pooling, pool):
    model = build_model(ModelConfig(architecture="classifier", encoder=LIGHT, pooling=pooling), classes=4).eval()
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    linear = next(layer for layer in model.head if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        expected = linear(pool(model.encoder(images)[-1], dim=(2, 3)))
        torch.testing.assert_close(model(images).presence, expected)


@pytest.mark.parametrize(
    "keys",
    [{"architecture": "classifier", "dropout": 0.5}, {"presence": "encoder", "presence_dropout": 0.5}],
    ids=["classifier", "presence head"],
)
def test_dropout_is_of_the_training_alone(keys):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model = build_model(ModelConfig(encoder=LIGHT, **keys), classes=4)
    model.train().encoder.eval()  # its normalisation depends on the batch
    first, second = (model(images).presence for _ in range(2))
    assert not torch.equal(first, second)
    model.eval()
    assert torch.equal(model(images).presence, model(images).presence)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"encoder": "resnet19"}, r"unknown model.encoder 'resnet19': did you mean"),
        ({"encoder": "tu-test_vit"}, "'classifier' cannot be built with model.encoder='tu-test_vit'"),
        ({"pooling": "mean"}, "'avg', 'max' or 'gem'"),
        ({"dropout": 1.0}, "less than 1"),
        ({"architecture": "unet", "pooling": "max"}, "model.pooling belongs to model.architecture classifier"),
        (
            {"options": {"decoder_channels": [8]}},
            "model.options goes with architectures of segmentation-models",
        ),
        ({"presence": "encoder"}, "model.presence goes with architectures of segmentation-models"),
    ],
)
def test_refuses(keys, message):
    with pytest.raises(ValueError, match=message):
        build_model(ModelConfig(**{"architecture": "classifier", "encoder": LIGHT} | keys), classes=4)
