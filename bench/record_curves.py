"""Record learning curves of real trials on a grid of configurations, for ``bench.search`` to search in.

    CAMVID_TINY=/path/to/camvid_tiny python -m bench.record_curves        # 48 trials, one after the other, about 45 min
    CAMVID_TINY=/path/to/camvid_tiny python -m bench.record_curves --work /tmp/curves --out bench/curves/camvid_tiny.csv

Started again it goes on where it ended: finished trials lie under ``--work``. The table is written when all are there.
"""

import argparse
import csv
import io
import itertools
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

from rarepix import records
from rarepix.config import load_recipe, updated
from rarepix.files import write_text
from rarepix.records import Status, TrialRecord
from rarepix.trial.lifecycle import RunContext
from rarepix.trial.run import run

RECIPE = "camvid_tiny"
SETTINGS = {
    "engine.epochs": 16,
    "engine.threads": 1,
    "engine.tensorboard": False,
    "engine.progress": "off",
    "crop.size": [96, 96],
    "model.encoder": "tu-mobilenetv3_small_100",
    "model.weights": "none",
    "optim.encoder_ratio": 1.0,
}
"""Over the recipe: a trial of well under a minute on one core, with the small encoder of the published curves."""
GRID = {
    "optim.lr": (0.0003, 0.000579, 0.00112, 0.00216, 0.00417, 0.00805, 0.0155, 0.03),
    "loss.name": ("ce", "focal", "dice"),
    "sampling.kind": ("uniform", "inverse_log"),
}
"""Key → its values; focal's gamma is its default, 2."""
PUBLISHED = Path(__file__).parent / "curves" / "camvid_tiny.csv"
VERSIONS = ("rarepix", "torch", "segmentation-models-pytorch", "albumentations", "code")


def main() -> None:
    """Run the trials that are missing, then write the table."""
    given = _parser().parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    done = []
    for number, configuration in enumerate(grid()):
        done.append(_trial(given.work, number, configuration))
        objective = done[-1][0].objective
        print(f"{number:2d} {configuration} {objective.name} {objective.value:.4f}", flush=True)
    write_text(given.out, _table(done))
    print(f"{len(done)} curves: {given.out}")


def grid() -> Iterator[dict[str, float | str]]:
    """Yield the configurations of the grid."""
    for values in itertools.product(*GRID.values()):
        yield dict(zip(GRID, values, strict=True))


def _trial(work: Path, number: int, configuration: dict[str, float | str]) -> tuple[TrialRecord, list[float]]:
    """Return the record of a trial and its objective at each epoch; run it unless it is complete."""
    context = RunContext(
        config=updated(updated(load_recipe(RECIPE), SETTINGS), configuration),
        results=work,
        study="curves",
        trial=f"{number:02d}",
        parameters=configuration,
        settings=SETTINGS,
    )
    record = records.read(context.record_file) if context.record_file.is_file() else None
    if record is None or record.status is not Status.COMPLETE:
        record = run(context)
    with (context.folder / record.files["history"]).open(encoding="utf-8", newline="") as file:
        curve = {int(row["epoch"]): float(row["objective"]) for row in csv.DictReader(file)}  # of the last attempt
    if sorted(curve) != list(range(1, SETTINGS["engine.epochs"] + 1)):
        raise ValueError(f"{context.folder} must have an objective at every epoch, but has {sorted(curve)}: remove it")
    return record, [curve[epoch] for epoch in sorted(curve)]


def _table(done: list[tuple[TrialRecord, list[float]]]) -> str:
    """Return the table as text: comments that say how it was made, then a row per configuration."""
    first = done[0][0]
    text = io.StringIO()
    print("# Validation miou of real trials at each epoch (columns 1, 2, …), one seed, rounded to 4 digits.", file=text)
    print("# Made by: CAMVID_TINY=/path/to/camvid_tiny python -m bench.record_curves", file=text)
    print(f"# Recipe {RECIPE} with {', '.join(f'{key}={value}' for key, value in SETTINGS.items())}", file=text)
    print(f"# Data {first.dataset.name}, inventory {first.dataset.inventory_hash}, block {first.block}", file=text)
    print(f"# Versions {', '.join(f'{name} {first.versions[name]}' for name in VERSIONS)}", file=text)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*GRID, *range(1, SETTINGS["engine.epochs"] + 1)])
    for configuration, (_, curve) in zip(grid(), done, strict=True):
        writer.writerow([*configuration.values(), *(f"{value:.4f}" for value in curve)])
    return text.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.record_curves", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, default=Path("results/curves"), help="where the trials leave their records"
    )
    parser.add_argument("--out", type=Path, default=PUBLISHED, help="the table")
    return parser


if __name__ == "__main__":
    main()
