"""A trial from the first word of its record to the last, and how it ends when something goes wrong."""

import json
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from rarepix import records
from rarepix.config import TrialConfig, config_hash, updated
from rarepix.engine.module import NonFiniteLoss
from rarepix.records import Status
from rarepix.trial.lifecycle import AttemptError, RunContext
from rarepix.trial.run import run

CLASSES = ("ground", "block", "stripe", "dot")


@pytest.fixture
def place(tmp_path) -> RunContext:
    return RunContext(results=tmp_path, study="s", trial="t", parameters={})


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


def test_the_images_add_up_to_the_record(finished):
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


def test_an_epoch_that_was_better_than_the_last_is_kept_and_counted(tmp_path, tiny_config):
    for rate in (0.3, 0.5, 1.0):  # too fast to get better and better; the first one nearly always does it
        place = RunContext(results=tmp_path, study="s", trial=str(rate), parameters={})
        config = updated(tiny_config, {"optim.lr": rate, "optim.schedule": "constant", "engine.epochs": 6})
        record, rows = run(config, place), history(place.folder)
        assert record.objective.epoch == rows.loc[rows["objective"].idxmax(), "epoch"]
        assert record.objective.value == pytest.approx(rows["objective"].max())
        if record.objective.epoch < 6:
            return
    pytest.fail("each of the trials was best at its end: nothing was seen")


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


def test_the_files_named_are_there_and_no_others(finished):
    files = finished.record.files
    assert {"history", "images", "weights", "split", "best", "last"} <= set(files)
    found = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*") if path.is_file()}
    assert found == {*files.values(), "record.json", ".lock"}
    weights = pd.read_csv(finished.folder / files["weights"], index_col="image")["weight"]
    assert len(weights) == 12
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["best", "last"])
def test_checkpoints_load_without_unpickling(finished, name):
    state = torch.load(finished.folder / finished.record.files[name], weights_only=True)
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


def test_without_a_test_list_there_are_validation_counts_alone(place, tiny_config):
    record = run(updated(tiny_config, {"data.test_list": None, "engine.epochs": 1}), place)
    assert set(record.counts) == {"val"}


def test_a_listener_hears_each_validation(place, tiny_config):
    heard = []
    run(tiny_config, place, heard.append)
    assert [scores["objective"] for scores in heard] == pytest.approx(history(place.folder)["objective"].tolist())


def test_weights_that_the_very_last_step_ruined(place, tiny_config):
    """The loss of that step was finite, and answers made of NaN would score like always saying the first class."""
    one_step = {"sampling.images_per_epoch": tiny_config.engine.batch_size, "engine.epochs": 1, "optim.lr": 1e30}
    with pytest.raises(NonFiniteLoss, match=r"the loss must be finite, but at step 1 val_loss = nan"):
        run(updated(tiny_config, one_step), place)
    assert records.read(place.record_file).status is Status.FAILED
    assert not (place.folder / "checkpoints" / "best.ckpt").exists()
    assert not (place.folder / "history.csv").exists()


def test_a_loss_that_is_not_finite(place, tiny_config):
    config = updated(tiny_config, {"optim.lr": 1e30})
    with pytest.raises(
        NonFiniteLoss, match=r"the loss must be finite, but at step \d loss = nan, ce = nan: use a smaller optim.lr"
    ):
        run(config, place)
    record = records.read(place.record_file)
    assert (record.status, record.error.type) == (Status.FAILED, "NonFiniteLoss")
    assert "at step" in record.error.message
    assert record.error.where.startswith("module.py:")
    assert (record.objective, record.counts) == (None, {})
    assert record.finished
    # what was known before it failed is still said
    assert (record.dataset.name, record.device) == ("tiny", "CPU, 1 threads")
    assert record.timings["startup_total"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_demanded_where_there_is_none(place, tiny_config):
    with pytest.raises(RuntimeError, match=r"engine\.device=gpu needs a GPU"):
        run(updated(tiny_config, {"engine.device": "gpu"}), place)
    record = records.read(place.record_file)
    assert (record.status, record.error.type, record.dataset) == (Status.FAILED, "HardwareError", None)


def test_an_interrupt_is_a_stop(place, tiny_config):
    def interrupt(scores: dict[str, float]) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if a shell started us with &
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            run(tiny_config, place, interrupt)
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    record = records.read(place.record_file)
    assert (record.status, record.error, record.counts) == (Status.STOPPED, None, {})


class Ended(RuntimeError):
    """Ends a trial in its middle."""


def end_after(validations: int):
    """Return a listener that ends the trial at the validation after that many."""
    heard = []

    def listener(scores: dict[str, float]) -> None:
        heard.append(scores)
        if len(heard) > validations:
            raise Ended("enough")

    return listener


def test_a_failed_trial_goes_on_from_its_last_checkpoint(place, tmp_path, tiny_config):
    config = updated(tiny_config, {"engine.epochs": 4, "engine.patience": 4})
    with pytest.raises(Ended):
        run(config, place, end_after(2))
    assert records.read(place.record_file).status is Status.FAILED
    record = run(config, place)
    assert (record.status, record.attempt, record.resumed_from_epoch, record.error) == (Status.COMPLETE, 2, 2, None)
    rows = history(place.folder)
    assert list(zip(rows["attempt"], rows["epoch"], strict=True)) == [(1, 1), (1, 2), (1, 3), (2, 3), (2, 4)]
    whole = run(config, RunContext(results=tmp_path, study="s", trial="whole", parameters={}))
    assert record.counts == whole.counts
    assert record.objective == whole.objective


def test_a_trial_that_died_before_its_last_word_is_not_trained_again(finished, tmp_path, tiny_config):
    place = RunContext(results=tmp_path, study="s", trial="t", parameters={})
    shutil.copytree(finished.folder, place.folder)
    running = finished.record.model_copy(update={"status": Status.RUNNING, "counts": {}, "objective": None})
    records.write(running, place.record_file)
    heard = []
    record = run(tiny_config, place, heard.append)
    assert (record.attempt, record.resumed_from_epoch, heard) == (2, 2, [])
    assert record.counts == finished.record.counts
    assert record.objective == finished.record.objective


def test_a_complete_trial_is_not_run_again(finished, tiny_config):
    place = RunContext(results=finished.folder.parents[2], study="shared", trial="one", parameters={})
    before = (finished.folder / "record.json").read_bytes()
    with pytest.raises(AttemptError, match="complete already"):
        run(tiny_config, place)
    assert (finished.folder / "record.json").read_bytes() == before


def test_seeds_make_other_networks(finished, place, tiny_config):
    other = run(updated(tiny_config, {"seed": 1}), place)
    assert other.config_hash == finished.record.config_hash
    assert other.block != finished.record.block
    assert other.counts["test"] != finished.record.counts["test"]
