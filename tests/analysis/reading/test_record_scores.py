"""Further columns of the trials table: the plan, its stages, and the scores that the sums of records give."""

import json

import numpy as np
import pytest

from analysis import load_study
from analysis.study.leaderboard import objective_label
from analysis.study.summary import best_sentence
from rarepix.record_splits import ANY_CLASS, ClassCounts, GatedSums, PresenceHistogram, SplitSums
from rarepix.records import Objective, Stage
from rarepix.scores import IMAGE_DICE_KINDS
from tests.analysis.empty_records import tuned

SCHEMA_1 = """{"schema": 1, "study": "old", "trial": "x", "attempt": 1, "resumed_from_epoch": null,
 "status": "complete", "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:10:00+00:00",
 "parameters": {"optim.lr": 0.01, "loss": {"_name": "focal", "gamma": 2.0}, "seed": 3, "data.fold": 1},
 "parameter_id": "0", "settings": {}, "config": {"recipe": "demo", "evaluate": {"objective": "miou"}},
 "config_hash": "abc", "block": {"seed": 3, "fold": 1},
 "dataset": {"name": "birds", "root": "$DATA", "inventory_hash": "12", "split": "random", "split_file": "s.csv",
  "classes": ["sky", "crow"], "rare": ["crow"], "thinned": 0, "images": {"train": 8, "val": 4},
  "pixels": {"train": 80, "val": 10}, "contents": {"train": {"crow": {"images": 2, "pixels": 8}}}},
 "versions": {"rarepix": "0.1.0"}, "device": "cpu", "machine": null,
 "objective": {"name": "miou", "value": 0.625, "epoch": 4},
 "counts": {"val": {"sky": {"tp": 6, "fp": 2, "fn": 0, "tn": 2}, "crow": {"tp": 2, "fp": 0, "fn": 2, "tn": 6}}},
 "pasting": {}, "timings": {"fit": 12.5}, "files": {}, "error": null}
"""
"""A record as it was written before sums and stages."""
SPLITS = ("val", "test")
PRESENCE = {"car": ClassCounts(tp=3, fp=1, fn=1, tn=3), "bottle": ClassCounts(tp=0, fp=0, fn=2, tn=6)}


def further(trials) -> list[str]:
    """The columns behind the plan."""
    columns = trials.columns.tolist()
    return columns[columns.index("plan") + 1 :]


def test_a_record_of_schema_1_is_read_with_what_it_has(tmp_path):
    (tmp_path / "old" / "trials" / "x").mkdir(parents=True)
    (tmp_path / "old" / "trials" / "x" / "record.json").write_text(SCHEMA_1)
    tables = load_study(tmp_path / "old")
    (row,) = tables.trials.to_dict("records")
    assert (row["objective"], row["val_miou"], row["val_rare_iou"], row["val_worst_iou"]) == (0.625, 0.625, 0.5, 0.5)
    assert (row["plan"], row["val_frequent_iou"]) == ("segment", 0.75)
    assert further(tables.trials) == ["val_frequent_iou"]
    assert tables.classes["iou"].tolist() == [0.75, 0.5]
    assert tables.confusion.empty
    assert tables.left_out.empty


def test_a_newer_schema_is_left_out_with_a_sentence(tmp_path):
    (tmp_path / "old" / "trials" / "x").mkdir(parents=True)
    (tmp_path / "old" / "trials" / "x" / "record.json").write_text(SCHEMA_1.replace('"schema": 1', '"schema": 3'))
    reasons = load_study(tmp_path / "old").left_out["reason"].tolist()
    assert reasons == ["record.json: a record must have schema 1 or 2, but has 3: update rarepix to read it"]


def test_sums_give_further_scores_of_both_splits(make, tmp_path):
    """Of ten pixels eight agree; by chance (8 · 6 + 2 · 4) / 100 would."""
    matrix = np.zeros((5, 5), int)
    matrix[0, 0], matrix[4, 0], matrix[4, 4] = 6, 2, 2
    sums = SplitSums(confusion=matrix.tolist(), presence=PRESENCE)
    make.add(tmp_path / "s", make.record("t", sums=dict.fromkeys(SPLITS, sums)))
    trials = load_study(tmp_path / "s").trials
    names = [
        *("frequent_iou", "pixel_accuracy", "kappa", "mean_presence_recall", "mean_presence_specificity"),
        *("mean_presence_balanced_accuracy", "mean_false_alarm_rate"),
    ]
    assert further(trials) == [f"{split}_{name}" for split in SPLITS for name in names]
    for split in SPLITS:
        values = trials[[f"{split}_{name}" for name in names[1:]]].iloc[0].tolist()
        assert values == pytest.approx([0.8, (0.8 - 0.56) / 0.44, 0.375, 0.875, 0.625, 0.125])


