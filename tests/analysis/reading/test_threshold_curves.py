"""The curves of records as one table."""

import numpy as np

from analysis import load_study
from rarepix.record_splits import ImageCurve, PixelCurve, SplitCurves

THREE = (0.1, 0.5, 0.9)
PIXELS = PixelCurve(
    recall=(0.9, 0.5, 0.1), recall_low=(0.8, 0.4, None), recall_high=(1.0, 0.6, None),
    area=(0.5, 0.01, 0.0), area_low=(0.4, None, None), area_high=(0.6, None, None),
)  # fmt: skip
BY_PIXELS, BY_HEAD = ImageCurve(found=(4, 3, 1), alarms=(6, 2, 0)), ImageCurve(found=(4, 4, 2), alarms=(5, 1, 0))


def curves(**images: ImageCurve) -> SplitCurves:
    pixels = PIXELS if "pixels" in images else None
    return SplitCurves(threshold=THREE, positive=4, empty=6, images=images, pixels=pixels)


def test_a_row_is_a_trial_a_split_and_a_threshold(make, tmp_path):
    given = {
        "a": {"val": curves(pixels=BY_PIXELS), "test": curves(pixels=BY_PIXELS)},
        "head": {"val": curves(presence=BY_HEAD, pixels=BY_PIXELS)},
        "classifier": {"val": curves(presence=BY_HEAD)},
        "none": {},
    }
    for name, splits in given.items():
        make.add(tmp_path / "s", make.record(name, curves=splits))
    table = load_study(tmp_path / "s").threshold_curves
    assert table.groupby(["trial", "split"]).size().to_dict() == {
        ("a", "test"): 3, ("a", "val"): 3, ("head", "val"): 3, ("classifier", "val"): 3,
    }  # fmt: skip
    rows = table.set_index(["trial", "split", "threshold"])
    assert rows.loc[("a", "val", 0.5), ["positive", "empty", "found", "alarms"]].tolist() == [4, 6, 3, 2]
    assert rows.loc[("a", "val", 0.1), ["recall", "recall_low", "recall_high", "area"]].tolist() == [0.9, 0.8, 1, 0.5]
    assert np.isnan(rows.loc[("a", "val", 0.9), "recall_low"])
    assert rows.loc[("head", "val", 0.5), ["found", "alarms"]].tolist() == [4, 1]  # of the presence head
    assert rows.loc[("head", "val", 0.5), "recall"] == 0.5
    assert rows.loc[("classifier", "val", 0.5), ["found", "alarms"]].tolist() == [4, 1]
    assert table.loc[table["trial"] == "classifier", ["recall", "area"]].isna().all(axis=None)


def test_a_study_without_empty_images_has_none(tables):
    assert tables.threshold_curves.empty


def test_merged_studies_keep_their_curves(make, tmp_path):
    for study in ("one", "two"):
        make.add(tmp_path / study, make.record("a", curves={"val": curves(pixels=BY_PIXELS)}))
    table = load_study([tmp_path / "one", tmp_path / "two"]).threshold_curves
    assert table.groupby("trial").size().to_dict() == {"one/a": 3, "two/a": 3}
