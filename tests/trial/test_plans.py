"""A trial of several trainings: its record and its files, how it goes on after a kill, and what is refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from rarepix import layout, records
from rarepix.choices import ChoiceError
from rarepix.cli import trial
from rarepix.config import TrialConfig, config_hash, load_recipe, updated
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.records import Status
from rarepix.settings import ConfigError
from rarepix.trial.lifecycle import AttemptError, RunContext
from rarepix.trial.plan import Plan, stage_config, train_in_order
from rarepix.trial.plans import PLANS, find_plan
from rarepix.trial.run import run
from tests.house.source import CHECKOUT
from tests.trial import two_stages
from tests.trial.two_stages import NAME, PLAN, TwoStageConfig
from trials import segment

EPOCHS = {"coarse": 2, "refine": 3}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLANS, NAME, PLAN)


@pytest.fixture(scope="module")
def whole(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """A complete trial of two stages, with its validation reports in ``reports.json``. Not to be changed."""
    context = context_of(tiny_recipe, tmp_path_factory.mktemp("whole"))
    reports = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLANS, NAME, PLAN)
        run(replace(context, report=reports.append))
    (context.folder / "reports.json").write_text(json.dumps(reports))
    return context


def context_of(recipe: Path, results: Path, **parameters: object) -> RunContext:
    config = updated(load_recipe(recipe, TwoStageConfig), parameters)
    return RunContext(config=config, results=results, study="tiny", trial="t", parameters=parameters, plan=NAME)


@pytest.fixture
def copied(whole: RunContext, tmp_path: Path) -> RunContext:
    """A copy of the complete trial in another folder, whose process died before its record was complete."""
    context = replace(whole, results=tmp_path)
    shutil.copytree(whole.folder, context.folder)
    document = json.loads(context.record_file.read_text())
    document |= {"status": "running", "stages": [], "counts": {}, "sums": {}, "objective": None, "finished": None}
    context.record_file.write_text(json.dumps(document))
    return context


def history(context: RunContext) -> pd.DataFrame:
    return pd.read_csv(context.folder / "history.csv")


def test_one_record_tells_of_both_trainings(whole):
    record = records.read(whole.record_file)
    assert (record.status, record.plan, record.attempt) == (Status.COMPLETE, NAME, 1)
    assert TwoStageConfig(**record.config) == whole.config
    assert {stage.name: stage.epochs for stage in record.stages} == EPOCHS
    coarse, refined = record.stages
    rows = history(whole)
    for stage, before in ((coarse, 0), (refined, 2)):
        of_stage = rows[rows["stage"] == stage.name]
        best = of_stage.loc[of_stage["objective"].idxmax()]
        assert stage.objective.epoch + before == best["epoch"]
        assert stage.objective.value == pytest.approx(best["objective"])
        assert (whole.folder / stage.checkpoint).is_file()
    assert record.objective == refined.objective.model_copy(update={"epoch": refined.objective.epoch + 2})
    assert record.files["best"] == refined.checkpoint == "stages/refine/checkpoints/best.ckpt"


def test_the_history_goes_on_from_stage_to_stage(whole):
    rows = history(whole)
    assert rows["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert rows["step"].tolist() == [3, 6, 9, 12, 15]
    assert rows["stage"].tolist() == ["coarse"] * 2 + ["refine"] * 3
    assert rows["lr"].iloc[2] < 0.002 < rows["lr"].iloc[0]  # of the schedule of each stage
    assert rows["train_ce"].notna().tolist() == [True] * 2 + [False] * 3
    assert rows["train_focal"].notna().tolist() == [False] * 2 + [True] * 3
    reports = json.loads((whole.folder / "reports.json").read_text())
    assert [scores["epoch"] for scores in reports] == [1, 2, 3, 4, 5]
    seconds = [scores["seconds"] for scores in reports]
    assert seconds == sorted(seconds)


def test_the_first_stage_is_the_trial_of_one_stage(whole, finished):
    """The same data, seeds and configuration: its curve is that of the trial that trains it alone."""
    alone, coarse = pd.read_csv(finished.folder / "history.csv"), history(whole).iloc[:2]
    shared = [name for name in alone if name != "seconds"]
    pd.testing.assert_frame_equal(coarse[shared], alone[shared])


def test_the_second_stage_begins_with_the_weights_of_the_first(whole, tmp_path):
    """With a rate that changes next to nothing, the second network scores as the first one did."""
    still = updated(whole.config, {"refine.lr": 1e-12, "refine.epochs": 1})
    record = run(replace(whole, config=still, results=tmp_path))
    coarse, refined = record.stages
    assert coarse.objective.value == records.read(whole.record_file).stages[0].objective.value
    # its statistics of batch normalisation are of three steps more
    assert refined.objective.value == pytest.approx(coarse.objective.value, abs=0.05)
    best = [
        torch.load(context / stage.checkpoint, weights_only=True)["state_dict"]
        for context, stage in ((whole.folder, coarse), (tmp_path / "tiny/trials/t", refined))
    ]
    trained = [name for name in best[0] if name.endswith("weight")]
    assert len(trained) > 20
    for name in trained:
        torch.testing.assert_close(best[1][name], best[0][name], rtol=0, atol=1e-6)


def test_files_of_each_stage_lie_apart_and_tables_of_the_last_in_the_trials_folder(whole):
    for name in EPOCHS:
        files = {file.name for file in layout.stage_folder(whole.folder, name).iterdir()}
        assert files == {"checkpoints", "images.parquet", "examples.png", "weights.csv", "split.csv", "stage.json"}
    for table in ("images.parquet", "split.csv", "weights.csv", "examples.png"):
        refined = layout.stage_folder(whole.folder, "refine") / table
        assert (whole.folder / table).read_bytes() == refined.read_bytes()
    assert not (whole.folder / "checkpoints").exists()
    record = records.read(whole.record_file)
    assert all((whole.folder / path).is_file() for path in record.files.values())
    images = pd.read_parquet(whole.folder / "images.parquet")
    pooled = images.groupby(["split", "class"])[["tp", "fp", "fn", "tn"]].sum()
    for split, classes in record.counts.items():
        for name, counts in classes.items():
            assert pooled.loc[(split, name)].to_dict() == counts.model_dump()


def test_a_checkpoint_says_which_stage_it_belongs_to(whole):
    for name, config in PLAN.stage_configs(whole.config).items():
        for file in (layout.stage_folder(whole.folder, name) / "checkpoints").iterdir():
            metadata = torch.load(file, weights_only=True)["rarepix"]
            assert metadata["stage"] == {"name": name, "config_hash": config_hash(config)}


def test_the_network_of_a_trial_is_that_of_the_stage_that_judges_it(whole):
    coarse, refined = PLAN.stage_configs(whole.config).values()
    trained = load_trained_model(whole.folder)
    assert trained.checkpoint == layout.stage_folder(whole.folder, "refine") / "checkpoints" / "best.ckpt"
    assert trained.config == updated(refined, {"model.weights": "none"})
    first = load_trained_model(layout.stage_folder(whole.folder, "coarse"))
    assert first.config == updated(coarse, {"model.weights": "none"})
    state = torch.load(first.checkpoint, weights_only=True)["state_dict"]
    for name, value in first.module.model.state_dict().items():
        assert torch.equal(value, state[f"model.{name}"])


def test_event_files_of_each_stage_have_a_folder(tiny_recipe, tmp_path):
    short = {"engine.tensorboard": True, "engine.epochs": 1, "refine.epochs": 1}
    context = context_of(tiny_recipe, tmp_path, **short)
    record = run(context)
    assert record.files["tensorboard"] == "tensorboard"
    assert sorted(folder.name for folder in (context.folder / "tensorboard").iterdir()) == ["coarse", "refine"]


LONG = ["sampling.images_per_epoch=48", "paste={_name: copy_paste, donors: uniform}"]


def test_killed_in_the_second_stage_it_is_the_trial_that_it_would_have_been(tiny_recipe, tmp_path, environment, capsys):
    settings = [word for setting in LONG for word in ("--set", setting)]
    place = ["--recipe", str(tiny_recipe), "--results", str(tmp_path), "--trial", "t", *settings]
    folder = layout.trial_folder(tmp_path, "tiny", "t")
    process = subprocess.Popen(
        [sys.executable, "-m", two_stages.__name__, *place],
        env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    kill_when_there_is(folder / "stages/refine/checkpoints/last.ckpt", process)
    killed, before = records.read(folder / "record.json"), pd.read_csv(folder / "history.csv")
    assert (killed.status, [stage.name for stage in killed.stages]) == (Status.RUNNING, ["coarse"])
    coarse = {file: file.stat().st_mtime_ns for file in (folder / "stages/coarse").rglob("*") if file.is_file()}

    assert two_stages.main(place) == 0
    record = records.read(folder / "record.json")
    assert (record.status, record.attempt) == (Status.COMPLETE, 2)
    assert record.resumed_from_epoch in (3, 4)  # of the trial: both epochs of the first stage are among them
    assert {file: file.stat().st_mtime_ns for file in coarse} == coarse  # it was not trained again
    rows = pd.read_csv(folder / "history.csv")
    assert rows.iloc[: len(before)].equals(before)
    again = rows[rows["attempt"] == 2]
    assert again["epoch"].tolist() == [*range(record.resumed_from_epoch + 1, 6)]
    assert set(again["stage"]) == {"refine"}

    assert two_stages.main([*place, "--study", "whole"]) == 0
    unbroken = layout.trial_folder(tmp_path, "whole", "t")
    other = records.read(unbroken / "record.json")
    assert (other.attempt, other.resumed_from_epoch) == (1, None)
    same = ("counts", "sums", "objective", "stages", "pasting")
    assert {name: getattr(record, name) for name in same} == {name: getattr(other, name) for name in same}
    assert sum(other.pasting.values()) == 5 * 48
    curves = [
        pd.read_csv(file / "history.csv").drop_duplicates("epoch", keep="last").drop(columns=["attempt", "seconds"])
        for file in (folder, unbroken)
    ]
    pd.testing.assert_frame_equal(*[curve.reset_index(drop=True) for curve in curves])


def kill_when_there_is(file: Path, process: subprocess.Popen) -> None:
    limit = time.monotonic() + 120
    while not file.is_file():
        assert process.poll() is None, f"it ended before it could be killed: {process.communicate()}"
        assert time.monotonic() < limit
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_trial_that_died_after_its_stages_is_not_trained_again(whole, copied):
    reports = []
    record, before = run(replace(copied, report=reports.append)), records.read(whole.record_file)
    assert (record.attempt, record.resumed_from_epoch, reports) == (2, 5, [])
    for name in ("counts", "sums", "objective", "stages", "pasting", "dataset", "device", "files"):
        assert getattr(record, name) == getattr(before, name)
    trained = ("train", "validate", "test", "fit")
    assert {name: record.timings[name] for name in trained} == {name: before.timings[name] for name in trained}


def test_between_two_stages_it_goes_on_with_the_second(whole, copied):
    shutil.rmtree(layout.stage_folder(copied.folder, "refine"))
    record = run(copied)
    assert (record.attempt, record.resumed_from_epoch) == (2, 2)
    rows = history(copied)
    assert rows.loc[rows["attempt"] == 2, "epoch"].tolist() == [3, 4, 5]
    assert record.counts == records.read(whole.record_file).counts


def test_a_checkpoint_of_another_stage_is_refused(copied):
    coarse, refine = (layout.stage_folder(copied.folder, name) for name in EPOCHS)
    (refine / "stage.json").unlink()
    shutil.copy(coarse / "checkpoints" / "last.ckpt", refine / "checkpoints" / "last.ckpt")
    hashes = [config_hash(config) for config in PLAN.stage_configs(copied.config).values()]
    with pytest.raises(AttemptError) as refused:
        run(copied)
    assert str(refused.value) == (
        f"{refine}/checkpoints/last.ckpt must belong to stage 'refine' (configuration {hashes[1]}), but belongs to "
        f"stage 'coarse' (configuration {hashes[0]}): put the right file there, or remove it to train the stage from "
        f"its beginning"
    )
    assert records.read(copied.record_file).error.type == "AttemptError"


def test_a_result_of_another_stage_or_half_a_result_is_refused(copied):
    coarse, refine = (layout.stage_folder(copied.folder, name) / "stage.json" for name in EPOCHS)
    whole_text = refine.read_text()
    shutil.copy(coarse, refine)
    with pytest.raises(AttemptError, match=r"stage.json must belong to stage 'refine' .* belongs to stage 'coarse'"):
        run(copied)
    refine.write_text(whole_text[:200])
    with pytest.raises(AttemptError, match=r"refine/stage.json must be the whole result of a stage, but: "):
        run(copied)


def test_a_checkpoint_without_a_stage_is_of_a_trial_with_one(copied, finished, tiny_config, tmp_path):
    """Checkpoints of before name no stage: they are resumed, but not as one of several."""

    def forget_stage(file: Path) -> None:
        state = torch.load(file, weights_only=True)
        del state["rarepix"]["stage"]
        torch.save(state, file)

    refine = layout.stage_folder(copied.folder, "refine")
    (refine / "stage.json").unlink()
    forget_stage(refine / "checkpoints" / "last.ckpt")
    with pytest.raises(AttemptError, match="must belong to stage 'refine' .*, but belongs to none that it names"):
        run(copied)

    context = RunContext(config=tiny_config, results=tmp_path / "one", study="s", trial="t", parameters={})
    shutil.copytree(finished.folder, context.folder)
    document = json.loads(context.record_file.read_text()) | {"status": "running", "schema": 1}
    for later in ("plan", "stages", "sums"):
        del document[later]
    context.record_file.write_text(json.dumps(document))
    forget_stage(context.folder / "checkpoints" / "last.ckpt")
    record = run(context)
    assert (record.resumed_from_epoch, record.counts) == (2, finished.record.counts)


def test_a_trial_of_one_stage_lies_as_ever(finished):
    record = finished.record
    assert (record.plan, record.stages) == ("segment", [])
    assert not (finished.folder / "stages").exists()
    assert "stage" not in pd.read_csv(finished.folder / "history.csv")
    assert record.files["best"] == "checkpoints/best.ckpt"


def test_a_folder_of_another_plan_is_refused(copied, tiny_config):
    with pytest.raises(AttemptError, match=r"'t' was begun by the plan 'two_stages', but got 'segment': give another"):
        run(replace(copied, config=tiny_config, plan="segment"))


def test_a_plan_that_does_not_exist_is_refused_and_leaves_nothing(tiny_config, tmp_path):
    context = RunContext(config=tiny_config, results=tmp_path, study="s", trial="t", parameters={}, plan="segmnt")
    with pytest.raises(ChoiceError, match=r"unknown plan 'segmnt': did you mean 'segment'\? valid: segment"):
        run(context)
    assert not context.folder.exists()


@pytest.fixture
def plan_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Return a function that registers a plan ``other``: stage → what is different in its configuration."""

    def make(run: Callable = train_in_order, **changes: dict) -> Plan:
        def stages(config: TrialConfig) -> dict[str, TrialConfig]:
            return {name: stage_config(config, parameters) for name, parameters in changes.items()}

        plan = Plan(description="", stages=stages, run=run)
        monkeypatch.setitem(PLANS, "other", plan)
        return plan

    return make