def test_without_an_image_that_lacks_a_class_there_is_no_column_of_false_alarms(make, tmp_path):
    sums = SplitSums(presence={"car": ClassCounts(tp=3, fp=0, fn=1, tn=0)})
    make.add(tmp_path / "s", make.record("t", sums={"val": sums}))
    trials = load_study(tmp_path / "s").trials
    assert [name for name in further(trials) if "iou" not in name] == ["val_mean_presence_recall"]
    assert trials["val_mean_presence_recall"].tolist() == [0.75]


def sums_with(empty: int) -> SplitSums:
    """Return sums in which 4 images hold a class, of which 3 are found, and one of *empty* images is not left so."""
    foreground = ClassCounts(tp=3, fp=min(empty, 1), fn=1, tn=max(empty - 1, 0))
    histogram = PresenceHistogram(bins=(3, 9), negatives=(empty, 0), positives=(1, 3))
    return SplitSums(
        presence=PRESENCE,
        foreground=foreground,
        positive_pixels={name: ClassCounts(tp=1, fp=1, fn=2, tn=0) for name in PRESENCE},
        image_dice={"car": dict(zip(IMAGE_DICE_KINDS, (2, 4, 3, 4), strict=True)),
                    "bottle": dict(zip(IMAGE_DICE_KINDS, (0, 2, 6, 6), strict=True))},
        presence_histogram=dict.fromkeys((*PRESENCE, ANY_CLASS), histogram),
    )  # fmt: skip


