"""An NNI experiment as tables: states, objectives, attempts, and whose parameters a trial really had."""

import numpy as np
import pytest

from analysis import load_study


def report(objective: float, **more: float) -> dict:
    return {"default": objective, "miou": objective, **more}


@pytest.fixture
def experiment(make, tmp_path):
    """Every way a trial can end, and one that has not."""
    focal = {"_name": "focal", "gamma": 2.0}
    events = [
        (1, "done", "WAITING", make.given(0, **{"optim.lr": 0.1, "loss": focal, "seed": 3, "data.fold": 1})),
        (2, "done", "RUNNING", make.given(0, **{"optim.lr": 0.1, "loss": focal, "seed": 3, "data.fold": 1})),
        (3, "mute", "RUNNING", make.given(1, **{"optim.lr": 0.2, "loss": {"_name": "ce"}})),
        (4, "cut", "RUNNING", make.given(2, **{"optim.lr": 0.3, "loss": {"_name": "ce"}})),
        (5, "user", "RUNNING", make.given(3, **{"optim.lr": 0.4, "loss": {"_name": "ce"}})),
        (6, "dead", "RUNNING", make.given(4, **{"optim.lr": 0.5, "loss": {"_name": "ce"}})),
        (7, "", "IMPORT_DATA", "[]"),
        (8, "wait", "WAITING", make.given(5, **{"optim.lr": 0.6, "loss": {"_name": "ce"}})),
        (20, "done", "SUCCEEDED", None),
        (21, "mute", "SUCCEEDED", None),
        (22, "cut", "EARLY_STOPPED", None),
        (23, "user", "USER_TO_CANCEL", ""),
        (24, "user", "USER_CANCELED", None),
        (25, "dead", "FAILED", None),
    ]
    reports = [
        (10, "done", "0", "PERIODICAL", 0, report(0.3)),
        (11, "done", "0", "PERIODICAL", 1, report(0.5)),
        (12, "cut", "2", "PERIODICAL", 0, report(0.1)),
        (19, "done", "0", "FINAL", 0, report(0.5, worst_iou=0.2, seconds=40.0) | {"iou/road": 0.8, "iou/car": 0.2}),
    ]
    return make.database(tmp_path / "x1", events, reports)


def test_any_score_can_be_the_objective(make, tmp_path):
    """``default`` is the first reported score that equals it everywhere; scores of a class by name are columns."""
    events = [(n, f"t{n}", "RUNNING", make.given(n, lr=n)) for n in (1, 2)]
    events += [(n + 5, f"t{n}", "SUCCEEDED", None) for n in (1, 2)]
    reports = [
        (3, "t1", "1", "FINAL", 0, {"default": 0.5, "miou": 0.5, "mean_dice": 0.5, "dice/car": 0.4, "seconds": 2.0}),
        (4, "t2", "2", "FINAL", 0, {"default": 0.7, "miou": 0.6, "mean_dice": 0.7, "iou/car": 0.7, "seconds": 2.0}),
    ]
    tables = load_study(make.database(tmp_path / "x", events, reports))
    assert tables.trials["objective_name"].tolist() == ["mean_dice"] * 2
    assert [name for name in tables.trials if name.startswith("val_")] == ["val_miou", "val_mean_dice", "val_dice/car"]
    assert tables.classes["class"].unique().tolist() == ["car"]


def test_a_trial_without_masks_has_no_scores_of_classes(make, tmp_path):
    events = [(1, "t", "RUNNING", make.given(1, lr=1)), (5, "t", "SUCCEEDED", None)]
    final = {"default": 0.5, "mean_presence_recall": 0.5, "presence_balanced_accuracy/car": 0.75}
    tables = load_study(make.database(tmp_path / "x", events, [(3, "t", "1", "FINAL", 0, final)]))
    assert [name for name in tables.trials if name.startswith("val_")] == ["val_mean_presence_recall"]
    assert tables.classes.empty


def test_states_are_those_of_records(experiment):
    states = load_study(experiment).trials.set_index("trial")["status"].to_dict()
    assert states == {
        "done": "complete",
        "mute": "failed",
        "cut": "stopped",
        "user": "stopped",
        "dead": "failed",
        "wait": "running",
    }


