"""Confusion matrices as one table."""

import numpy as np

from analysis import load_study
from rarepix.record_splits import SplitSums


def test_a_row_is_a_true_and_a_predicted_class(make, tmp_path):
    matrix = np.arange(25).reshape(5, 5)
    make.add(tmp_path / "s", make.record("a", sums={"val": SplitSums(confusion=matrix.tolist())}))
    make.add(tmp_path / "s", make.record("b"))  # schema 1, multilabel: it has none
    splits = {"val": SplitSums(confusion=(matrix + 100).tolist()), "test": SplitSums(confusion=matrix.T.tolist())}
    make.add(tmp_path / "s", make.record("c", sums=splits))
    table = load_study(tmp_path / "s").confusion
    assert table.columns.tolist() == ["trial", "split", "true", "predicted", "pixels"]
    assert len(table) == 75
    pixels = table.set_index(["trial", "split", "true", "predicted"])["pixels"]
    assert pixels["a", "val", "background", "road"] == 1
    assert pixels["a", "val", "bottle", "background"] == 20
    assert pixels["c", "val", "road", "person"] == 108
    assert pixels["c", "test", "road", "person"] == 16


def test_a_matrix_that_does_not_fit_the_classes_is_left_out(make, tmp_path):
    make.add(tmp_path / "s", make.record("a", sums={"val": SplitSums(confusion=((1, 2), (3, 4)))}))
    tables = load_study(tmp_path / "s")
    assert tables.confusion.empty
    assert "val_kappa" not in tables.trials
    must = "must have a row and a column for each of 5 classes, but has shape (2, 2)"
    assert tables.left_out["reason"].tolist() == [f"the confusion matrix of split 'val' {must}"]


def test_merged_studies_keep_their_matrices(make, tmp_path):
    for study in ("one", "two"):
        sums = {"val": SplitSums(confusion=np.eye(5, dtype=int).tolist())}
        make.add(tmp_path / study, make.record("a", sums=sums))
    table = load_study([tmp_path / "one", tmp_path / "two"]).confusion
    assert table.groupby("trial", observed=True)["pixels"].sum().to_dict() == {"one/a": 5, "two/a": 5}
