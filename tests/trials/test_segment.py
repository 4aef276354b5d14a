"""The script: what it prints, what it returns, and that a trial which is killed can be resumed."""

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from rarepix import layout, records
from rarepix.records import Status
from rarepix.trial.lifecycle import NON_FINITE, OTHER, RunContext
from tests.trial.test_lifecycle import hold
from trials.segment import main

CHECKOUT = Path(__file__).parents[2]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trials.segment", *map(str, arguments)]


@pytest.fixture
def segment(tiny_recipe, tmp_path, capsys):
    """Run the script in this process; return its exit code and what it said."""

    def run(*arguments: object, recipe: object = tiny_recipe) -> tuple[int, str]:
        code = main(
            ["--recipe", str(recipe), "--results", str(tmp_path / "results"), "--trial", "t", *map(str, arguments)]
        )
        return code, capsys.readouterr().err

    return run


def settings(**parameters: object) -> list[str]:
    """``a_b=1`` → ``--set a.b=1``."""
    return [part for key, value in parameters.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]


def record_of(tmp_path: Path) -> records.TrialRecord:
    return records.read(layout.trial_folder(tmp_path / "results", "tiny", "t") / "record.json")


def test_the_script_by_itself_gives_the_same_counts_again(tiny_recipe, tmp_path, environment, finished):
    """In another process, in a place named by the environment, with the folder of trials named after the recipe."""
    ended = subprocess.run(
        command("--recipe", tiny_recipe, "--set", "engine.epochs=2", "--trial", "t"),
        env=environment | {"RAREPIX_RESULTS": str(tmp_path / "results")},
        cwd=CHECKOUT, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    record = record_of(tmp_path)
    assert (record.status, record.parameters) == (Status.COMPLETE, {"engine.epochs": 2})
    assert record.counts == finished.record.counts
    assert record.objective == finished.record.objective
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["objective", "objective", "miou"]
    assert lines[-1].startswith(f"miou {record.objective.value:.4f} (validation, epoch {record.objective.epoch}): ")
    assert lines[-1].endswith("results/tiny/trials/t/record.json")


LONG = settings(engine__epochs=3, sampling__images_per_epoch=48, sampling__kind="inverse_log", augment__rotate=10)


def kill_after_the_first_epoch(process: subprocess.Popen, folder: Path) -> None:
    limit = time.monotonic() + 120
    while not (folder / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None, f"it ended before it could be killed: {process.communicate()}"
        assert time.monotonic() < limit
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("workers", [0, 1])
def test_killed_and_started_again_it_is_the_trial_that_it_would_have_been(
    segment, tiny_recipe, tmp_path, environment, workers
):
    long = [*LONG, *settings(data__workers=workers)]
    place = ["--recipe", tiny_recipe, "--results", tmp_path / "results", "--trial", "t"]
    folder = layout.trial_folder(tmp_path / "results", "tiny", "t")
    process = subprocess.Popen(
        command(*place, *long), env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    kill_after_the_first_epoch(process, folder)
    assert process.returncode == -signal.SIGKILL
    killed = record_of(tmp_path)
    assert (killed.status, killed.attempt, killed.objective, killed.counts) == (Status.RUNNING, 1, None, {})
    before = pd.read_csv(folder / "history.csv")

    assert segment(*long)[0] == 0
    record = record_of(tmp_path)
    assert (record.status, record.attempt) == (Status.COMPLETE, 2)
    assert record.resumed_from_epoch in (1, 2)  # the signal takes its time
    rows = pd.read_csv(folder / "history.csv")
    assert rows.iloc[: len(before)].equals(before)
    assert rows["attempt"].unique().tolist() == [1, 2]
    assert rows.loc[rows["attempt"] == 2, "epoch"].tolist() == [*range(record.resumed_from_epoch + 1, 4)]

    assert segment(*long, "--study", "whole")[0] == 0
    whole = records.read(layout.trial_folder(tmp_path / "results", "whole", "t") / "record.json")
    assert (whole.attempt, whole.resumed_from_epoch) == (1, None)
    assert record.counts == whole.counts
    assert record.objective == whole.objective
    resumed, uninterrupted = (
        pd.read_csv(file / "history.csv").drop_duplicates("epoch", keep="last").drop(columns=["attempt", "seconds"])
        for file in (folder, folder.parents[2] / "whole" / "trials" / "t")
    )
    pd.testing.assert_frame_equal(resumed.reset_index(drop=True), uninterrupted.reset_index(drop=True))


def test_asked_to_end_it_does_not_say_success(tiny_recipe, tmp_path, environment):
    folder = layout.trial_folder(tmp_path / "results", "tiny", "t")
    arguments = [
        "--recipe",
        tiny_recipe,
        "--results",
        tmp_path / "results",
        "--trial",
        "t",
        *settings(engine__epochs=500),
    ]
    process = subprocess.Popen(
        command(*arguments), env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    limit = time.monotonic() + 120
    while not (folder / "history.csv").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert record_of(tmp_path).status is Status.STOPPED


REFUSED = [
    (settings(optim__rl=0.1), "ConfigError: unknown key 'optim.rl': did you mean 'optim.lr'? valid: "),
    (settings(optm__lr=0.1), "ConfigError: unknown key 'optm.lr': did you mean 'optim.lr'? valid sections: "),
    (settings(engine__epochs="many"), "ConfigError: engine.epochs: Input should be a valid integer"),
    (settings(optim__lr=-1), "ConfigError: optim.lr: Input should be greater than 0, but got -1"),
    (["--set", "optim.lr"], "ConfigError: a setting must be key=value, but got 'optim.lr'"),
    (settings(sampling__kind="invers_log"), "ConfigError: unknown sampling.kind 'invers_log': did you mean"),
    (settings(data__split="multilable"), "ConfigError: unknown data.split 'multilable': did you mean 'multilabel'"),
    (
        ["--trial", "../b"],
        "AttemptError: the name of a trial becomes the name of a folder, so it must",
    ),
]
FAILED = [
    (settings(data__root="/nowhere/at/all"), "the dataset must be a folder, but /nowhere/at/all does not exist"),
    (settings(data__folds="100"), "DataError: folds must be from 2 to the number of images, 18, but got 100"),
    (settings(data__train_list="trian"), "trian.txt must exist, but does not: this dataset has the lists train, val"),
    (settings(model__encoder="resnet1O"), "ChoiceError: unknown model.encoder 'resnet1O': did you mean 'resnet"),
    (settings(model__architecture="unett"), "ChoiceError: unknown model.architecture 'unett': did you mean 'unet'"),
    (settings(optim__lr="1e30"), "NonFiniteLoss: the loss must be finite, but at step "),
    pytest.param(
        settings(engine__device="gpu"), "HardwareError: engine.device=gpu needs a GPU that torch can use, but",
        marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_cannot_be_run_leaves_nothing(segment, tmp_path, arguments, message):
    code, said = segment(*arguments)
    assert code == 1
    assert said.startswith(message)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(("arguments", "message"), FAILED)
def test_what_fails_says_so_once_and_in_its_record(segment, tmp_path, arguments, message):
    code, said = segment(*arguments)
    assert code == (NON_FINITE if message.startswith("NonFiniteLoss") else OTHER)
    errors = [line for line in said.splitlines() if "Error: " in line or "NonFiniteLoss: " in line]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in said
    record = record_of(tmp_path)
    assert record.status is Status.FAILED
    assert message.removeprefix(f"{record.error.type}: ") in record.error.message


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("dmo", "FileNotFoundError: unknown recipe 'dmo': did you mean 'demo'? there are "),
        ("nowhere.yaml", "FileNotFoundError: the recipe must be a file, but nowhere.yaml does not exist"),
    ],
)
def test_a_recipe_that_is_not_there(segment, recipe, message):
    code, said = segment(recipe=recipe)
    assert (code, said.startswith(message)) == (1, True), said


def empty_list(root: Path) -> None:
    (root / "ImageSets/Segmentation/train.txt").write_text("")


def no_mask(root: Path) -> None:
    (root / "SegmentationClass/img05.png").unlink()


def small_mask(root: Path) -> None:
    Image.new("P", (90, 64)).save(root / "SegmentationClass/img05.png")


def strange_id(root: Path) -> None:
    Image.new("L", (96, 64), 7).save(root / "SegmentationClass/img05.png")


def coloured_mask(root: Path) -> None:
    Image.new("RGB", (96, 64)).save(root / "SegmentationClass/img05.png")


def truncated_image(root: Path) -> None:
    file = root / "JPEGImages/img05.jpg"
    file.write_bytes(file.read_bytes()[:900])


def absent_class(root: Path) -> None:
    description = json.loads((root / "dataset.json").read_text())
    description["classes"].append("unicorn")
    description["palette"].append([1, 2, 3])
    (root / "dataset.json").write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (empty_list, "train.txt must name at least one image, but is empty"),
        (no_mask, "needs an image and a mask, but missing: "),
        (small_mask, "img05.png must have the size of its image, 96×64, but has 90×64"),
        (strange_id, "img05.png must hold ids 0 to 3 or 255 (ignored), but holds [7]"),
        (coloured_mask, "img05.png must be an 8-bit palette or grey image of class ids, but has mode 'RGB'"),
        (truncated_image, "img05.jpg must be a readable image, but: "),
        (
            absent_class,
            "every class must be in at least one training image, but fold 0 of split 'multilabel' has none of: unicorn",
        ),
    ],
)
@pytest.mark.parametrize("cache_gib", [0, 2])
def test_damaged_data(segment, damaged_voc, tmp_path, damage, message, cache_gib):
    damage(damaged_voc)
    code, said = segment(*settings(data__root=damaged_voc, data__cache_gib=cache_gib))
    assert code == 1
    error = "MissingFiles" if damage is no_mask else "DataError"
    assert f"{error}: " in said
    assert message in said
    record = record_of(tmp_path)
    assert (record.status, record.error.type) == (Status.FAILED, error)
    assert str(damaged_voc) in record.error.message or damage is absent_class


def test_a_second_process_is_refused_and_changes_nothing(segment, tmp_path, tiny_config):
    context = RunContext(config=tiny_config, results=tmp_path / "results", study="tiny", trial="t", parameters={})
    spawn = multiprocessing.get_context("spawn")
    held, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(context, held, done))
    other.start()
    assert held.wait(60)
    code, said = segment()
    done.set()
    other.join(60)
    assert code == 1
    assert said.startswith("AttemptError: one process at a time may run a trial, but another one is running 't' in ")
    assert not context.record_file.exists()


def test_what_is_complete_or_of_another_configuration_is_refused(finished, tiny_recipe, capsys):
    before = (finished.folder / "record.json").read_bytes()
    place = [
        "--recipe",
        str(tiny_recipe),
        "--results",
        str(finished.folder.parents[2]),
        "--study",
        "shared",
        "--trial",
        "one",
    ]
    assert main(place) == 1
    assert "is complete already: give another --trial, or remove" in capsys.readouterr().err
    assert (finished.folder / "record.json").read_bytes() == before


def test_another_configuration_under_the_same_name_is_refused(segment, tmp_path):
    assert segment(*settings(data__root="/nowhere"))[0] == 1
    code, said = segment(*settings(optim__lr=0.5))
    assert code == 1
    assert said.startswith("AttemptError: trial 't' was begun with another configuration or block")
    assert record_of(tmp_path).attempt == 1


def test_half_a_record_is_not_taken_for_one(segment, tmp_path):
    assert segment(*settings(data__root="/nowhere"))[0] == 1
    file = layout.trial_folder(tmp_path / "results", "tiny", "t") / "record.json"
    file.write_text(file.read_text()[:200])
    code, said = segment()
    assert code == 1
    assert "record.json must be a whole record" in said


DISK_FULL = """
import resource, signal, sys
from tests.trial.test_lifecycle import hold
from trials.segment import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_ends_the_trial_and_leaves_the_record_before(segment, tiny_recipe, tmp_path, environment):
    assert segment(*settings(data__root="/nowhere"))[0] == 1
    folder = layout.trial_folder(tmp_path / "results", "tiny", "t")
    before = (folder / "record.json").read_bytes()
    arguments = ["--recipe", str(tiny_recipe), "--results", str(tmp_path / "results"), "--trial", "t"]
    ended = subprocess.run(
        [sys.executable, "-c", DISK_FULL, *arguments], env=environment, cwd=CHECKOUT, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "WriteError: " in ended.stderr
    assert "record.json must be written whole, but: File too large; what was there before is as it was" in ended.stderr
    assert (folder / "record.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "record.json"]


def test_the_traceback_is_shown_if_asked_for(segment):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        segment("--traceback", *settings(data__root="/nowhere"))


def test_parameters_are_recorded_as_they_were_given(segment, tmp_path):
    segment(*settings(data__root="/nowhere", loss="{_name: focal, gamma: 3.0}", optim__lr="1e-3"))
    record = record_of(tmp_path)
    assert record.parameters == {"data.root": "/nowhere", "loss": {"_name": "focal", "gamma": 3.0}, "optim.lr": 1e-3}
    assert (record.config["loss"]["gamma"], record.config["optim"]["lr"]) == (3.0, 1e-3)
    assert json.loads(record.model_dump_json())["config"]["data"]["root"] == "/nowhere"
