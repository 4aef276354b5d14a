"""Curves over thresholds: what is found in the images with foreground against what is found on empty images.

Of the images: sensitivity against the share of empty images with a false alarm. Of the pixels: the mean share of an
image's foreground that is found against the mean share of an empty image that is. Each has intervals over the images.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rarepix.metrics import curves as bins
from rarepix.metrics.intervals import mean_interval, rate_interval
from rarepix.record_splits import ImageCurve, PixelCurve, SplitCurves

CURVE_IMAGES, CURVE_PIXELS = "curve_images", "curve_pixels"
"""Names of the tables."""
DIGITS = 4
"""Significant digits of means and their intervals in a record; thresholds have ``THRESHOLD_DIGITS``."""
THRESHOLD_DIGITS = 6


def split_curves(sums: Mapping[str, np.ndarray]) -> SplitCurves | None:
    """Return the curves of a split from the sums of its images, see ``metrics.curves.curve_sums``.

    None without such sums, and where no image is empty or none has foreground: there is nothing to compare then.
    """
    of_pixels, of_presence = (None if name not in sums else _above(sums[name]) for name in (bins.PIXELS, bins.PRESENCE))
    given = {"presence": of_presence, "pixels": of_pixels}
    given = {name: above for name, above in given.items() if above is not None}
    if not given:
        return None
    positive, empty = _kinds(next(iter(given.values())))
    if not positive.any() or not empty.any():
        return None
    return SplitCurves(
        threshold=_rounded(bins.thresholds(), THRESHOLD_DIGITS),
        positive=positive.sum(),
        empty=empty.sum(),
        images={name: _image_curve(above, positive, empty) for name, above in given.items()},
        pixels=None if of_pixels is None else _pixel_curve(of_pixels, positive, empty),
    )


def _above(histograms: np.ndarray) -> np.ndarray:
    """Return how much is in and above each bin, N BINS 2: in all (bin 0), then above each threshold."""
    return histograms[:, ::-1].cumsum(axis=1)[:, ::-1]


def _kinds(above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which images have foreground and which are empty, both N bool; one that is wholly ignored is neither."""
    without, with_foreground = above[:, 0].T
    return with_foreground > 0, (with_foreground == 0) & (without > 0)


def _image_curve(above: np.ndarray, positive: np.ndarray, empty: np.ndarray) -> ImageCurve:
    found = above[:, 1:].sum(axis=2) > 0
    return ImageCurve(found=found[positive].sum(axis=0).tolist(), alarms=found[empty].sum(axis=0).tolist())


def _pixel_curve(above: np.ndarray, positive: np.ndarray, empty: np.ndarray) -> PixelCurve:
    recall = above[positive, 1:, 1] / above[positive, :1, 1]
    area = above[empty, 1:, 0] / above[empty, :1, 0]
    columns = {}
    for name, values in (("recall", recall), ("area", area)):
        low, high = mean_interval(values)
        columns |= {name: values.mean(axis=0), f"{name}_low": low, f"{name}_high": high}
    return PixelCurve(**{name: _rounded(values, DIGITS) for name, values in columns.items()})


def _rounded(values: np.ndarray, digits: int) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(f"{value:.{digits}g}") for value in values)


def curve_tables(curves: SplitCurves) -> dict[str, pd.DataFrame]:
    """Return the tables ``curve_images`` and, of a network with masks, ``curve_pixels``.

    ``curve_images``: of (presence or pixels), threshold, positive and found, sensitivity with low and high, empty and
    alarms, false_alarms (per empty image) with low and high. ``curve_pixels``: threshold, recall and area with low and
    high each. Intervals are of 95 %: exact for rates, by bootstrap over the images for means, NaN where too few differ.
    """
    tables = {CURVE_IMAGES: pd.concat([_image_table(name, curves) for name in curves.images], ignore_index=True)}
    if curves.pixels is not None:
        columns = curves.pixels.model_dump()
        tables[CURVE_PIXELS] = pd.DataFrame({"threshold": curves.threshold} | columns, dtype=float)
    return tables


def _image_table(name: str, curves: SplitCurves) -> pd.DataFrame:
    columns = {"of": name, "threshold": curves.threshold}
    for count, total, rate in (("found", "positive", "sensitivity"), ("alarms", "empty", "false_alarms")):
        number, images = np.array(getattr(curves.images[name], count)), getattr(curves, total)
        low, high = rate_interval(number, images)
        columns |= {total: images, count: number, rate: number / images, f"{rate}_low": low, f"{rate}_high": high}
    return pd.DataFrame(columns)
