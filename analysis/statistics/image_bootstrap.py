"""Bootstrap interval of the dataset-level IoU of one trial, over its images.

The counts of all images are pooled before the ratio is taken, so that one large object weighs more than many small
ones; which images happened to be in the split therefore matters, most for classes in few images. Whole images with all
their classes are resampled. The interval is about other images of the same kind under the *same* trained model: it does
not include training noise, which blocks measure.

The pooled IoU is a mean over images, weighted by their unions. A few large objects can outweigh all others, and
resampling then understates the spread as it does for few values. The percentiles are therefore expanded (Hesterberg
2015, see ``bootstrap``) for Kish's effective number of images, (sum of unions)² / sum of squared unions (Kish 1965);
for the mean over classes, for the degrees of freedom of Welch and Satterthwaite. BCa is not used here: the acceleration
of a ratio of heavy-tailed counts is itself so unsure that its intervals cover less.
"""

import numpy as np
import pandas as pd
from scipy import special

from analysis.statistics.bootstrap import draw_counts, expanded_z
from rarepix.scores import ratio

MEAN = "mean IoU"
RESAMPLES = 4_999
AT_ONCE = 10_000_000
"""Images times resamples that are held at once: 80 MB."""
LEAST_IMAGES = 5
"""A class in fewer images, or effectively fewer, has no interval: with four, 2 % of all resamples hold none of them."""
COLUMNS = ["class", "iou", "low", "high", "images", "effective_images", "n"]


def dataset_iou_interval(
    images: pd.DataFrame, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return one row per class and one for the mean over classes: pooled IoU with its bootstrap interval over images.

    Args:
        images: one trial and one split of ``Tables.images``: a row per image and class with tp, fp and fn.
        seed: of the resamples.

    Returns:
        ``class`` (the last one is ``mean IoU``, over the classes that are present), ``iou``, ``low``, ``high``,
        ``images`` that hold or predict the class, ``effective_images`` (how many of equal weight would say as much) and
        ``n`` images in all. A class in no image has NaN; one in fewer than five images, or effectively fewer, has no
        interval. The mean has none if a class lies in fewer than five images.

    Raises:
        ValueError: columns are missing, there is more than one trial or split, or an image has a class twice.
    """
    shared, union, classes = _pivot(images)
    n, images_with_class = len(union), (union > 0).sum(axis=0)
    value = ratio(shared.sum(axis=0), union.sum(axis=0))
    ious = _resampled_ious(shared, union, resamples, np.random.default_rng([seed, n]))
    effective = np.where(images_with_class > 0, union.sum(axis=0) ** 2 / np.maximum((union**2).sum(axis=0), 1), 0.0)
    rows = [
        [
            name,
            value[i],
            *_ends(ious[:, i], effective[i], confidence),
            int(images_with_class[i]),
            float(effective[i]),
            n,
        ]
        for i, name in enumerate(classes)
    ]
    present = images_with_class > 0
    mean, of_mean, ends = float("nan"), 0.0, _NO_ENDS
    if present.any():
        mean, of_mean = float(np.mean(value[present])), _effective(ious[:, present], effective[present])
        if images_with_class[present].min() >= LEAST_IMAGES:
            ends = _ends(_mean(ious[:, present]), of_mean, confidence)
    return pd.DataFrame([*rows, [MEAN, mean, *ends, n, of_mean, n]], columns=COLUMNS)


_NO_ENDS = (float("nan"), float("nan"))


def _pivot(images: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list]:
    """Return intersection and union, images × classes, and the classes in the order of the table."""
    needed = ["image", "class", "tp", "fp", "fn"]
    missing = [name for name in needed if name not in images]
    if missing:
        raise ValueError(f"image counts must have the columns {needed}, but lack {missing}: they have {list(images)}")
    for name in ("trial", "split"):
        if name in images and images[name].nunique() > 1:
            raise ValueError(f"images must be of one {name}, but are of {list(images[name].unique())}: choose one")
    if images.duplicated(["image", "class"]).any():
        twice = images.loc[images.duplicated(["image", "class"]), ["image", "class"]].iloc[0].tolist()
        raise ValueError(f"each image must have each class once, but {twice} is there twice")
    if images.empty:
        raise ValueError("there must be an image at least, but the table is empty: the trial kept no image counts")
    classes = list(images["class"].unique())
    counts = images.assign(union=images["tp"] + images["fp"] + images["fn"])
    wide = counts.pivot(index="image", columns="class", values=["tp", "union"]).fillna(0)
    return wide["tp"][classes].to_numpy(float), wide["union"][classes].to_numpy(float), classes


def _resampled_ious(shared: np.ndarray, union: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return the IoU of each class in each resample, resamples × classes; drawn in pieces that fit into memory."""
    n, at_once, ious = len(union), max(1, AT_ONCE // len(union)), []
    for begun in range(0, resamples, at_once):
        weights = draw_counts(n, min(at_once, resamples - begun), rng).astype(float)
        ious.append(ratio(weights @ shared, weights @ union))
    return np.concatenate(ious)


def _mean(ious: np.ndarray) -> np.ndarray:
    """Return the mean over the classes of each resample that are in it; no class in it: NaN."""
    present = ~np.isnan(ious)
    return ratio(np.where(present, ious, 0).sum(axis=1), present.sum(axis=1).astype(float))


def _effective(resampled_ious: np.ndarray, effective: np.ndarray) -> float:
    """Return the effective number of images of the mean over classes: Welch and Satterthwaite's freedom, plus one."""
    variances = np.nanvar(resampled_ious, axis=0)
    shares = variances**2 / np.maximum(effective - 1, 1e-9)
    return float(variances.sum() ** 2 / shares.sum()) + 1 if shares.sum() > 0 else float(effective.min())


def _ends(resampled_ious: np.ndarray, effective: float, confidence: float) -> tuple[float, float]:
    if effective < LEAST_IMAGES:
        return _NO_ENDS
    tail = float(special.ndtr(-expanded_z(effective - 1, confidence)))
    return tuple(map(float, np.nanquantile(resampled_ious, [tail, 1 - tail])))
