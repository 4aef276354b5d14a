"""The curves of a split by hand, and those of a trial against the predictions of its checkpoint."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix import cli
from rarepix.evaluation.curves import curve_tables, split_curves
from rarepix.metrics.curves import BINS, COUNT, PIXELS, PRESENCE, thresholds
from rarepix.metrics.intervals import rate_interval
from rarepix.record_splits import SplitCurves

HALF = 32
"""Number of the threshold 0.5."""


def pixels(*images: list[tuple[int, int, int]]) -> np.ndarray:
    """Histograms of images, each a list of (bin, pixels of background, pixels of foreground)."""
    histograms = np.zeros((len(images), BINS, 2), int)
    for image, entries in enumerate(images):
        for number, background, foreground in entries:
            histograms[image, number] += [background, foreground]
    return histograms


BY_HAND = pixels(
    [(0, 90, 0), (20, 5, 2), (40, 0, 3)],  # foreground: 3 of 5 pixels are found at 0.5
    [(0, 99, 0), (10, 0, 1)],  # foreground: nothing is found at 0.5
    [(0, 95, 0), (50, 5, 0)],  # empty: 5 of 100 pixels are found at 0.5
    [(0, 100, 0)],  # empty: nothing is found at any threshold
    [],  # wholly ignored
)
HEAD = pixels([(40, 0, 1)], [(20, 0, 1)], [(33, 1, 0)], [(5, 1, 0)], [])


def test_curves_of_pixels_by_hand():
    curves = split_curves({PIXELS: BY_HAND})
    assert (curves.positive, curves.empty, len(curves.threshold)) == (2, 2, COUNT)
    assert curves.threshold[HALF] == 0.5
    of_pixels = curves.images["pixels"]
    assert (of_pixels.found[0], of_pixels.found[9], of_pixels.found[10], of_pixels.found[HALF]) == (2, 2, 1, 1)
    assert (of_pixels.found[39], of_pixels.found[40]) == (1, 0)
    assert (of_pixels.alarms[0], of_pixels.alarms[49], of_pixels.alarms[50]) == (1, 1, 0)
    assert [curves.pixels.recall[number] for number in (0, 10, 20, 40)] == [1, 0.5, 0.3, 0]
    assert [curves.pixels.area[number] for number in (0, 49, 50)] == [0.025, 0.025, 0]
    assert set(curves.pixels.recall_low) == {None}  # too few images differ


def test_a_false_alarm_in_an_image_with_foreground_is_not_a_miss():
    """Of the image only background is found: something is found in an image that holds something."""
    curves = split_curves({PIXELS: pixels([(0, 9, 1), (40, 1, 0)], [(0, 10, 0)])})
    assert (curves.images["pixels"].found[HALF], curves.pixels.recall[HALF]) == (1, 0)


def test_a_presence_head_has_a_curve_beside_that_of_the_pixels():
    curves = split_curves({PIXELS: BY_HAND, PRESENCE: HEAD})
    assert list(curves.images) == ["presence", "pixels"]
    assert (curves.images["presence"].found[HALF], curves.images["presence"].alarms[HALF]) == (1, 1)
    alone = split_curves({PRESENCE: HEAD})
    assert alone.pixels is None
    assert alone.images == {"presence": curves.images["presence"]}
    assert list(curve_tables(alone)) == ["curve_images"]


@pytest.mark.parametrize("kept", [[0, 1], [2, 3], [4], []], ids=["no empty", "no positive", "ignored", "no image"])
def test_a_split_without_empty_or_without_positive_images_has_no_curves(kept):
    assert split_curves({PIXELS: BY_HAND[kept]}) is None


def test_sums_of_pixels_alone_have_no_curves():
    assert split_curves({"pixels": np.zeros((1, 2, 4))}) is None


def test_tables_have_a_row_per_threshold_with_intervals():
    tables = curve_tables(split_curves({PIXELS: BY_HAND, PRESENCE: HEAD}))
    images, of_pixels = tables["curve_images"], tables["curve_pixels"]
    assert images.groupby("of").size().to_dict() == {"pixels": COUNT, "presence": COUNT}
    row = images[(images["of"] == "pixels") & (images["threshold"] == 0.5)].iloc[0]
    assert (row["positive"], row["found"], row["sensitivity"]) == (2, 1, 0.5)
    assert (row["empty"], row["alarms"], row["false_alarms"]) == (2, 1, 0.5)
    ends = tuple(map(float, rate_interval(1, 2)))
    assert (row["sensitivity_low"], row["sensitivity_high"]) == pytest.approx(ends)
    assert (row["false_alarms_low"], row["false_alarms_high"]) == pytest.approx(ends)
    assert of_pixels.columns.tolist() == [
        "threshold", "recall", "recall_low", "recall_high", "area", "area_low", "area_high",
    ]  # fmt: skip
    assert of_pixels["recall_low"].isna().all()


def test_means_have_intervals_where_enough_images_differ_and_are_rounded():
    random = np.random.default_rng(0)
    histograms = np.zeros((40, BINS, 2), int)
    for image in range(40):
        np.add.at(histograms[image, :, int(image < 20)], random.integers(1, BINS, 777), 1)
    curves = split_curves({PIXELS: histograms}).pixels
    for name in ("recall", "area"):
        value, low, high = (getattr(curves, f"{name}{end}")[HALF] for end in ("", "_low", "_high"))
        assert low < value < high
        assert all(float(f"{number:.4g}") == number for number in (value, low, high))


def test_the_record_has_the_curves_of_both_splits(finished, tiny_voc):
    masks = {file.stem: np.asarray(Image.open(file)) for file in (tiny_voc / "SegmentationClass").iterdir()}
    images = pd.read_parquet(finished.folder / "images.parquet").groupby("split")["image"].unique()
    assert set(finished.record.curves) == {"val", "test"}
    for split, curves in finished.record.curves.items():
        held = [((masks[name] != 0) & (masks[name] != 255)).any() for name in images[split]]
        assert (curves.positive, curves.empty) == (sum(held), len(held) - sum(held))
        assert list(curves.images) == ["pixels"]
        assert max(len(values) for values in curves.pixels.model_dump().values()) <= 64
        for of_images in curves.images.values():
            assert sorted(of_images.found, reverse=True) == list(of_images.found)
        assert sorted(curves.pixels.recall, reverse=True) == list(curves.pixels.recall)
    assert SplitCurves.model_validate_json(curves.model_dump_json()) == curves


def test_a_test_has_the_curves_of_the_record(finished, tmp_path, monkeypatch):
    """The validation part, tested again: tables, the same numbers, and a picture."""
    words = ["rarepix", "test", str(finished.folder), "--part", "val", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    curves = finished.record.curves["val"]
    images, of_pixels = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("curve_images", "curve_pixels"))
    assert images["threshold"].tolist() == pytest.approx(thresholds().tolist(), rel=1e-5)
    # another batch may move a probability over a threshold
    assert np.abs(images["found"] - list(curves.images["pixels"].found)).sum() <= 1
    np.testing.assert_allclose(of_pixels["area"], curves.pixels.area, atol=1e-3)
    np.testing.assert_allclose(of_pixels["recall"], curves.pixels.recall, atol=1e-3)
    of_images = pd.read_csv(tmp_path / "images.csv")
    foreground = of_images[of_images["class"] != "ground"]
    greatest = foreground.groupby("image")["greatest_probability"].max()
    has = foreground.groupby("image").apply(lambda rows: (rows["tp"] + rows["fn"]).sum() > 0, include_groups=False)
    expected = [(greatest[has] > value).sum() for value in thresholds()]
    assert np.abs(images["found"] - expected).sum() <= 1
    check_picture(tmp_path / "curves.png")


def check_picture(file: Path) -> None:
    with Image.open(file) as picture:
        assert min(picture.size) > 400
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20
