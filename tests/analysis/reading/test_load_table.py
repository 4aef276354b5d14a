"""Any table of runs as a study: roles, repeats and copies, missing scores, and every refusal in a sentence."""

import numpy as np
import pandas as pd
import pytest

from analysis import compare, load_table
from analysis.study.comparisons import compare_treatments
from analysis.study.leaderboard import leaderboard, objective_name

RUNS = pd.DataFrame(
    {
        "loss": ["ce", "ce", "focal", "focal"],
        "seed": [0, 1, 0, 1],
        "test_mIoU": [0.50, 0.52, 0.55, 0.58],
        "val": [0.61, 0.60, 0.64, 0.66],
        "road": [0.9, 0.9, 0.9, 0.9],
        "car": [0.1, 0.14, np.nan, 0.26],
        "note": ["x", "y", "z", "w"],
    }
)
ROLES = {"configuration": "loss", "block": "seed", "score": "test_mIoU"}


def test_a_file_and_a_table_are_read_alike(tmp_path):
    RUNS.to_csv(tmp_path / "runs.csv", index=False)
    of_file, of_table = load_table(tmp_path / "runs.csv", **ROLES), load_table(RUNS, study="runs", **ROLES)
    assert of_file.study == "runs"
    for name in ("trials", "classes", "left_out"):
        pd.testing.assert_frame_equal(getattr(of_file, name), getattr(of_table, name))


def test_a_run_is_a_trial():
    tables = load_table(RUNS, **ROLES)
    assert tables.trials[["trial", "status", "objective"]].to_numpy().tolist() == [
        ["1", "complete", 0.50],
        ["2", "complete", 0.52],
        ["3", "complete", 0.55],
        ["4", "complete", 0.58],
    ]
    assert (tables.parameters, tables.block) == (("loss",), ("seed",))
    assert tables.trials["seed"].tolist() == [0, 1, 0, 1]
    assert tables.trials["fold"].isna().all()
    assert "note" not in tables.trials
    assert [len(table) for table in (tables.classes, tables.images, tables.curves)] == [0, 0, 0]


def test_configurations_have_a_hash_that_does_not_depend_on_the_order():
    runs = RUNS.assign(flip=True)
    one = load_table(runs, configuration=["loss", "flip"], block="seed", score="val").trials["config_hash"]
    two = load_table(runs[::-1], configuration=["flip", "loss"], block="seed", score="val").trials["config_hash"]
    assert one.nunique() == 2
    assert one.tolist() == two.tolist()[::-1]


def test_with_a_validation_the_score_is_of_the_test_split():
    tables = load_table(RUNS, **ROLES, validation="val", classes=["road", "car"], rare="car")
    assert tables.score_on_test
    assert tables.trials["objective"].tolist() == RUNS["val"].tolist()
    assert tables.trials[f"test_{objective_name(tables)}"].tolist() == RUNS["test_mIoU"].tolist()
    np.testing.assert_allclose(tables.trials["test_rare_iou"], RUNS["car"])
    assert set(tables.classes["split"]) == {"test"}


def test_without_one_it_is_the_objective_of_the_validation():
    tables = load_table(RUNS, configuration="loss", score="val", classes=["road", "car"])
    assert (objective_name(tables), tables.block, tables.score_on_test) == ("val", (), False)
    assert tables.trials["val_val"].tolist() == tables.trials["objective"].tolist() == RUNS["val"].tolist()
    np.testing.assert_allclose(tables.trials["val_miou"], [0.5, 0.52, 0.9, 0.58])  # an absent class has no part


def test_classes_have_an_iou_and_no_counts():
    classes = load_table(RUNS, **ROLES, classes=["road", "car"], rare=["car"]).classes
    assert classes[["trial", "class", "iou"]].iloc[:2].to_numpy().tolist() == [["1", "road", 0.9], ["1", "car", 0.1]]
    assert classes["rare"].tolist() == [False, True] * 4
    assert classes[["tp", "fp", "fn", "tn", "train_images", "train_pixels"]].isna().all(axis=None)


def test_configurations_are_compared_in_their_blocks():
    (question,) = compare_treatments(load_table(RUNS, **ROLES))
    (row,) = question.rows.to_dict("records")
    assert (row["a"], row["b"], row["n"]) == ("ce", "focal", 2)
    assert row["difference"] == pytest.approx((0.05 + 0.06) / 2)


def test_repeats_stay_and_copies_do_not():
    repeat = RUNS.iloc[[0]].assign(test_mIoU=0.51)
    tables = load_table(pd.concat([RUNS, RUNS.iloc[[1]], repeat]), **ROLES)
    assert tables.trials["trial"].tolist() == ["1", "2", "3", "4", "6"]
    assert tables.left_out[["trial", "file"]].to_numpy().tolist() == [["5", "table"]]
    assert "what run 2 says in every column" in tables.left_out["reason"].iloc[0]


