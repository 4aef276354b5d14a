"""The preview of training images."""

import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from rarepix import cli
from rarepix.cli import app
from rarepix.config import updated
from rarepix.evaluation.preview import preview
from rarepix.viz.overlays import OPACITY, class_colors
from rarepix.wiring import build_data


def test_a_tile_is_a_sample_with_its_mask_over_it(tiny_config):
    data = build_data(updated(tiny_config, {"sampling.kind": "rare_class", "crop.size": [32, 64]}), gpu=False)
    sample = data.loaders["train"].dataset[next(iter(data.loaders["train"].sampler))]
    tile = preview(data, 3)[0]
    assert tile.caption == sample["id"]
    image, mask = sample["image"].permute(1, 2, 0).numpy(), sample["mask"].numpy()
    mixed = ((1 - OPACITY) * image + OPACITY * class_colors(data.labels)[mask]).astype(np.uint8)
    clear = mask == data.labels.background
    assert 0 < clear.sum() < clear.size
    assert (tile.pixels[clear] == image[clear]).all()
    assert (tile.pixels[~clear] == mixed[~clear]).all()


def test_the_caption_gives_the_outcome_of_a_paste(tiny_config):
    always = {"paste": {"_name": "cutmix", "probability": 1.0}}
    data = build_data(updated(tiny_config, always), gpu=False)
    assert all(tile.caption.endswith(" · pasted") for tile in preview(data, 4))
    never = build_data(updated(tiny_config, {"paste": {"_name": "cutmix", "probability": 0.0}}), gpu=False)
    assert all(tile.caption.endswith(" · not drawn") for tile in preview(never, 4))


def test_from_the_command_line(tiny_recipe, tmp_path):
    out = tmp_path / "preview.png"
    words = ["preview", str(tiny_recipe), "--set", "crop.size=[32, 64]", "--images", "5", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.output == f"{out} shows the first 5 training images of the first epoch\n"
    with Image.open(out) as picture:
        assert picture.width > 4 * 64


def test_more_images_than_an_epoch_shows(tiny_recipe, tmp_path):
    out = tmp_path / "preview.JPG"
    done = CliRunner().invoke(app, ["preview", str(tiny_recipe), "--images", "200", "--out", str(out)])
    assert done.output == f"{out} shows all 12 training images of the first epoch\n"
    with Image.open(out) as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize("name", ["p.svg", "p.xyz", "p"])
def test_refuses_other_suffixes_before_anything_is_built(tiny_recipe, tmp_path, monkeypatch, capsys, name):
    out = tmp_path / name
    words = ["preview", str(tiny_recipe), "--set", "data.root=nowhere", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["rarepix", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    message = f"must be written to a file that ends with .png, .jpg, .jpeg, but got {out}: call it {tmp_path / 'p.png'}"
    assert capsys.readouterr().err == f"rarepix: the preview {message}\n"
    assert not list(tmp_path.iterdir())
