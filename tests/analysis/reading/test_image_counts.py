"""Counts of images of all trials as one table."""

import pandas as pd

from analysis.reading.image_counts import read_images
from analysis.reading.tables import IMAGE_COLUMNS, LeftOut

ROWS = {"split": "val", "image": ["i0", "i1"], "class": "car", "tp": [1, 2], "fp": 0, "fn": 0, "tn": 7}


def images(tmp_path, **tables: pd.DataFrame | bytes):
    places = []
    for trial, table in tables.items():
        (tmp_path / trial).mkdir()
        file = tmp_path / trial / "images.parquet"
        file.write_bytes(table) if isinstance(table, bytes) else table.to_parquet(file)
        places.append((tmp_path / trial, trial))
    left_out = LeftOut()
    return read_images(places, left_out), left_out.table()


def test_names_of_different_files_meet_in_one_table(tmp_path):
    other = pd.DataFrame(ROWS | {"class": "bus", "image": ["i1", "i2"]}).astype({"class": "category"})
    table, left_out = images(tmp_path, a=pd.DataFrame(ROWS), b=other)
    assert table.columns.tolist() == IMAGE_COLUMNS
    assert table[["trial", "image", "class", "tp"]].to_numpy().tolist() == [
        ["a", "i0", "car", 1],
        ["a", "i1", "car", 2],
        ["b", "i1", "bus", 1],
        ["b", "i2", "bus", 2],
    ]
    assert left_out.empty


def test_what_cannot_be_read_costs_only_itself(tmp_path):
    whole = pd.DataFrame(ROWS)
    whole.to_parquet(tmp_path / "whole")
    cut = (tmp_path / "whole").read_bytes()[:-20]
    table, left_out = images(tmp_path, a=whole, cut=cut, none=b"", narrow=whole.drop(columns=["fp", "fn"]))
    assert set(table["trial"]) == {"a"}
    reasons = left_out.set_index("trial")["reason"]
    assert set(reasons.index) == {"cut", "none", "narrow"}
    assert "lacks the columns fn, fp" in reasons["narrow"]


def test_counts_that_are_no_integers_are_left_out(tmp_path):
    table, left_out = images(tmp_path, a=pd.DataFrame(ROWS | {"tp": [0.5, 1.0]}))
    assert table.empty
    assert left_out["trial"].tolist() == ["a"]