def test_a_run_without_a_score_has_failed():
    runs = RUNS.assign(test_mIoU=["0.5", "n/a!", None, "inf"])
    tables = load_table(runs, **ROLES, classes="road")
    assert tables.trials["status"].tolist() == ["complete", "failed", "failed", "failed"]
    assert tables.left_out["reason"].tolist() == [
        "no score: it must be a finite number, but is 'n/a!'",
        "no score",
        "no score: it must be a finite number, but is 'inf'",
    ]
    assert set(tables.classes["trial"]) == {"1"}
    assert len(leaderboard(tables)) == 1


def test_a_run_in_no_block_is_left_out():
    tables = load_table(RUNS.assign(seed=[0, None, 0, 1]), **ROLES)
    assert tables.trials["trial"].tolist() == ["1", "3", "4"]
    assert tables.left_out["reason"].tolist() == ["it has no value in seed: it belongs to no block"]


def test_runs_can_have_names():
    tables = load_table(RUNS, **ROLES, trial="note")
    assert tables.trials["trial"].tolist() == ["x", "y", "z", "w"]
    with pytest.raises(ValueError, match="'x' comes again"):
        load_table(RUNS.assign(note="x"), **ROLES, trial="note")
    with pytest.raises(ValueError, match="but 4 have none"):
        load_table(RUNS.assign(note=None), **ROLES, trial="note")


def test_a_default_can_be_named():
    assert load_table(RUNS, **ROLES, default={"loss": "ce"}).default == {"loss": "ce"}
    with pytest.raises(ValueError, match=r"default must give columns of the configuration \['loss'\]"):
        load_table(RUNS, **ROLES, default={"sampling": "none"})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"score": "test_miou"}, "lacks test_miou: the nearest are test_mIoU"),
        ({"score": "zzz"}, "lacks zzz: it has loss, seed, test_mIoU"),
        ({"score": "note"}, "column 'note' of table must hold numbers"),
        ({"configuration": []}, "configuration must name at least one column"),
        ({"block": ["seed", "loss"]}, "must have one role, but loss has more"),
        ({"classes": "note"}, r"column 'note' of table must hold an IoU, 0 to 1, but holds 'x' for run 1"),
        ({"classes": "percent"}, r"must hold an IoU, 0 to 1, but holds 52\.0 for run 1"),
        ({"classes": "road", "rare": "car"}, r"rare must name some of the classes \['road'\], but names \['car'\]"),
        ({"block": "status"}, "no configuration or block may be called 'status'"),
    ],
)
def test_roles_that_cannot_be_are_refused(how, message):
    runs = RUNS.assign(percent=52.0, status="ok")
    with pytest.raises(ValueError, match=message):
        load_table(runs, **(ROLES | how))


@pytest.mark.parametrize(("content", "message"), [("", "must be a CSV file"), ("loss,seed,test_mIoU\n", "has none")])
def test_an_empty_file_is_refused(tmp_path, content, message):
    (tmp_path / "runs.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_table(tmp_path / "runs.csv", **ROLES)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*runs\.csv"):
        load_table(tmp_path / "runs.csv", **ROLES)


def test_a_column_may_be_called_as_one_that_records_have():
    tables = load_table(
        RUNS.rename(columns={"loss": "split", "seed": "dataset"}), configuration="split", block="dataset", score="val"
    )
    assert tables.trials["split"].tolist() == ["ce", "ce", "focal", "focal"]
    assert tables.trials["dataset"].tolist() == [0, 1, 0, 1]


def test_none_means_that_none_are_given():
    given = load_table(RUNS, **(ROLES | {"block": None}), classes=None, rare=None)
    absent = load_table(RUNS, configuration="loss", score="test_mIoU")
    assert given.block == ()
    pd.testing.assert_frame_equal(given.trials, absent.trials)


def test_what_looks_like_a_missing_value_is_a_level_in_a_file(tmp_path):
    (tmp_path / "runs.csv").write_text(
        "weights,fold,m\nNone,NA,.1\nnull,NA,.2\nNA,NA,.3\nce,NA,.4\nNone,1,.2\nnull,1,.3\nNA,1,.4\nce,1,.5\n"
    )
    tables = load_table(tmp_path / "runs.csv", configuration="weights", block="fold", score="m")
    assert tables.trials["weights"].tolist() == ["None", "null", "NA", "ce"] * 2
    assert tables.trials["fold"].tolist() == ["NA"] * 4 + [1] * 4
    assert len(tables.left_out) == 0
    rows = compare(tables.trials, treatment="weights", block="fold", score="objective")
    assert (len(rows), set(rows["n"])) == (6, {2})


def test_a_text_among_numbers_leaves_them_numbers(tmp_path):
    (tmp_path / "runs.csv").write_text("gamma,flip,m\nNone,True,.1\n1,None,.2\n2,False,.3\nnan,True,.4\n")
    tables = load_table(tmp_path / "runs.csv", configuration=["gamma", "flip"], score="m")
    assert tables.trials["gamma"].tolist()[:3] == ["None", 1, 2]
    assert pd.isna(tables.trials["gamma"].iloc[3])  # a number that is none
    assert tables.trials["flip"].tolist() == [True, "None", False, True]


