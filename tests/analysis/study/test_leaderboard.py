"""Who is ahead, and what the report says about it in words."""

import numpy as np
import pytest

from analysis import load_study
from analysis.plots.leaderboard import leaderboard_table
from analysis.study.class_summary import class_matrix, class_summary
from analysis.study.comparisons import compare_treatments, comparison_rows, treatments
from analysis.study.headline import comparison_sentence
from analysis.study.leaderboard import (
    baseline,
    configuration_names,
    configurations,
    leaderboard,
    score_name,
    varying,
)
from analysis.study.provenance import commands, facts, failures, timings
from analysis.study.results import compute_results
from analysis.study.summary import best_sentence, caveat, rarest_sentence
from rarepix.record_splits import ClassCounts
from rarepix.records import Objective, Status


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("miou", "mIoU"),
        ("rare_iou", "rare-class IoU"),
        ("worst_iou", "worst-class IoU"),
        ("mean_dice", "mean Dice"),
        ("frequent_surface_dice", "frequent-class surface Dice"),
        ("mean_presence_recall", "mean presence recall"),
        ("pixel_accuracy", "pixel accuracy"),
        ("dice/traffic light", "Dice of traffic light"),
        ("my score", "my score"),  # of a table of runs
        ("f1/car", "f1/car"),
    ],
)
def test_a_score_is_written_in_words(name, text):
    assert score_name(name) == text


def test_only_complete_trials_are_ranked_by_validation_alone(tables):
    ranked = leaderboard(tables)
    assert set(ranked["status"]) == {"complete"}
    assert ranked["objective"].is_monotonic_decreasing
    worst_on_test = tables.trials.assign(test_miou=-tables.trials["test_miou"])
    assert leaderboard(tables._replace(trials=worst_on_test))["trial"].tolist() == ranked["trial"].tolist()


def test_the_best_sentence_says_above_or_not_above_the_baseline(make, tmp_path):
    """80 of 100 pixels background: always predicting it has mIoU .4."""
    poor = {
        "background": ClassCounts(tp=60, fp=15, fn=20, tn=5),
        "bottle": ClassCounts(tp=5, fp=20, fn=15, tn=60),
    }
    miou = (60 / 95 + 5 / 40) / 2
    record = make.record("t", counts={"val": poor}, objective=Objective(name="miou", value=miou, epoch=3))
    make.add(tmp_path / "s", record)
    tables = load_study(tmp_path / "s")
    assert baseline(tables, "t")[0] == "background"
    assert baseline(tables, "t")[1] == pytest.approx(0.4)
    sentence = best_sentence(tables)
    assert "mIoU 0.378 at epoch 3, not above the 0.400" in sentence
    assert "test" not in sentence.lower()  # none was counted


def test_the_best_sentence_shows_the_test_score_once(tables):
    sentence = best_sentence(tables)
    best = leaderboard(tables).iloc[0]
    assert sentence.count(f"{best['test_miou']:.3f}") == 1
    assert "which chose nothing" in sentence


def test_the_rarest_class_is_the_one_with_fewest_train_pixels(tables):
    assert rarest_sentence(tables).startswith("The rarest class, 'bottle' (13 train images, 0.1 % of the train pixels)")


def test_a_rarest_class_that_is_absent_has_no_score(make, tmp_path):
    make.add(tmp_path / "s", make.record("t", absent="bottle"))
    assert "is absent from the validation" in rarest_sentence(load_study(tmp_path / "s"))


def test_class_summary_is_sorted_by_rarity_and_counts_absence(tables):
    summary = class_summary(tables).set_index("class")
    assert list(summary.index) == ["bottle", "person", "car", "road", "background"]
    assert summary["absent"].tolist() == [1, 0, 0, 0, 0]
    assert summary["trials"].tolist() == [7, 8, 8, 8, 8]


def test_class_matrix_keeps_absence_as_nan(tables):
    matrix = class_matrix(tables)
    assert matrix.isna().sum().sum() == 1
    assert np.isnan(matrix.loc["t001", "bottle"])
    assert list(matrix.index) == leaderboard(tables)["trial"].tolist()


def test_configurations_pool_blocks(make, tmp_path):
    parameters = {"optim.lr": 0.1}
    for seed in range(3):
        make.add(tmp_path / "s", make.record(f"t{seed}", seed=seed, parameters=parameters))
    row = configurations(load_study(tmp_path / "s")).iloc[0]
    assert (row["trials"], row["blocks"], row["parameters"]) == (3, "0/0, 1/0, 2/0", "optim.lr=0.1")


def test_every_categorical_parameter_is_a_question(tables):
    assert treatments(tables) == ["sampling.kind", "loss.name", "augment.flip"]
    result = compare_treatments(tables)
    scores = [(question.treatment, question.score) for question in result]
    assert scores[:2] == [("sampling.kind", "objective"), ("sampling.kind", "val_rare_iou")]
    assert all(len(question.rows) == (3 if question.treatment == "sampling.kind" else 1) for question in result)
    assert {"rule", "rule_in_words", "verdict"} <= set(comparison_rows(result))


