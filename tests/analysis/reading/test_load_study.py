"""What a study's folder becomes as tables."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import load_study
from rarepix.record_splits import ClassCounts
from rarepix.records import Status


def test_every_status_has_its_row(tables):
    counts = tables.trials["status"].value_counts().to_dict()
    assert counts == {"complete": 8, "failed": 1, "stopped": 1, "running": 1}


def test_nested_choices_become_dotted_columns(tables):
    assert set(tables.parameters) == {"optim.lr", "sampling.kind", "loss.name", "loss.gamma", "augment.flip"}
    focal = tables.trials["loss.name"] == "focal"
    assert tables.trials.loc[focal, "loss.gamma"].notna().all()
    assert tables.trials.loc[~focal, "loss.gamma"].isna().all()


def test_blocks_are_columns_and_no_parameters(tables):
    assert {"seed", "data.fold"}.isdisjoint(tables.parameters)
    assert tables.trials[["seed", "fold"]].dtypes.map(pd.api.types.is_integer_dtype).all()


def test_scores_are_derived_from_counts(make, tmp_path):
    counts = {
        "a": ClassCounts(tp=6, fp=2, fn=2, tn=90),  # 6 / 10
        "b": ClassCounts(tp=1, fp=2, fn=2, tn=95),  # 1 / 5
        "c": ClassCounts(tp=0, fp=0, fn=0, tn=100),  # absent
    }
    make.add(tmp_path / "s", make.record("t", counts={"val": counts}, dataset=None, status=Status.STOPPED))
    tables = load_study(tmp_path / "s")
    row = tables.trials.iloc[0]
    assert row["val_miou"] == pytest.approx(0.4)
    assert row["val_worst_iou"] == pytest.approx(0.2)
    assert np.isnan(row["val_rare_iou"])  # no data set in the record: nothing is known to be rare
    np.testing.assert_allclose(tables.classes["iou"], [0.6, 0.2, np.nan])


def test_counts_stay_integers(tables):
    for table in (tables.classes, tables.images):
        assert all(pd.api.types.is_integer_dtype(table[name]) for name in ("tp", "fp", "fn", "tn"))


def test_absent_class_is_nan_and_present_ones_are_not(tables):
    absent = tables.classes["iou"].isna()
    assert set(tables.classes.loc[absent, "trial"]) == {"t001"}
    assert set(tables.classes.loc[absent, "class"]) == {"bottle"}


def test_train_share_comes_from_the_data_set(tables):
    bottle = tables.classes[tables.classes["class"] == "bottle"].iloc[0]
    assert (bottle["train_pixels"], bottle["train_images"]) == (4000, 13)
    assert bottle["train_proportion"] == pytest.approx(0.001)
    assert bottle["rare"]


def test_left_out_says_which_file_and_why(tables):
    reasons = tables.left_out.set_index("trial")["reason"]
    assert set(reasons.index) == {"cut1", "newer1", "nothing1"}
    assert "whole record" in reasons["cut1"]
    assert "schema" in reasons["newer1"]
    assert "99" in reasons["newer1"]
    assert reasons["nothing1"] == "no record was written"


def test_attempts_are_kept_apart(tables):
    curve = tables.curves[tables.curves["trial"] == "t000"]
    assert set(curve["attempt"]) == {1, 2}
    assert curve.loc[curve["attempt"] == 1, "epoch"].max() == 6
    assert curve.loc[curve["attempt"] == 2, "epoch"].min() == 5


@pytest.mark.parametrize(("name", "text"), [("history.csv", "lr,loss\n1,2\n"), ("images.parquet", "not parquet")])
def test_an_unreadable_side_file_costs_only_itself(new_study, name, text):
    study = new_study(trials=2, broken=False)
    (study / "trials" / "t000" / name).write_text(text)
    tables = load_study(study)
    assert len(tables.trials) == 2
    assert tables.left_out[["trial", "file"]].to_numpy().tolist() == [["t000", name]]
    assert set((tables.curves if name == "history.csv" else tables.images)["trial"]) == {"t001"}


def test_images_add_up_by_class(tables):
    pooled = tables.images.groupby(["trial", "split", "class"])["tp"].sum()
    assert len(pooled) == 8 * 2 * 5
    assert tables.images["image"].nunique() == 2


def test_a_study_without_any_record_is_empty_tables(tmp_path):
    (tmp_path / "s" / "trials").mkdir(parents=True)
    tables = load_study(tmp_path / "s")
    assert [len(table) for table in tables[:5]] == [0, 0, 0, 0, 0]
    assert "objective" in tables.trials


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a folder with trials"):
        load_study(tmp_path)


def test_a_null_parameter_is_not_a_missing_one(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", parameters={"model.weights": None, "crop.size": [64, 32]}))
    row = load_study(tmp_path / "s").trials.iloc[0]
    assert (row["model.weights"], row["crop.size"]) == ("null", "[64, 32]")


def test_where_a_trial_ran_is_no_parameter(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", parameters={"engine.device": "cpu", "optim.lr": 0.1}))
    assert load_study(tmp_path / "s").parameters == ("optim.lr",)


def test_a_trial_is_named_after_its_folder(make, tmp_path):
    folder = make.add(tmp_path / "s", make.record("t"))
    folder.rename(folder.with_name("moved"))
    record = json.loads((folder.with_name("moved") / "record.json").read_text())
    tables = load_study(tmp_path / "s")
    assert record["trial"] == "t"
    assert set(tables.trials["trial"]) == set(tables.classes["trial"]) == {"moved"}
