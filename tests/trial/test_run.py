"""A whole trial: its record, and how it ends when something goes wrong."""

import hashlib
import json
import os
import re
import shutil
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from rarepix import records
from rarepix.config import TrialConfig, config_hash, updated
from rarepix.engine.module import NonFiniteLoss
from rarepix.records import Status
from rarepix.settings import ConfigError
from rarepix.trial.lifecycle import AttemptError, RunContext
from rarepix.trial.run import run

CLASSES = ("ground", "block", "stripe", "dot")


@pytest.fixture
def context(tmp_path, tiny_config) -> RunContext:
    return RunContext(config=tiny_config, results=tmp_path, study="s", trial="t", parameters={})


def changed(context: RunContext, parameters: dict, **fields) -> RunContext:
    """Return the context with other values of its configuration and other fields."""
    return replace(context, config=updated(context.config, parameters), **fields)


def history(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "history.csv")


def truth(root, ids: list[str]) -> np.ndarray:
    return np.concatenate([np.asarray(Image.open(root / "SegmentationClass" / f"{name}.png")).ravel() for name in ids])


def test_the_record_says_what_ran(finished, tiny_config):
    record = finished.record
    assert (record.status, record.study, record.trial, record.attempt) == (Status.COMPLETE, "shared", "one", 1)
    assert (record.resumed_from_epoch, record.error, record.parameters) == (None, None, {})
    assert TrialConfig(**record.config) == tiny_config
    assert record.config_hash == config_hash(tiny_config)
    assert record.device == "CPU, 1 threads"
    assert record.started <= record.finished


def test_counts_are_integers_of_every_split_and_class(finished, tiny_voc):
    table = pd.read_csv(finished.folder / "split.csv", index_col="image")
    ids = {"val": table.index[table["fold"] == 0].tolist(), "test": [f"img{number}" for number in range(18, 24)]}
    document = json.loads((finished.folder / "record.json").read_text())["counts"]
    assert set(document) == {"val", "test"}
    for split, classes in document.items():
        mask = truth(tiny_voc, ids[split])
        assert list(classes) == list(CLASSES)
        for index, name in enumerate(CLASSES):
            counts = classes[name]
            assert set(counts) == {"tp", "fp", "fn", "tn"}
            assert all(type(value) is int for value in counts.values())
            assert counts["tp"] + counts["fn"] == (mask == index).sum()
            assert sum(counts.values()) == (mask != 255).sum()
        assert sum(classes[name]["fp"] for name in CLASSES) == sum(classes[name]["fn"] for name in CLASSES)


def test_the_counts_of_the_images_sum_to_those_of_the_record(finished):
    table = pd.read_parquet(finished.folder / "images.parquet")
    pooled = table.groupby(["split", "class"])[["tp", "fp", "fn", "tn"]].sum()
    for split, classes in finished.record.counts.items():
        for name, counts in classes.items():
            assert pooled.loc[(split, name)].to_dict() == counts.model_dump()
    assert table.groupby("split")["image"].nunique().to_dict() == {"test": 6, "val": 6}


def test_the_objective_is_that_of_the_best_validation(finished):
    rows = history(finished.folder)
    best = rows.loc[rows["objective"].idxmax()]
    objective = finished.record.objective
    assert (objective.name, objective.epoch) == ("miou", best["epoch"])
    assert objective.value == pytest.approx(best["objective"])
    counts = finished.record.counts["val"].values()
    each = [c.tp / (c.tp + c.fp + c.fn) for c in counts if c.tp + c.fp + c.fn]
    assert objective.value == pytest.approx(np.mean(each))


def test_an_epoch_that_was_better_than_the_last_is_kept_and_counted(context):
    for rate in (0.3, 0.5, 1.0):  # too fast to improve in every epoch; the first rate is nearly always enough
        parameters = {"optim.lr": rate, "optim.schedule": "constant", "engine.epochs": 6}
        trial = changed(context, parameters, trial=str(rate))
        record, rows = run(trial), history(trial.folder)
        assert record.objective.epoch == rows.loc[rows["objective"].idxmax(), "epoch"]
        assert record.objective.value == pytest.approx(rows["objective"].max())
        if record.objective.epoch < 6:
            return
    pytest.fail("every trial was best in its last epoch, so that nothing was tested")


