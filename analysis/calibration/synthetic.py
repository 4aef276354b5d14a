"""Synthetic scores of studies whose truth is known: identical configurations, or one with a planted gain.

The spread is that of a published segmentation study of ten configurations and five split seeds: the mean IoU of one
configuration varies by .0054 over seeds, the IoU of a rare class by up to five times as much. A block (a split) lifts
or lowers every configuration alike, and each class on its own.
"""

import numpy as np
import pandas as pd

CLASSES = 20
NAMES = tuple(f"class{i:02d}" for i in range(CLASSES))
SPREAD = 0.0054
"""Standard deviation of the mean IoU within a configuration, blocks taken out."""
CLASS_SPREADS = np.linspace(0.005, 5 * SPREAD, CLASSES)
"""The same of each class, the rarest last."""
BLOCK_SPREAD = 0.01
RARE = 5
"""A planted gain in mean IoU is put into this many classes, the rarest."""


def class_scores(rng: np.random.Generator, configurations: int, blocks: int, gains: dict[int, float]) -> np.ndarray:
    """Return IoU of a synthetic study, configurations × blocks × classes.

    Args:
        gains: configuration → its true gain in mean IoU over the others.
    """
    base = np.linspace(0.75, 0.25, CLASSES)
    of_blocks = rng.normal(0, BLOCK_SPREAD, (1, blocks, 1)) + rng.normal(0, 2 * BLOCK_SPREAD, (1, blocks, CLASSES))
    # What the classes share of a run makes up the spread of their mean that their own noise leaves out.
    own = float((CLASS_SPREADS**2).sum()) / CLASSES**2
    shared = rng.normal(0, np.sqrt(SPREAD**2 - own), (configurations, blocks, 1))
    noise = rng.normal(0, 1, (configurations, blocks, CLASSES)) * CLASS_SPREADS
    planted = np.zeros((configurations, 1, CLASSES))
    for configuration, gain in gains.items():
        planted[configuration, 0, -RARE:] = gain * CLASSES / RARE
    return base + of_blocks + shared + noise + planted


def synthetic_scores(
    simulation: int, *, configurations: int, blocks: int, gains: dict[int, float] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Return synthetic study number *simulation*: a row per trial, every check of one seed sees the same studies.

    Columns are ``configuration``, ``seed``, one per class, and ``miou``.
    """
    rng = np.random.default_rng([seed, simulation, configurations, blocks])
    scores = class_scores(rng, configurations, blocks, gains or {})
    table = pd.DataFrame(scores.reshape(-1, CLASSES), columns=list(NAMES))
    names, seeds = np.repeat([f"c{i}" for i in range(configurations)], blocks), np.tile(range(blocks), configurations)
    return table.assign(configuration=names, seed=seeds, miou=table.mean(axis=1))


def image_counts(rng: np.random.Generator, images: int, shares: np.ndarray) -> pd.DataFrame:
    """Return synthetic counts of one trial on one split: a row per image and class with tp, fp and fn.

    Args:
        shares: class → share of the images that hold it. Object sizes are log-normal, each object is found to a share
            of its own (mean 0.7), and some images predict a class that is not there.
    """
    size = (images, len(shares))
    present = rng.random(size) < shares
    truth = np.where(present, rng.lognormal(6, 1, size), 0).round()
    true_positives = (truth * rng.beta(7, 3, size)).round()
    false_positives = np.where(present | (rng.random(size) < 0.05 * shares), rng.lognormal(4, 1, size), 0).round()
    index = pd.MultiIndex.from_product([range(images), [f"class{i}" for i in range(len(shares))]])
    counts = {"tp": true_positives.ravel(), "fp": false_positives.ravel(), "fn": (truth - true_positives).ravel()}
    return pd.DataFrame(counts, index=index.set_names(["image", "class"])).reset_index()