def test_scores_in_a_file_may_be_missing_in_any_spelling(tmp_path):
    (tmp_path / "runs.csv").write_text("loss,m\nce,NA\nce,0.5\n")
    tables = load_table(tmp_path / "runs.csv", configuration="loss", score="m")
    assert tables.trials["status"].tolist() == ["failed", "complete"]


@pytest.mark.parametrize("as_file", [True, False])
def test_an_empty_level_is_noted(tmp_path, as_file):
    runs = RUNS.assign(gamma=[np.nan, np.nan, 1.0, 2.0])
    runs.to_csv(tmp_path / "runs.csv", index=False)
    given = tmp_path / "runs.csv" if as_file else runs
    tables = load_table(given, configuration=["loss", "gamma"], block="seed", score="val")
    assert len(tables.trials) == 4
    assert tables.left_out["trial"].tolist() == [""]
    assert tables.left_out["reason"].tolist() == ["gamma is empty in 2 of 4 runs: they are no level of it"]


def write(folder, *lines: str):
    (folder / "runs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "runs.csv"


LOSS_BY_SEED = {"configuration": "loss", "block": "seed", "score": "miou"}


def test_blanks_around_names_and_values_mean_nothing(tmp_path):
    plain = load_table(
        write(tmp_path, "loss,seed,miou", "ce,0,0.5", "ce,1,0.4", "dice,0,0.6", "dice,1,0.5"), **LOSS_BY_SEED
    )
    blanks = write(tmp_path, " loss ,seed\t,miou ", "ce ,0,0.5", "ce,1 ,0.4 ", " dice,0, 0.6", "dice\u00a0,1,0.5")
    pd.testing.assert_frame_equal(load_table(blanks, **LOSS_BY_SEED).trials, plain.trials)
    table = pd.DataFrame({"loss ": ["ce ", "ce", " dice", "dice"], "seed": [0, 1, 0, 1], "miou": [0.5, 0.4, 0.6, 0.5]})
    assert load_table(table, **LOSS_BY_SEED).trials["loss"].tolist() == ["ce", "ce", "dice", "dice"]


def test_a_value_of_blanks_is_missing(tmp_path):
    tables = load_table(write(tmp_path, "loss,seed,miou", "ce,0,0.5", "  ,1,0.4", "ce,1,0.4"), **LOSS_BY_SEED)
    assert tables.trials["loss"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("header", ["loss,seed,miou,miou", "loss,seed,miou,miou "])
def test_a_column_that_is_there_twice(tmp_path, header):
    file = write(tmp_path, header, "ce,0,0.5,0.25", "dice,0,0.6,0.3")
    with pytest.raises(ValueError, match=r"a column must be in runs\.csv once, but 'miou' is 2 times: rename"):
        load_table(file, **LOSS_BY_SEED)
    free = write(tmp_path, "loss,seed,miou,note,note", "ce,0,0.5,a,b", "dice,0,0.6,c,d", "dice,0,0.6,c,d")
    assert load_table(free, **LOSS_BY_SEED).trials["objective"].tolist() == [0.5, 0.6]


def test_decimal_commas_are_quoted_in_the_error(tmp_path):
    quoted = write(tmp_path, "loss,seed,miou", 'ce,0,"0,5035"', 'dice,0,"0,5146"')
    with pytest.raises(ValueError, match=r"'miou' of runs\.csv must hold numbers, but holds '0,5035' for run 1: "):
        load_table(quoted, **LOSS_BY_SEED)
    bare = write(tmp_path, "loss,seed,miou", "ce,0,0,5035", "dice,0,0,5146")
    with pytest.raises(ValueError, match=r"must have the 3 values of its header, but a row has 4: write decimals with"):
        load_table(bare, **LOSS_BY_SEED)
    semicolons = write(tmp_path, "loss;seed;miou", "ce;0;0,5035", "dice;0;0,5146")
    with pytest.raises(ValueError, match=r"must have commas between its columns, but its header is 'loss;seed;miou'"):
        load_table(semicolons, **LOSS_BY_SEED)


@pytest.mark.parametrize("word", ["mean", "Average", "AVG", "avg.", "std", "Std. Dev.", "mean ± std", "Mittelwert"])
def test_a_row_that_sums_up_others_is_no_run(tmp_path, word):
    runs = ["loss,seed,miou", "ce,0,0.5", "ce,1,0.4", "dice,0,0.6", "dice,1,0.5"]
    plain = load_table(write(tmp_path, *runs), **LOSS_BY_SEED)
    summed = load_table(write(tmp_path, *runs, f"ce,{word},0.45", f"dice,{word},0.55"), **LOSS_BY_SEED)
    pd.testing.assert_frame_equal(summed.trials, plain.trials)
    assert summed.left_out["reason"].tolist() == [f"its seed is {word!r}: it sums up other runs, and is none"] * 2


def test_blocks_and_levels_that_only_sound_like_sums_stay(tmp_path):
    lines = ["pooling,data,miou", "mean,street,0.5", "max,street,0.4", "mean,meander,0.6", "max,meander,0.5"]
    tables = load_table(write(tmp_path, *lines), configuration="pooling", block="data", score="miou")
    assert tables.trials["pooling"].tolist() == ["mean", "max"] * 2
    assert len(tables.left_out) == 0