def test_a_planted_difference_is_found_and_said(make, tmp_path):
    for seed in range(8):
        for kind in ("uniform", "copy_paste"):
            make.add(
                tmp_path / "s",
                make.record(f"{kind}{seed}", seed=seed, parameters={"sampling.kind": kind}),
                images=False,
            )
    tables = load_study(tmp_path / "s")
    rows = comparison_rows(compare_treatments(tables))
    assert (rows["p_adjusted"] <= 0.05).all()
    assert (rows["rule"] == "matched").all()
    sentence = comparison_sentence(tables, compute_results(tables))
    assert sentence.startswith("sampling.kind: copy_paste above uniform (+")
    other = (
        "The other comparison on validation: 1 shows a difference, most surely sampling.kind, validation rare-class IoU"
    )
    assert f"{other}: 'uniform' is lower than 'copy_paste' (p = .008)." in sentence


def test_undecidable_and_nothing_to_compare_are_said(tables, results, new_study):
    sentence = comparison_sentence(tables, results)
    assert sentence.startswith(
        "sampling.kind, validation mIoU: by ranks alone none of the 3 comparisons can be decided"
    )
    assert (
        "Of the other 7 comparisons on validation, 7 cannot be decided with so few trials, whatever came out"
        in sentence
    )
    one = load_study(new_study(trials=1, broken=False))
    assert comparison_sentence(one, compute_results(one)).startswith("Nothing can be compared")


def test_caveat_of_a_tiny_study(new_study):
    tables = load_study(new_study(trials=2, broken=False))
    text = caveat(tables, compute_results(tables))
    assert "All trials share one block" in text
    assert "no configuration was run twice" in text
    assert "2 complete trials are a look around" in text
    assert "in 1 trial a class is absent" in text


def test_failures_say_why(tables):
    rows = failures(tables).set_index("trial")
    assert rows.loc["failed1", "why"].startswith("NonFiniteLoss: the loss must be finite")
    assert rows.loc["failed1", "where"] == "module.py:80"
    assert "by the search" in rows.loc["stopped1", "why"]
    assert "killed" in rows.loc["running1", "why"]


def test_start_up_time_is_unknown_without_a_first_step(make, tmp_path):
    make.add(tmp_path / "s", make.record("whole"))
    cut = {"startup_imports": 4.0, "startup_total": 4.0}
    make.add(tmp_path / "s", make.record("cut", status=Status.FAILED, objective=None, counts={}, timings=cut))
    first = timings(load_study(tmp_path / "s")).iloc[0]
    assert first["what"] == "process start to first optimiser step"
    assert (first["median"], first["trials"]) == (6.5, 1)


def test_commands_repeat_the_best_trial(tables):
    best = leaderboard(tables).iloc[0]
    command = commands(tables)[0][1]
    assert command.startswith("python -m trials.segment --recipe street/small --set ")
    assert f"--set seed={best['seed']} --set data.fold=0" in command
    assert f"--set sampling.kind={best['sampling.kind']}" in command
    assert dict(facts(tables))["versions"] == "rarepix 0.1.0 · torch 2.11.0"


def test_the_rare_objective_is_not_called_an_iou(make, tmp_path):
    """It is less than the rare-class IoU where the other classes fall short of their floor; figures show the IoU."""
    make.add(tmp_path / "s", make.record("t", objective=Objective(name="rare_iou", value=0.125, epoch=2)))
    tables = load_study(tmp_path / "s")
    sentence = best_sentence(tables)
    assert "rare-class objective 0.125 at epoch 2; its validation mIoU of" in sentence
    assert f"Its test rare-class IoU, which chose nothing, is {tables.trials['test_rare_iou'].iloc[0]:.3f}" in sentence
    table = leaderboard_table(tables)
    assert table["validation"].iloc[0] == tables.trials["val_rare_iou"].iloc[0] != 0.125


def test_a_stopped_trial_ranks_and_compares_nowhere_however_good(make, tmp_path):
    """It has a score, but of an unfinished training."""
    for seed in range(3):
        for kind in ("uniform", "copy_paste"):
            make.add(tmp_path / "s", make.record(f"{kind}{seed}", seed=seed, parameters={"sampling.kind": kind}))
    top = Objective(name="miou", value=0.99, epoch=1)
    stopped = make.record("stopped", seed=0, parameters={"sampling.kind": "none"}, status=Status.STOPPED, objective=top)
    make.add(tmp_path / "s", stopped)
    tables = load_study(tmp_path / "s")
    assert "stopped" not in leaderboard(tables)["trial"].tolist()
    assert all(
        set(question.rows["a"]) | set(question.rows["b"]) == {"uniform", "copy_paste"}
        for question in compare_treatments(tables)
    )


def test_a_parameter_that_some_leave_as_it_is_in_the_recipe_differs(tmp_path, make):
    for number, parameters in enumerate(({}, {"data.scarcity.keep": 1.0}, {"crop": {"_name": "mixed"}})):
        make.add(tmp_path, make.record(f"t{number}", parameters=parameters))
    tables = load_study(tmp_path)
    assert varying(tables) == ("data.scarcity.keep", "crop.kind")
    names = configuration_names(tables, leaderboard(tables))
    assert sorted(names) == ["crop.kind=mixed", "data.scarcity.keep=1", "the recipe as it is"]
    assert sorted(configurations(tables)["parameters"]) == sorted(names)