def test_a_script_whose_plan_does_not_exist_says_so_once(tiny_recipe, tmp_path, capsys):
    assert trial.main("segmnt", ["--recipe", str(tiny_recipe), "--results", str(tmp_path / "results")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "ChoiceError: unknown plan 'segmnt': did you mean 'segment'? valid: segment, two_stage, two_stages"
    assert not (tmp_path / "results").exists()


def test_the_recipe_of_a_plan_may_have_its_sections_and_no_others(tiny_recipe, tmp_path, capsys):
    place = ["--recipe", str(tiny_recipe), "--results", str(tmp_path / "results")]
    assert two_stages.main([*place, "--set", "refine.lrr=1"]) == 1
    assert capsys.readouterr().err.startswith(
        "ConfigError: unknown key 'refine.lrr': did you mean 'refine.lr'? valid: "
    )
    assert two_stages.main([*place, "--set", "refine.epochs=1", "--set", "engine.validate_every=2"]) == 1
    assert "engine.validate_every must be at most engine.epochs = 1, but got 2" in capsys.readouterr().err
    assert segment.main([*place, "--set", "refine.lr=1"]) == 1
    assert capsys.readouterr().err.startswith("ConfigError: unknown key 'refine.lr': ")
    assert not (tmp_path / "results").exists()


def test_the_length_of_a_trial_is_that_of_all_its_stages(plan_of, tiny_config):
    assert find_plan("segment").epochs(tiny_config) == 2
    assert plan_of(a={}, b={"engine.epochs": 5}, c={"engine.epochs": 1}).epochs(tiny_config) == 8


def test_what_a_stage_cannot_be_run_with_is_refused(plan_of, tiny_config):
    with pytest.raises(ConfigError, match=r"optim.warmup must be at most engine.epochs = 2, but got 3"):
        plan_of(a={}, b={"optim.warmup": 3}).stage_configs(tiny_config)
    with pytest.raises(ConfigError, match=r"engine.devices must be the same in all stages \(1\), but stage 'b' has 2"):
        plan_of(a={}, b={"engine.devices": 2}).stage_configs(tiny_config)
    with pytest.raises(TypeError, match=r"a stage must be a plain name .* but got 'a/b' with a TrialConfig"):
        plan_of(**{"a/b": {}}).stage_configs(tiny_config)


def test_stages_are_trained_in_their_order(plan_of, tiny_config, tmp_path):
    plan_of(lambda stages: stages.train("b"), a={}, b={})
    context = RunContext(config=tiny_config, results=tmp_path, study="s", trial="t", parameters={}, plan="other")
    with pytest.raises(ValueError, match=r"must train its stages in their order, \['a', 'b'\], but .* asks for 'b'"):
        run(context)


def test_a_plan_may_judge_by_an_earlier_stage(plan_of, tiny_config, tmp_path):
    def judged_by_the_first(stages):
        first, _ = [stages.train(name) for name in stages.configs]
        return first

    plan_of(judged_by_the_first, a={"engine.epochs": 1}, b={"engine.epochs": 1, "optim.lr": 1e-5})
    record = run(RunContext(config=tiny_config, results=tmp_path, study="s", trial="t", parameters={}, plan="other"))
    assert record.objective == record.stages[0].objective != record.stages[1].objective
    assert record.files["best"] == "stages/a/checkpoints/best.ckpt"