def test_a_complete_trial_has_what_it_reported(experiment):
    tables = load_study(experiment)
    row = tables.trials.set_index("trial").loc["done"]
    assert (row["objective"], row["objective_name"], row["val_miou"], row["val_worst_iou"]) == (0.5, "miou", 0.5, 0.2)
    assert (row["seed"], row["fold"], row["recipe"], row["timings.fit"]) == (3, 1, "demo", 40.0)
    assert (row["started"], row["finished"]) == ("1970-01-01T00:00:02+00:00", "1970-01-01T00:00:20+00:00")
    assert (row["optim.lr"], row["loss.name"], row["loss.gamma"]) == (0.1, "focal", 2.0)
    assert tables.parameters == ("optim.lr", "loss.name", "loss.gamma")
    assert tables.study == "made-x1"
    assert tables.trials.set_index("trial").loc["cut":, "objective"].isna().all()


def test_classes_have_an_iou_and_no_counts(experiment):
    classes = load_study(experiment).classes
    assert classes[["trial", "split", "class", "iou"]].to_numpy().tolist() == [
        ["done", "val", "road", 0.8],
        ["done", "val", "car", 0.2],
    ]
    assert classes[["tp", "fp", "fn", "tn", "train_pixels"]].isna().all(axis=None)
    assert not classes["rare"].any()


def test_success_without_a_final_result_is_a_failure_that_is_told(experiment):
    tables = load_study(experiment)
    assert tables.left_out[["trial", "file"]].to_numpy().tolist() == [["mute", "nni.sqlite"]]
    assert "no final result" in tables.left_out["reason"].iloc[0]
    assert "no final result" in tables.trials.set_index("trial").loc["mute", "error"]


def test_the_folder_of_the_experiment_will_do(experiment):
    assert load_study(experiment.parents[1]).trials.equals(load_study(experiment).trials)


def test_a_resumed_trial_starts_a_new_attempt_and_its_last_final_counts(make, tmp_path):
    events = [
        (1, "a", "RUNNING", make.given(0, lr=0.1)),
        (10, "a", "ADD_RESUMED", ""),
        (11, "a", "RUNNING", make.given(0, lr=0.1)),
        (30, "a", "SUCCEEDED", None),
    ]
    reports = [
        (2, "a", "0", "PERIODICAL", 0, 0.1),
        (3, "a", "0", "PERIODICAL", 1, 0.2),
        (4, "a", "0", "FINAL", 0, 0.9),
        (12, "a", "0", "PERIODICAL", 2, {"default": 0.3, "epoch": 3}),  # NNI counts on, the epoch is the trial's word
        (29, "a", "0", "FINAL", 0, 0.4),
        (29, "a", "0", "FINAL", 0, 0.5),  # NNI takes the first
    ]
    tables = load_study(make.database(tmp_path, events, reports))
    assert tables.curves[["attempt", "epoch", "objective"]].to_numpy().tolist() == [
        [1, 1, 0.1],
        [1, 2, 0.2],
        [2, 3, 0.3],
    ]
    row = tables.trials.iloc[0]
    assert (row["attempt"], row["attempts"], row["objective"], row["objective_name"]) == (2, 2, 0.4, "default")


def test_a_sequence_that_begins_again_is_a_new_attempt(make, tmp_path):
    reports = [(second, "a", "0", "PERIODICAL", number, 0.1) for second, number in enumerate([0, 1, 0, 1, 2])]
    tables = load_study(make.database(tmp_path, [(0, "a", "RUNNING", make.given(0, lr=1))], reports))
    assert tables.curves["attempt"].tolist() == [1, 1, 2, 2, 2]


def test_a_job_that_continues_another_is_the_same_trial(make, tmp_path):
    events = [
        (1, "first", "RUNNING", make.given(0, lr=0.1)),
        (2, "first", "FAILED", None),
        (3, "second", "RUNNING", make.given(1, lr=0.1, continues="first")),
        (9, "second", "SUCCEEDED", None),
    ]
    reports = [
        (1, "first", "0", "PERIODICAL", 0, 0.1),
        (5, "second", "1", "PERIODICAL", 1, 0.2),
        (6, "second", "1", "FINAL", 0, 0.2),
    ]
    tables = load_study(make.database(tmp_path, events, reports))
    assert tables.trials[["trial", "status", "attempt", "attempts"]].to_numpy().tolist() == [
        ["first", "complete", 2, 2]
    ]
    assert tables.parameters == ("lr",)
    assert "continues" not in tables.trials["settings"].iloc[0]