def test_the_history_has_a_row_per_validation(finished):
    rows = history(finished.folder)
    assert rows["epoch"].tolist() == [1, 2]
    assert rows["step"].tolist() == [3, 6]
    assert rows["attempt"].tolist() == [1, 1]
    assert {"lr", "train_loss", "train_ce", "val_loss", "objective", "miou", "rare_iou", "worst_iou"} <= set(rows)
    assert {f"iou/{name}" for name in CLASSES} <= set(rows)


def test_timings_lead_from_the_start_to_the_first_step(finished):
    timings = finished.record.timings
    phases = [timings[f"startup_{phase}"] for phase in ("imports", "data", "model", "first_step")]
    assert all(seconds >= 0 for seconds in phases)
    assert timings["startup_total"] == pytest.approx(sum(phases), abs=0.01)
    assert all(timings[name] > 0 for name in ("train", "validate", "test", "images_per_second"))


def test_the_record_names_all_files_of_the_folder(finished):
    files = finished.record.files
    assert {"history", "images", "weights", "split", "best", "last"} <= set(files)
    files_in_folder = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*") if path.is_file()}
    assert files_in_folder == {*files.values(), "record.json", ".lock"}
    weights = pd.read_csv(finished.folder / files["weights"], index_col="image")["weight"]
    assert len(weights) == 12
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["best", "last"])
def test_checkpoints_load_without_unpickling(finished, name):
    state = torch.load(finished.folder / finished.record.files[name], weights_only=True)
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


def test_without_a_test_list_there_are_only_validation_counts(context):
    record = run(changed(context, {"data.test_list": None, "engine.epochs": 1}))
    assert set(record.counts) == {"val"}


def test_each_validation_is_reported(context):
    reports = []
    run(replace(context, report=reports.append))
    assert [scores["objective"] for scores in reports] == pytest.approx(history(context.folder)["objective"].tolist())


def test_the_last_step_made_the_weights_not_finite(context, tiny_config):
    """The loss of that step was finite, and predictions from NaN would score like those of the first class alone."""
    one_step = {"sampling.images_per_epoch": tiny_config.engine.batch_size, "engine.epochs": 1, "optim.lr": 1e30}
    with pytest.raises(NonFiniteLoss, match=r"the loss must be finite, but at step 1 val_loss = nan"):
        run(changed(context, one_step))
    assert records.read(context.record_file).status is Status.FAILED
    assert not (context.folder / "checkpoints" / "best.ckpt").exists()
    assert not (context.folder / "history.csv").exists()


