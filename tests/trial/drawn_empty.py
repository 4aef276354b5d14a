"""A dataset of squares on noise in which half of the images hold nothing but a paler one; and its recipe."""

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

PARTS = {"train": 24, "val": 24, "test": 12}
GROUND, COLOURS = np.full(3, 90.0), np.array([(90, 90, 90), (200, 60, 60), (60, 60, 200)], float)
PALE = 0.6
SIDE = 64
SQUARE = 16


def write_squares(root: Path, *, empty: str = "half") -> Path:
    """Write the dataset: every second image has a red or a blue square, class 1 or 2; with *empty* none or all, all."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    description = {"name": "squares", "classes": ["ground", "red", "blue"], "background": 0, "rare_classes": ["blue"]}
    (root / "dataset.json").write_text(json.dumps(description))
    for part, number in PARTS.items():
        names = [f"{part}{position:02}" for position in range(number)]
        (root / f"{part}.txt").write_text("\n".join(names) + "\n")
        for position, name in enumerate(names):
            random = np.random.default_rng([number, position])
            mask = np.zeros((SIDE, SIDE), np.uint8)
            holds = position % 2 == 0 if empty == "half" or part == "train" else empty == "none"
            top, left = random.integers(0, SIDE - SQUARE, 2)
            mask[top : top + SQUARE, left : left + SQUARE] = 1 + position // 2 % 2
            colours = GROUND + (1 if holds else PALE) * (COLOURS[mask] - GROUND)
            mask *= holds
            image = np.clip(colours + random.normal(0, 10, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(root / "images" / f"{name}.png")
            Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    return root


def write_recipe(file: Path, root: Path) -> Path:
    """Write the recipe of the smallest trial on the dataset, on the lists that come with it."""
    lists = {f"{part}_list": part for part in PARTS}
    tree = {
        "data": {"source": "folders", "root": str(root), "split": "listed", **lists, "workers": 0},
        "model": {
            "architecture": "unet",
            "encoder": "tu-lcnet_035",
            "options": {"decoder_channels": [16, 16, 8, 8, 8]},
        },
        "optim": {"lr": 0.02},
        "loss": {"name": "ce", "class_weights": [0.1, 1.0, 1.0]},  # finds too much, which leaves something to a gate
        "engine": {
            "epochs": 4,
            "batch_size": 4,
            "device": "cpu",
            "precision": "fp32",
            "threads": 1,
            "tensorboard": False,
            "progress": "off",
        },
    }
    file.write_text(yaml.safe_dump(tree))
    return file