def test_the_parameters_are_those_that_the_trial_reported_with(make, tmp_path):
    """NNI 3.0 started ``a``, which died before it asked; ``b`` got what was meant for ``a``, and so on."""
    events = [
        (1, "a", "RUNNING", make.given(0, lr=0.0)),
        (2, "a", "FAILED", None),
        (3, "b", "RUNNING", make.given(1, lr=1.0)),
        (4, "b", "SUCCEEDED", None),
        (5, "c", "RUNNING", make.given(2, lr=2.0)),
        (6, "c", "SUCCEEDED", None),
    ]
    reports = [(4, "b", "0", "FINAL", 0, 0.5), (6, "c", "1", "FINAL", 0, 0.6)]
    tables = load_study(make.database(tmp_path, events, reports))
    assert dict(zip(tables.trials["trial"], tables.trials["lr"], strict=True)) == {"a": 0.0, "b": 0.0, "c": 1.0}
    assert tables.left_out["trial"].tolist() == ["b", "c"]
    assert "parameter id 0, but NNI meant it to have id 1" in tables.left_out["reason"].iloc[0]


def test_a_trial_whose_parameters_nobody_knows_is_left_out(make, tmp_path):
    events = [(1, "a", "RUNNING", make.given(0, lr=0.0)), (2, "a", "SUCCEEDED", None)]
    tables = load_study(make.database(tmp_path, events, [(2, "a", "7", "FINAL", 0, 0.5)]))
    assert tables.trials.empty
    assert "id 7 is that of no job's parameters: the trial is left out" in tables.left_out["reason"].iloc[0]


def test_ids_that_began_again_after_a_resume_stay_with_their_trials(make, tmp_path):
    events = [
        (1, "a", "RUNNING", make.given(0, lr=0.1)),
        (2, "a", "SUCCEEDED", None),
        (8, "b", "RUNNING", make.given(0, lr=0.2)),
        (9, "b", "SUCCEEDED", None),
    ]
    reports = [(2, "a", "0", "FINAL", 0, 0.5), (9, "b", "0", "FINAL", 0, 0.6)]
    tables = load_study(make.database(tmp_path, events, reports))
    assert tables.trials["lr"].tolist() == [0.1, 0.2]
    assert tables.left_out.empty


@pytest.mark.parametrize("value", ["text", None, float("nan"), {"miou": 0.5}, True])
def test_a_final_that_is_no_number_makes_no_complete_trial(make, tmp_path, value):
    events = [(1, "a", "RUNNING", make.given(0, lr=0.1)), (2, "a", "SUCCEEDED", None)]
    trials = load_study(make.database(tmp_path, events, [(2, "a", "0", "FINAL", 0, value)])).trials
    assert trials["status"].tolist() == ["failed"]
    assert np.isnan(trials["objective"].iloc[0])


def test_a_truncated_database_is_a_sentence(experiment):
    experiment.write_bytes(experiment.read_bytes()[:9000])
    tables = load_study(experiment)
    assert tables.trials.empty
    assert tables.left_out["file"].tolist() == ["nni.sqlite"]
    reason = tables.left_out["reason"].iloc[0]
    assert "must be a whole database of NNI 3.0" in reason
    assert "copy it again from the experiment's folder" in reason


def test_an_experiment_that_has_not_begun_is_empty(make, tmp_path):
    tables = load_study(make.database(tmp_path, [], []))
    assert [len(table) for table in tables[:5]] == [0, 0, 0, 0, 0]


def test_records_count_and_the_database_tells_of_the_others(make, tmp_path, experiment):
    """The same experiment, by its study's folder and by its database."""
    folder = tmp_path / "results" / "made-x1"
    loss = {"_name": "ce"}
    make.add(folder, make.record("done", parameters={"optim.lr": 0.2, "loss": loss}, config_hash="recorded"))
    tables = load_study([folder, experiment])
    assert tables.study == "made-x1"
    assert set(tables.trials["study"]) == {"made-x1"}
    rows = tables.trials.set_index("trial")
    assert list(rows.index) == ["done", "mute", "cut", "user", "dead", "wait"]
    assert (rows.loc["done", "optim.lr"], rows.loc["done", "config_hash"]) == (0.2, "recorded")
    assert rows.loc["mute", "config_hash"] == "recorded"  # the same parameters: the same configuration
    assert rows.loc["cut", "config_hash"] != "recorded"
    assert set(tables.classes["split"]) == {"val", "test"}  # from the record; the database knows no test
    assert "cut" in set(tables.curves["trial"])


def test_a_database_beside_another_study_is_a_study_of_its_own(make, tmp_path, experiment):
    make.add(tmp_path / "other", make.record("t"))
    tables = load_study([tmp_path / "other", experiment])
    assert tables.study == "other + made-x1"
    assert len(tables.trials) == 7
