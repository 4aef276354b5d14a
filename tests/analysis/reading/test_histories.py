"""Histories of all trials as one table: attempts apart, and what is wrong with one costs only that one."""

import csv
import io

import numpy as np
import pytest

from analysis.reading.histories import read_curves
from analysis.reading.tables import LeftOut

HEADER = "attempt,epoch,objective,miou\n"


def curves(tmp_path, **texts: str):
    places = []
    for trial, text in texts.items():
        (tmp_path / trial).mkdir()
        (tmp_path / trial / "history.csv").write_text(text)
        places.append((tmp_path / trial, trial))
    left_out = LeftOut()
    return read_curves(places, left_out), left_out.table()


def test_histories_with_other_columns_stand_below_each_other(tmp_path):
    table, left_out = curves(tmp_path, a=HEADER + "1,1,0.5,0.5\n", b="attempt,epoch,objective,rare_iou\n2,3,0.25,0\n")
    assert table.columns.tolist() == ["trial", "attempt", "epoch", "objective", "miou", "rare_iou"]
    assert table[["trial", "attempt", "epoch", "objective"]].to_numpy().tolist() == [
        ["a", 1, 1, 0.5],
        ["b", 2, 3, 0.25],
    ]
    assert np.isnan(table["miou"].iloc[1])
    assert left_out.empty


def test_a_line_that_was_cut_off_is_left_out_alone(tmp_path):
    table, left_out = curves(tmp_path, a=HEADER + "1,1,0.5,0.5\n1,2,0.6")
    assert table["epoch"].tolist() == [1]
    assert left_out["reason"].tolist() == ["its last line was cut off: that validation is left out"]


def test_a_validation_without_an_objective_stays_and_is_told(tmp_path):
    table, left_out = curves(tmp_path, a=HEADER + "1,1,nan,0.5\n1,2,,0.6\n1,3,0.7,0.7\n")
    assert table["objective"].isna().tolist() == [True, True, False]
    assert left_out["reason"].tolist() == [
        "no objective at 2 of its validations (first: attempt 1, epoch 1): not drawn"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must have the columns attempt, epoch, objective, but has ''"),
        ("lr,loss\n1,2\n", "must have the columns attempt, epoch, objective, but has 'lr,loss'"),
        (HEADER + "1,1,0.5\n", "must have 4 columns, but one has not"),
        (HEADER + "1,1,good,0.5\n", "column 'objective' has something else"),
        (HEADER + "1,,0.5,0.5\n", "whole number as epoch"),
        (HEADER + "1.5,1,0.5,0.5\n", "whole number as attempt"),
        ("\x00\xff" * 40, "must have the columns"),
    ],
)
def test_what_is_no_history_costs_only_itself(tmp_path, text, reason):
    table, left_out = curves(tmp_path, whole=HEADER + "1,1,0.5,0.5\n", broken=text)
    assert table["trial"].tolist() == ["whole"]
    assert left_out["trial"].tolist() == ["broken"]
    assert reason in left_out["reason"].iloc[0]


def test_the_stage_is_the_one_column_of_texts(tmp_path):
    """A stage may be called by a number; a history of one training has no such column."""
    header = "attempt,epoch,stage,objective\n"
    texts = {"a": header + "1,1,coarse,0.5\n1,2,fine,0.6\n", "b": header + "1,1,1,0.5\n", "c": HEADER + "1,1,0.5,0.5\n"}
    table, left_out = curves(tmp_path, **texts, broken="attempt,epoch,objective,note\n1,1,0.5,good\n")
    assert table["stage"].tolist()[:3] == ["coarse", "fine", "1"]
    assert table["stage"].isna().tolist() == [False, False, False, True]
    assert left_out["trial"].tolist() == ["broken"]
    assert "column 'note' has something else" in left_out["reason"].iloc[0]


def test_no_history_is_an_empty_table(tmp_path):
    table, left_out = curves(tmp_path, begun=HEADER)
    assert table.empty
    assert table.columns.tolist() == ["trial", "attempt", "epoch", "objective"]
    assert left_out.empty


@pytest.mark.parametrize("name", ["door, double", 'the "door", double'])
def test_a_class_name_with_a_comma_is_one_column(tmp_path, name):
    """Written as trials write it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["attempt", "epoch", "objective", f"iou/{name}"], lineterminator="\n")
    writer.writeheader()
    writer.writerow({"attempt": 1, "epoch": 1, "objective": 0.5, f"iou/{name}": 0.25})
    table, left_out = curves(tmp_path, a=text.getvalue(), b=text.getvalue())
    assert left_out.empty
    assert table[f"iou/{name}"].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("row", ['1,1,"0.5,0.5\n', '1,1,0.5,"0.5\n1,2,0.5,0.5"\n'])
def test_a_quote_that_does_not_close_costs_only_its_file(tmp_path, row):
    whole = HEADER + "1,1,0.5,0.5\n"
    table, left_out = curves(tmp_path, a=whole, broken=HEADER + row, z=whole)
    assert table["trial"].tolist() == ["a", "z"]
    assert left_out["trial"].tolist() == ["broken"]
