"""Two photographs with masks, as a dataset in VOC layout: what the pictures of the documents are drawn from.

The photographs come with scikit-learn (china.jpg by danielbuechele, flower.jpg by vultilion, both CC BY 2.0). Their
masks are made here: the blossoms by their colour, the pagoda and the trees by GrabCut (Rother et al. 2004) from rough
outlines.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

CLASSES = ("background", "pagoda", "tree", "blossom")
PALETTE = ((70, 70, 70), (213, 94, 0), (0, 158, 115), (230, 159, 0))
PAGODA = (
    (190, 20), (225, 20), (335, 110), (345, 200), (375, 265), (395, 345), (330, 415), (200, 350), (55, 335), (50, 260),
    (85, 150), (80, 115),
)  # fmt: skip
"""Corners (column, row) of a rough outline."""
TREES = (
    ((0, 130), (85, 225), (30, 280), (200, 345), (300, 427), (0, 427)),
    ((330, 330), (470, 265), (540, 250), (535, 180), (580, 120), (640, 130), (640, 427), (300, 427)),
)


def write(root: Path) -> Path:
    """Write both photographs, each in the training list, into *root*, and return it."""
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / part).mkdir(parents=True, exist_ok=True)
    masks = {"china": _china(load_sample_image("china.jpg")), "flower": _flower(load_sample_image("flower.jpg"))}
    for name, ids in masks.items():
        Image.fromarray(load_sample_image(f"{name}.jpg")).save(root / "JPEGImages" / f"{name}.png")
        picture = Image.fromarray(ids, mode="P")
        picture.putpalette(np.array(PALETTE, np.uint8).tobytes())
        picture.save(root / "SegmentationClass" / f"{name}.png")
    for part in ("train", "val"):
        (root / "ImageSets" / "Segmentation" / f"{part}.txt").write_text("\n".join(masks) + "\n")
    description = {"name": "photographs", "classes": CLASSES, "palette": PALETTE, "rare_classes": ["blossom"]}
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def _flower(image: np.ndarray) -> np.ndarray:
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    warm = (saturation > 110) & (value > 90) & ((hue < 25) | (hue > 140))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    filled = cv2.morphologyEx(warm.astype(np.uint8), cv2.MORPH_CLOSE, disc, iterations=2)
    filled = cv2.morphologyEx(filled, cv2.MORPH_OPEN, disc, iterations=2)
    _, regions, stats, _ = cv2.connectedComponentsWithStats(filled)
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > 2000)[1:]  # the first one is the background
    return np.where(np.isin(regions, large), CLASSES.index("blossom"), 0).astype(np.uint8)


def _china(image: np.ndarray) -> np.ndarray:
    ids = np.zeros(image.shape[:2], np.uint8)
    for name, outlines in (("tree", TREES), ("pagoda", (PAGODA,))):
        ids[_cut_out(image, outlines)] = CLASSES.index(name)
    return ids


def _cut_out(image: np.ndarray, outlines: tuple) -> np.ndarray:
    state = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    for outline in outlines:
        cv2.fillPoly(state, [np.array(outline)], cv2.GC_PR_FGD)
    sky = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) > 165  # the trees' outlines are too rough to tell sky and water
    state[sky & (state == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(image, state, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