def test_a_loss_that_is_not_finite(context):
    with pytest.raises(
        NonFiniteLoss, match=r"the loss must be finite, but at step \d loss = nan, ce = nan: use a smaller optim.lr"
    ):
        run(changed(context, {"optim.lr": 1e30}))
    record = records.read(context.record_file)
    assert (record.status, record.error.type) == (Status.FAILED, "NonFiniteLoss")
    assert "at step" in record.error.message
    assert record.error.where.startswith("module.py:")
    assert (record.objective, record.counts) == (None, {})
    assert record.finished
    # what was known before the failure is still recorded
    assert (record.dataset.name, record.device) == ("tiny", "CPU, 1 threads")
    assert record.timings["startup_total"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_batch_of_one_with_features_of_one_pixel(context):
    """The network pools whole images, so that batch normalisation gets one value for each channel."""
    small = changed(context, {"model.architecture": "pan", "model.options": {}, "engine.batch_size": 1})
    with pytest.raises(ConfigError, match=r"'pan' .* cannot take a training step with engine\.batch_size=1"):
        run(small)
    assert "use a larger batch or crop" in records.read(context.record_file).error.message


def test_a_gpu_is_asked_for_where_there_is_none(context):
    with pytest.raises(RuntimeError, match=r"engine\.device=gpu needs a GPU"):
        run(changed(context, {"engine.device": "gpu"}))
    record = records.read(context.record_file)
    assert (record.status, record.error.type, record.dataset) == (Status.FAILED, "HardwareError", None)


def test_an_interrupted_trial_is_stopped(context):
    def interrupt(scores: dict[str, float]) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if a shell started us with &
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            run(replace(context, report=interrupt))
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    record = records.read(context.record_file)
    assert (record.status, record.error, record.counts) == (Status.STOPPED, None, {})


class Interrupted(RuntimeError):
    """Ends a trial between two validations."""


def fail_after(validations: int):
    """Return a report that raises at the validation after that many."""
    reports = []

    def report(scores: dict[str, float]) -> None:
        reports.append(scores)
        if len(reports) > validations:
            raise Interrupted("enough")

    return report


def test_a_failed_trial_is_resumed_from_its_last_checkpoint(context):
    context = changed(context, {"engine.epochs": 4, "engine.patience": 4, "paste": {"_name": "copy_paste"}})
    with pytest.raises(Interrupted):
        run(replace(context, report=fail_after(2)))
    assert records.read(context.record_file).status is Status.FAILED
    record = run(context)
    assert (record.status, record.attempt, record.resumed_from_epoch, record.error) == (Status.COMPLETE, 2, 2, None)
    rows = history(context.folder)
    assert list(zip(rows["attempt"], rows["epoch"], strict=True)) == [(1, 1), (1, 2), (1, 3), (2, 3), (2, 4)]
    whole = run(replace(context, trial="whole"))
    assert record.counts == whole.counts
    assert record.pasting == whole.pasting
    assert sum(whole.pasting.values()) == 4 * 12  # all epochs, also those after the best one
    assert record.objective == whole.objective


def test_a_resumed_trial_draws_by_the_schedule_of_foreground_as_if_unbroken(context):
    settings = {"engine.epochs": 4, "sampling": {"_name": "mixed", "positive_ratio": [0.8, 0.3]}}
    settings |= {"loss": {"_name": "proposed", "presence_weight": 0.5}, "model.presence": "encoder"}
    context = changed(context, settings | {"optim.name": "radam", "engine.patience": 0})
    with pytest.raises(Interrupted):
        run(replace(context, report=fail_after(2)))
    record, whole = run(context), run(replace(context, trial="whole"))
    assert (record.attempt, record.resumed_from_epoch) == (2, 2)
    assert record.counts == whole.counts
    assert record.sums == whole.sums


def test_a_trial_that_died_after_its_training_is_not_trained_again(finished, context):
    shutil.copytree(finished.folder, context.folder)
    running = finished.record.model_copy(update={"status": Status.RUNNING, "counts": {}, "objective": None})
    records.write(running, context.record_file)
    reports = []
    record = run(replace(context, report=reports.append))
    assert (record.attempt, record.resumed_from_epoch, reports) == (2, 2, [])
    assert record.counts == finished.record.counts
    assert record.objective == finished.record.objective


def test_a_trial_begins_with_the_weights_of_another(finished, context, capsys):
    checkpoint = finished.folder / "checkpoints" / "best.ckpt"
    begun = changed(context, {"model.weights": str(checkpoint), "engine.epochs": 1, "engine.patience": 0})
    record = run(begun)
    assert record.first_weights in capsys.readouterr().out.splitlines()
    numbers = re.search(
        r"weights: (\d+) of (\d+) tensors of the encoder and (\d+) of (\d+) others", record.first_weights
    )
    assert (numbers[1], numbers[3]) == (numbers[2], numbers[4])
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert record.first_weights.endswith(f"from {checkpoint}; sha256 {digest}")
    assert records.read(begun.record_file) == record
    assert finished.record.first_weights == ""


def test_a_trial_is_not_resumed_with_another_file_of_weights(finished, context, tmp_path):
    file = tmp_path / "w.ckpt"
    shutil.copy(finished.folder / "checkpoints" / "best.ckpt", file)
    context = changed(context, {"model.weights": str(file), "engine.patience": 0})
    with pytest.raises(Interrupted):
        run(replace(context, report=fail_after(1)))
    shutil.copy(finished.folder / "checkpoints" / "last.ckpt", file)
    with pytest.raises(AttemptError, match="which differs in the content of the file model.weights: give another"):
        run(context)
    shutil.copy(finished.folder / "checkpoints" / "best.ckpt", file)
    assert run(context).status is Status.COMPLETE


def test_a_complete_trial_is_not_run_again(finished, context):
    context = replace(context, results=finished.folder.parents[2], study="shared", trial="one")
    before = (finished.folder / "record.json").read_bytes()
    with pytest.raises(AttemptError, match="complete already"):
        run(context)
    assert (finished.folder / "record.json").read_bytes() == before


def test_another_seed_makes_another_network(finished, context):
    other = run(changed(context, {"seed": 1}))
    assert other.config_hash == finished.record.config_hash
    assert other.block != finished.record.block
    assert other.counts["test"] != finished.record.counts["test"]
