"""The tables of all scores, by hand."""

import numpy as np
import pytest

from rarepix.evaluation.score_files import class_table, group_table
from rarepix.scores import PIXEL_SCORES

NAN = float("nan")
NAMES = ("ground", "rare", "never")
COUNTS = {
    kind: np.array(values)
    for kind, values in {
        "tp": [[8, 1, 0], [5, 0, 0]],
        "fp": [[1, 0, 0], [0, 5, 0]],
        "fn": [[0, 1, 0], [5, 0, 0]],
        "tn": [[1, 8, 10], [0, 5, 10]],
    }.items()
}


def test_classes_by_hand():
    table = class_table(COUNTS, NAMES).set_index("class")
    assert table.index.tolist() == list(NAMES)
    assert table["images"].tolist() == [2, 1, 0]
    assert table[["tp", "fp", "fn", "tn"]].to_numpy().tolist() == [[13, 1, 5, 1], [1, 5, 1, 13], [0, 0, 0, 20]]
    assert table["iou"].tolist() == pytest.approx([13 / 19, 1 / 7, NAN], nan_ok=True)
    assert table["iou_per_image"].tolist() == pytest.approx([(8 / 9 + 0.5) / 2, (0.5 + 0) / 2, NAN], nan_ok=True)
    assert table["recall_per_image"].tolist() == pytest.approx([0.75, 0.5, NAN], nan_ok=True)
    assert {*PIXEL_SCORES, *(f"{score}_per_image" for score in PIXEL_SCORES)} < set(table.columns)


def test_groups_by_hand():
    table = group_table(COUNTS, NAMES, ("rare", "never")).set_index(["score", "images"])
    assert len(table) == 2 * len(PIXEL_SCORES)
    assert table.loc[("iou", "pooled")].to_dict() == pytest.approx(
        {"mean": (13 / 19 + 1 / 7) / 2, "rare": 1 / 7, "frequent": 13 / 19, "worst": 1 / 7, "absent": 1}
    )
    assert table.loc[("specificity", "per_image"), "absent"] == 0


def test_absent_classes_are_counted_whatever_the_policy():
    table = group_table(COUNTS, NAMES, (), absent="zero").set_index(["score", "images"])
    assert table.loc[("iou", "pooled"), "mean"] == pytest.approx((13 / 19 + 1 / 7) / 3)
    assert table.loc[("iou", "pooled"), "absent"] == 1
    assert class_table(COUNTS, NAMES, absent="one")["dice"].tolist()[-1] == 1.0
