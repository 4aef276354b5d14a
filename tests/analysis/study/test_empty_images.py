"""What a study says of empty images: means by hand, the two questions apart, and nothing where no image is empty."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_study
from analysis.study.empty_image_sentences import answers, false_alarms_sentence, images_sentence
from analysis.study.empty_images import ALARMS, BETTER, WORSE, empty_images, helps, score_means
from analysis.study.headline import NOTHING
from analysis.study.summary import answer
from analysis.study.tuned_gates import IOU
from tests.analysis.empty_records import write_study
from tests.analysis.study.synthetic import tables_of

COLUMNS = {
    "alarms": f"val_{ALARMS}", "iou": f"val_{IOU}", "rate": "val_empty_false_alarm_rate", "found": "val_sensitivity",
}  # fmt: skip
LOSSES = {
    "ce": {"alarms": [0.3, 0.4, 0.35, 0.32, 0.38, 0.31], "iou": [0.50, 0.52, 0.51, 0.53, 0.49, 0.5]},
    "proposed": {"alarms": [0.1, 0.18, 0.12, 0.11, 0.15, 0.08], "iou": [0.45, 0.46, 0.44, 0.48, 0.42, 0.44]},
}
"""Fewer false alarms under the one in every block, a higher IoU under the other."""


def study(losses: dict = LOSSES, blocks: int | None = None, **changes):
    """Return a study of losses on so many blocks."""
    rows = [
        {"loss.name": loss, "seed": seed, "objective": 0.5 + 0.01 * seed, COLUMNS["rate"]: 0.25, COLUMNS["found"]: 1.0}
        | {COLUMNS[name]: values[seed] for name, values in scores.items()}
        for loss, scores in losses.items()
        for seed in range(blocks or len(scores["alarms"]))
    ]
    return tables_of(rows, ("loss.name",), **changes)


def test_means_are_over_blocks_with_students_interval():
    """The mean of three blocks ± 4.3027 (Student's t of two degrees of freedom) standard errors, by hand."""
    tables = study(blocks=3)
    again = tables.trials.iloc[[0]].assign(trial="repeat", **{COLUMNS["alarms"]: 0.5})  # of the first block, too
    tables = tables._replace(trials=pd.concat([tables.trials, again], ignore_index=True))
    table = score_means(tables, ["val"]).set_index(["configuration", "score"])
    row = table.loc[("loss.name=ce", ALARMS)]
    of_blocks = [0.4, 0.4, 0.35]  # (0.3 + 0.5) / 2
    assert row["blocks"] == 3
    assert row["mean"] == pytest.approx(np.mean(of_blocks))
    half = 4.302653 * np.std(of_blocks, ddof=1) / np.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((row["mean"] - half, row["mean"] + half), abs=1e-6)
    assert table.index.get_level_values(0).unique().tolist() == ["loss.name=proposed", "loss.name=ce"]


def test_an_interval_stays_within_0_and_1_and_equal_blocks_have_none():
    table = score_means(study({"ce": {"alarms": [0.0, 0.1, 0.02]}}), ["val"]).set_index("score")
    assert table.loc[ALARMS, "low"] == 0
    assert table.loc["empty_false_alarm_rate", "mean"] == 0.25
    assert table.loc[["empty_false_alarm_rate", "sensitivity"], ["low", "high"]].isna().all(axis=None)
    one = score_means(study({"ce": {"alarms": [0.2]}}), ["val"]).set_index("score")
    assert np.isnan(one.loc[ALARMS, "low"])


def test_the_two_questions_are_answered_apart_and_less_is_better_of_false_alarms():
    tables = study()
    said = answers(tables, empty_images(tables))
    assert list(said) == [ALARMS, IOU]
    ((alarms,), (iou,)) = said.values()
    assert alarms.startswith("loss.name: proposed below ce (−0.220, 95 % interval −0.2")
    assert "validation false alarms at 90 % sensitivity, lower is better, n = 6 blocks, p = .031)." in alarms
    assert "Assuming normal errors the same is shown. They differ by more than 0.005" in alarms
    assert iou.startswith("loss.name: ce above proposed (+0.060, 95 % interval +0.0")
    assert "validation foreground IoU, n = 6 blocks, p = .031)." in iou


def test_side_by_side_each_pair_names_the_level_with_fewer_false_alarms_first():
    (row,) = helps(empty_images(study())).to_dict("records")
    assert (row["treatment"], row["b"], row["a"]) == ("loss.name", "proposed", "ce")
    assert (row[f"{ALARMS} word"], row[f"{IOU} word"]) == (BETTER, WORSE)
    assert row[f"{ALARMS} difference"] == pytest.approx(-0.22)
    assert row[f"{IOU} difference"] == pytest.approx(-0.06)
    assert row[f"{ALARMS} low"] < row[f"{ALARMS} difference"] < row[f"{ALARMS} high"] < 0


def test_against_a_default_every_pair_is_told_against_it():
    tables = study(default={"loss.name": "proposed"})
    (row,) = helps(empty_images(tables)).to_dict("records")
    assert (row["b"], row["a"]) == ("ce", "proposed")
    assert (row[f"{ALARMS} word"], row[f"{IOU} word"]) == (WORSE, BETTER)
    assert answers(tables, empty_images(tables))[ALARMS][0].startswith("loss.name: ce above the default proposed (+0.2")


def test_too_few_blocks_claim_nothing():
    tables = study(blocks=3)
    (row,) = helps(empty_images(tables)).to_dict("records")
    assert row[f"{ALARMS} word"] == row[f"{IOU} word"] == "cannot be decided"
    assert "cannot be decided with n = 3 blocks" in answers(tables, empty_images(tables))[ALARMS][0]


def test_a_study_of_one_configuration_has_means_and_nothing_to_compare():
    tables = study({"ce": LOSSES["ce"]})
    found = empty_images(tables)
    assert len(found.means) == 4
    assert answers(tables, found) == {ALARMS: [NOTHING], IOU: [NOTHING]}
    assert false_alarms_sentence(tables, found) == ""


def test_without_images_with_foreground_there_are_false_alarms_but_no_sensitivity_to_compare_them_at():
    only_rate = study().trials.drop(columns=[COLUMNS["alarms"], COLUMNS["iou"], COLUMNS["found"]])
    found = empty_images(study()._replace(trials=only_rate))
    assert found.means["score"].unique().tolist() == ["empty_false_alarm_rate"]
    assert found.of(ALARMS) == found.of(IOU) == []
    assert helps(found).empty


def test_where_the_objective_is_compared_on_test_so_are_these():
    on_test = {name: name.replace("val_", "test_") for name in COLUMNS.values()}
    trials = study().trials
    trials = trials.assign(**{new: trials[old] for old, new in on_test.items()}, test_miou=0.5)
    assert empty_images(study()._replace(trials=trials)).split == "val"
    assert empty_images(study()._replace(trials=trials, score_on_test=True)).split == "test"
    assert empty_images(study()._replace(trials=trials.drop(columns=[*COLUMNS.values()]))).split == "test"


def test_a_study_without_empty_images_says_nothing(tables, results):
    assert results.empty.means.empty
    assert results.empty.gates.empty
    assert results.empty.comparisons == []
    assert not any("alarm" in sentence for sentence in answer(tables, results))


def test_records_give_the_questions_their_scores(tmp_path):
    tables = load_study(write_study(tmp_path / "s", 6))
    said = answers(tables, empty_images(tables))
    assert said[ALARMS][0].startswith("model.presence: decoder below none (−0.")
    assert "shows no difference" in said[ALARMS][1]
    assert [text.partition(" (")[0] for text in said[IOU]] == [
        "model.presence: decoder above none", "model.hypercolumn: fused above none",
    ]  # fmt: skip
    assert images_sentence(tables, "val") == "Of the validation images of a trial 40 are empty, and 40 hold foreground."
