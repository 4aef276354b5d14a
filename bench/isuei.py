"""Train the 14 experiments on full-background images for two epochs, evaluate them, predict with them, print a table.

    python -m bench.isuei                             # on a drawn dataset of three classes, minutes on two cores
    ISUEI_DATA=/path/to/data python -m bench.isuei    # on these data, too: lists train, val and test
    python -m bench.isuei --only unet_r50 --only fapn_r50

The networks are the published ones, the images small: this shows that every experiment runs from its recipe to masks,
not how good it is. The numbers are those of ``rarepix evaluate`` on the test part.
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarepix.cli.trial import main as run_trial
from rarepix.data.source import Item
from rarepix.data.synthetic import draw_full_background
from rarepix.evaluation.checkpoint import TrainedModel, load_classifier, load_trained_model
from rarepix.evaluation.full_background import PUBLISHED, UNGATED, evaluate_one
from rarepix.evaluation.predict import predict
from rarepix.evaluation.test import select_items
from rarepix.evaluation.two_stage_numbers import TWO_STAGES, evaluate_two
from rarepix.files import replacing
from rarepix.layout import CHECKPOINTS, results_root, trial_folder

CLASSIFIER, SECOND_STAGE = "r50_classification", "unet_r50_segmentation"
EXPERIMENTS = (
    *(CLASSIFIER, SECOND_STAGE, "unet_r50", "unet_hc_r50", "isuei_unet_r50"),
    *("effdet_d2", "isuei_d2", "fapn_r50", "isuei_fapn_r50", "unet_r50_focal", "isuei_unet_r50_focal"),
    *("unet_r50_randomsampling", "unet_r50_oversampling", "unet_r50_undersampling"),
)
SMALLER = {
    "data.workers": 0,
    "engine.epochs": 2,
    "engine.batch_size": 8,
    "engine.tensorboard": False,
    "engine.progress": "off",
    "sampling.steps_per_epoch": 3,
}
"""What is different from the recipes, beside the size: so little is trained that the networks can stay as they are."""
FURTHER = ("empty_false_alarm_rate", "sensitivity")
"""Columns of the table beside the published numbers."""


def main() -> None:
    """Draw data, run every experiment on each dataset, print and write the table."""
    given = _parser().parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="isuei-") as folder:
        drawn = draw_full_background(Path(folder) / "drawn", images=given.images, size=(64, 80))
        roots = {"drawn": drawn}
        if os.environ.get("ISUEI_DATA"):
            roots["data"] = Path(os.environ["ISUEI_DATA"])
        for name, root in roots.items():
            print(f"{name}: {root}", flush=True)
            for row in _rows(root, given.only or EXPERIMENTS, given.size, Path(folder)):
                rows.append(row)
                print(_line(row), flush=True)
    file = results_root() / "isuei" / "table.csv"
    with replacing(file) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    print(f"table: {file}")


def _rows(root: Path, experiments: Sequence[str], size: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each experiment, and one for the two stages after those of which they are made."""
    trials = {}
    for name in experiments:
        started = time.process_time()
        trial = _train(name, root, size, folder / "results" / root.name)
        seconds = time.process_time() - started
        trained = load_trained_model(trial)
        items = select_items(trained, part="test", listed=None)[2]
        predicted = _predict(trained, items, folder / "predicted")
        yield _row(root, name, seconds, trained, predicted, evaluate_one(trained, items)[UNGATED])
        if name in (CLASSIFIER, SECOND_STAGE):
            trials[name] = trial
        else:  # a checkpoint with the state of the optimiser takes a gigabyte
            shutil.rmtree(trial / CHECKPOINTS)
        if name in trials and len(trials) == 2:
            second = load_trained_model(trials[SECOND_STAGE])
            second = second._replace(classifier=load_classifier(trials[CLASSIFIER], second.config, second.labels))
            yield _row(root, "these two, in two stages", 0, second, 0, evaluate_two(second, items)[TWO_STAGES])
    shutil.rmtree(folder / "results")


def _train(name: str, root: Path, size: int, results: Path) -> Path:
    """Train one experiment on small images and return the trial's folder."""
    settings = SMALLER | {"data.root": str(root), "data.resize": [size, size]}
    words = ["--recipe", f"isuei/{name}", "--results", str(results), "--study", "isuei", "--trial", name]
    words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with contextlib.redirect_stdout(io.StringIO()):
        code = run_trial("segment", words)
    if code:
        sys.exit(f"{name} on {root}: the trial ended with exit code {code}")
    return trial_folder(results, "isuei", name)


def _predict(trained: TrainedModel, items: Sequence[Item], out: Path) -> int:
    """Predict the images of *items* into *out* and return how many files of masks, or rows of a table, there are."""
    shutil.rmtree(out, ignore_errors=True)
    form = "palette" if trained.has_masks else None
    table = predict(trained, [item.image for item in items], out, form=form, overlays=False)
    return len(list((out / "masks").iterdir())) if form else table["image"].nunique()


def _row(
    root: Path, name: str, seconds: float, trained: TrainedModel, predicted: int, numbers: Mapping[str, float]
) -> dict[str, Any]:
    parameters = sum(each.numel() for each in trained.module.model.parameters())
    columns = {"data": root.name, "experiment": name, "parameters": parameters, "cpu_seconds": round(seconds, 1)}
    return columns | {"predicted": predicted} | {key: numbers[key] for key in (*PUBLISHED, *FURTHER)}


def _line(row: Mapping[str, Any]) -> str:
    numbers = "  ".join(f"{row[key]:.3f}" for key in (*PUBLISHED, *FURTHER))
    what = f"{row['data']:20} {row['experiment']:26} {row['parameters'] / 1e6:6.1f} M {row['cpu_seconds']:6.1f} s"
    return f"{what}  {numbers}  predicted {row['predicted']}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.isuei", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=EXPERIMENTS, help="this experiment; may be repeated")
    parser.add_argument("--images", type=int, default=40, help="images to draw")
    parser.add_argument("--size", type=int, default=64, help="rows and columns that images are resized to")
    return parser


if __name__ == "__main__":
    main()