def test_where_images_are_empty_the_scores_that_treat_them_apart_are_columns(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", sums={"val": sums_with(5), "test": sums_with(0)}))
    trials = load_study(tmp_path / "s").trials
    (row,) = trials.to_dict("records")
    expected = {
        "empty_false_alarm_rate": 1 / 5, "sensitivity": 3 / 4, "binary_accuracy": (3 / 4 + 4 / 5) / 2,
        "foreground_auroc": (1 * 0.5 + 3) / 4, "false_alarms_at_sensitivity_80": 1.0,
        "sensitivity_at_false_alarms_05": 3 / 4, "positive_iou": 1 / 4, "positive_dice": 1 / 4,
        "siim_dice": (5 / 8 + 6 / 8) / 2, "class_accuracy": (3 / 4 + 0 + 4 / 5) / 3,
    }  # fmt: skip
    assert {name: row[f"val_{name}"] for name in expected} == pytest.approx(expected)
    assert not {f"test_{name}" for name in expected} & {*trials}


def test_the_scores_that_the_recipe_names_are_columns(make, tmp_path):
    config = {"evaluate": {"scores": ["dice/car", "worst_recall", "miou", "iou/car"]}}
    record = make.record("t", config=config, objective=Objective(name="mean_dice", value=0.5, epoch=3))
    make.add(tmp_path / "s", record)
    tables = load_study(tmp_path / "s")
    names = ["frequent_iou", "mean_dice", "dice/car", "worst_recall"]
    assert further(tables.trials) == [f"{split}_{name}" for split in SPLITS for name in names]
    counts = record.counts["val"]
    dice = {name: 2 * c.tp / (2 * c.tp + c.fp + c.fn) for name, c in counts.items()}
    row = tables.trials.iloc[0]
    assert row["val_mean_dice"] == pytest.approx(sum(dice.values()) / 5)
    assert row["val_dice/car"] == pytest.approx(dice["car"])
    assert row["val_worst_recall"] == pytest.approx(min(c.tp / (c.tp + c.fn) for c in counts.values()))


def test_a_named_score_without_its_sums_is_told_and_costs_nothing_else(make, tmp_path):
    config = {"evaluate": {"scores": ["mean_surface_dice", "mean_dice"]}}
    make.add(tmp_path / "s", make.record("t", config=config))
    tables = load_study(tmp_path / "s")
    assert further(tables.trials)[:2] == ["val_frequent_iou", "val_mean_dice"]
    assert tables.left_out["file"].tolist() == ["record.json"] * 2
    assert tables.left_out["reason"].str.contains("'mean_surface_dice' needs sums of surface").all()


def test_new_columns_come_after_the_parameters_of_all_trials(make, tmp_path):
    make.add(tmp_path / "s", make.record("t0", parameters={"optim.lr": 0.1}))
    make.add(tmp_path / "s", make.record("t1", parameters={"loss.gamma": 2.0}))
    columns = load_study(tmp_path / "s").trials.columns.tolist()
    assert columns[-5:] == ["optim.lr", "loss.gamma", "plan", "val_frequent_iou", "test_frequent_iou"]


def test_stages_are_columns_where_a_trial_has_some(make, tmp_path):
    stages = [
        Stage(name=name, epochs=epochs, objective=Objective(name="miou", value=value, epoch=1), checkpoint="c")
        for name, epochs, value in (("coarse", 4, 0.25), ("fine", 8, 0.5))
    ]
    make.add(tmp_path / "s", make.record("t0"))
    make.add(tmp_path / "s", make.record("t1", plan="cascade", stages=stages))
    trials = load_study(tmp_path / "s").trials.set_index("trial")
    assert trials["plan"].to_dict() == {"t0": "segment", "t1": "cascade"}
    row = trials.loc["t1"]
    assert row["stages"] == "coarse, fine"
    assert (row["stages.coarse.epochs"], row["stages.fine.epochs"]) == (4, 8)
    assert (row["stages.coarse.objective"], row["stages.fine.objective"]) == (0.25, 0.5)
    assert trials.loc["t0", [name for name in trials if name.startswith("stages")]].isna().all()


def test_two_records_that_differ_in_their_sums_are_no_copies(make, tmp_path):
    first = make.record("t", counts={}, sums={"val": SplitSums(presence=PRESENCE)})
    make.add(tmp_path / "s", first, images=False)
    folder = make.add(tmp_path / "s", first.model_copy(update={"trial": "u"}), images=False)
    document = json.loads((folder / "record.json").read_text()) | {"trial": "t"}
    (folder / "record.json").write_text(json.dumps(document))
    assert load_study(tmp_path / "s").trials["trial"].tolist() == ["t"]
    document["sums"]["val"]["presence"]["car"]["tp"] = 1
    (folder / "record.json").write_text(json.dumps(document))
    assert load_study(tmp_path / "s").trials["trial"].tolist() == ["t", "u"]


def test_scores_with_the_gate_stand_beside_those_without_and_its_bound(make, tmp_path):
    behind = sums_with(5).model_copy(update={"foreground": ClassCounts(tp=2, fp=0, fn=2, tn=5)})
    record = make.record(
        "t", sums=dict.fromkeys(SPLITS, sums_with(5)), gate=tuned(0.6, 0.12, images=25),
        gated={split: GatedSums(sums=behind.model_copy(update={"presence_histogram": None})) for split in SPLITS},
    )  # fmt: skip
    make.add(tmp_path / "s", record)
    make.add(tmp_path / "s", make.record("u", sums={"val": sums_with(5)}))
    rows = load_study(tmp_path / "s").trials.set_index("trial")
    row = rows.loc["t"]
    assert (row["val_empty_false_alarm_rate"], row["val_gated_empty_false_alarm_rate"]) == (1 / 5, 0)
    assert (row["test_sensitivity"], row["test_gated_sensitivity"]) == (3 / 4, 2 / 4)
    assert "val_gated_foreground_auroc" not in rows  # of a gated image there is no score but yes or no
    assert (row["gate_kind"], row["gate_target"], row["gate_bound"], row["gate_images"]) == ("presence", 0.05, 0.12, 25)
    assert row["gate_sensitivity"] == 36 / 40
    assert rows.loc["u", [name for name in rows if "gate" in name]].isna().all()


def test_an_objective_behind_the_gate_is_held_against_test_behind_the_gate(make, tmp_path):
    counts = make.record("t").counts
    objective = Objective(name="mean_dice", value=0.25, epoch=3, gated=True)
    gated = {split: GatedSums(counts=dict(reversed(counts["val"].items())), sums=sums_with(5)) for split in SPLITS}
    config = {"evaluate": {"scores": ["kappa"]}}  # which is not known of what is behind a gate
    behind = {"gate": tuned(0.6, 0.12), "gated": gated, "plan": "two_stage"}
    record = make.record("t", config=config, objective=objective, **behind)
    make.add(tmp_path / "s", record)
    tables = load_study(tmp_path / "s")
    (row,) = tables.trials.to_dict("records")
    dice = [2 * c.tp / (2 * c.tp + c.fp + c.fn) for c in counts["val"].values()]
    assert row["objective_name"] == "gated_mean_dice"
    assert row["test_gated_mean_dice"] == pytest.approx(sum(dice) / 5)
    assert "test_gated_kappa" not in row
    assert objective_label(tables) == "mean Dice with gate"
    text = best_sentence(tables)
    assert "mean Dice with gate 0.250 at epoch 3" in text
    assert f"Its test mean Dice with gate, which chose nothing, is {sum(dice) / 5:.3f}." in text
