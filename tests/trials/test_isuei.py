"""The recipes of the 14 experiments on full-background images say what was published, and are networks offline."""

from pathlib import Path

import pytest
import torch

from bench.isuei import EXPERIMENTS
from rarepix.config import load_recipe, parse_settings, updated
from rarepix.models import build_model
from rarepix.models.outputs import as_output
from rarepix.paths import recipes_root

UNET, BIFPN, FAPN = "plain_unet", "bifpn", "fapn"
CE, PROPOSED, FOCAL = "ce", "proposed", "proposed_published"
PUBLISHED = {
    "r50_classification": ("classifier", "none", "presence_bce", "under", 1e-3, 32, 2019),
    "unet_r50_segmentation": (UNET, "none", CE, "foreground_only", 1e-3, 16, 2019),
    "unet_r50": (UNET, "none", CE, "mixed", 1e-3, 16, 2018),
    "unet_hc_r50": (UNET, "sum", CE, "under", 1e-3, 16, 2019),
    "isuei_unet_r50": (UNET, "fused", PROPOSED, "under", 5e-4, 8, 2019),
    "effdet_d2": (BIFPN, "none", CE, "under", 1e-3, 16, 2018),
    "isuei_d2": (BIFPN, "fused", PROPOSED, "under", 1e-3, 16, 2019),
    "fapn_r50": (FAPN, "none", CE, "under", 5e-4, 8, 2018),
    "isuei_fapn_r50": (FAPN, "fused", PROPOSED, "under", 5e-4, 8, 2018),
    "unet_r50_focal": (UNET, "none", FOCAL, "mixed", 1e-3, 16, 2018),
    "isuei_unet_r50_focal": (UNET, "fused", PROPOSED, "under", 5e-4, 8, 2019),
    "unet_r50_randomsampling": (UNET, "none", CE, "uniform", 1e-3, 16, 2019),
    "unet_r50_oversampling": (UNET, "none", CE, "over", 1e-3, 16, 2019),
    "unet_r50_undersampling": (UNET, "none", CE, "under", 1e-3, 16, 2019),
}
"""Recipe → architecture, hypercolumn, loss, sampling, learning rate, batch, seed."""
LIKE_PUBLISHED = [name for name in PUBLISHED if name.startswith("isuei_")]


def test_there_are_fourteen_and_what_they_share():
    files = {file.stem for file in Path(recipes_root(), "isuei").glob("*.yaml")}
    assert files == {*EXPERIMENTS, "common"}
    assert set(EXPERIMENTS) == set(PUBLISHED)
    assert len(EXPERIMENTS) == 14


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_was_published(name):
    config = load_recipe(f"isuei/{name}")
    model, optim, engine = config.model, config.optim, config.engine
    found = (model.architecture, model.hypercolumn, config.loss.name, config.sampling.kind, optim.lr)
    assert (*found, engine.batch_size, config.seed) == PUBLISHED[name]
    assert (optim.name, optim.schedule, optim.given("schedule")) == ("radam", "cosine", {"min_lr": 1e-6})
    assert (engine.epochs, optim.weight_decay, config.data.split) == (30, 0.0, "listed")
    assert config.data.resize == ((256, 256) if name == "r50_classification" else (512, 512))
    assert model.encoder == ("tu-tf_efficientnet_b2" if model.architecture == BIFPN else "resnet50")


def test_the_shares_of_images_with_foreground():
    ratios = {name: load_recipe(f"isuei/{name}").sampling.parameters().get("positive_ratio") for name in PUBLISHED}
    assert ratios["unet_r50"] == ratios["unet_r50_focal"] == (0.8, 0.22)
    assert {name for name, ratio in ratios.items() if ratio is None} == {
        "unet_r50_segmentation",
        "unet_r50_randomsampling",
    }
    others = set(ratios) - {"unet_r50", "unet_r50_focal", "unet_r50_segmentation", "unet_r50_randomsampling"}
    assert {ratios[name] for name in others} == {(0.5, 0.5)}


def test_the_losses():
    focal = load_recipe("isuei/unet_r50_focal").loss.parameters()
    assert (focal["pixel"], focal["gamma"], focal["balance"]) == ("focal", 4, 0.75)
    assert (focal["dice_weight"], focal["presence_weight"]) == (0, 0)
    for name in LIKE_PUBLISHED:
        loss = load_recipe(f"isuei/{name}").loss.parameters()
        assert (loss["dice_weight"], loss["presence_weight"]) == (0.1, 0.01)
        assert (loss["pixel"], loss.get("gamma")) == (("focal", 4) if name.endswith("focal") else ("ce", None))


@pytest.mark.parametrize("name", LIKE_PUBLISHED)
def test_the_released_settings_are_one_key_away(name):
    """The presence head is there and nothing trains it."""
    released = updated(load_recipe(f"isuei/{name}"), parse_settings(["loss.presence_weight=0"]))
    assert released.model.presence == "decoder"
    assert released.loss.parameters()["presence_weight"] == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_is_a_network_of_any_size_without_fetching_anything(name):
    config = load_recipe(f"isuei/{name}")
    assert config.model.weights == "none"
    network = build_model(config.model, classes=2).eval()
    with torch.inference_mode():
        output = as_output(network(torch.zeros(1, 3, 64, 96)))
    has_masks, has_presence = name != "r50_classification", name in (*LIKE_PUBLISHED, "r50_classification")
    assert (None if output.mask is None else tuple(output.mask.shape)) == ((1, 2, 64, 96) if has_masks else None)
    assert (None if output.presence is None else tuple(output.presence.shape)) == ((1, 1) if has_presence else None)
