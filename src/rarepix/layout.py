"""The files of a study: every name once, for those that write them and those that read them.

::

    results/<study>/trials/<trial>/record.json        what the trial received, ran and counted (``rarepix.records``)
                                   history.csv        a row per validation (column ``attempt`` tells resumed runs apart)
                                   images.parquet     split, image, class, tp, fp, fn, tn
                                   weights.csv        image, weight: what the sampler drew by (and its foreground)
                                   split.csv          image, fold, pixels of each class
                                   clusters.csv       cluster × class: centroids, of a split by proportion_cluster
                                   donors.csv         class, probability, of copy-paste
                                   examples.png       worst and median validation image of each rare class, with errors
                                   checkpoints/       last.ckpt, best.ckpt; gate.json, where a gate was tuned
                                   tensorboard/       event files
                                   stages/<stage>/    of a trial of several trainings; see below
                    search/ledger.jsonl               the search's journal: one event a line
                           looks.jsonl                a line for each report with tests, written by the analysis
                           confirmations.json         which studies have confirmed this one
                    report/index.html                 written by the analysis

A trial of several trainings (``rarepix.trial.plan``) keeps the files of each in ``stages/<stage>/``: ``checkpoints/``,
``images.parquet``, ``split.csv`` and so on, and ``stage.json`` when it has finished. In the trial's own folder are the
history of all, with a column ``stage``, ``tensorboard/<stage>/``, and copies of the tables and the picture of the
training by which the trial is judged.
"""

import os
from collections.abc import Iterator
from pathlib import Path

RESULTS_VARIABLE = "RAREPIX_RESULTS"

TRIALS = "trials"
RECORD = "record.json"
HISTORY = "history.csv"
IMAGES = "images.parquet"
WEIGHTS = "weights.csv"
SPLIT = "split.csv"
CLUSTERS = "clusters.csv"
DONORS = "donors.csv"
EXAMPLES = "examples.png"
CHECKPOINTS = "checkpoints"
BEST = "best.ckpt"
GATE = "gate.json"
"""Beside the checkpoint that it is of."""
LAST = "last.ckpt"
TENSORBOARD = "tensorboard"
STAGES = "stages"
STAGE = "stage.json"
"""Result of a finished stage."""
LOCK = ".lock"
"""Held by the process that runs the trial."""
JOURNAL = Path("search", "ledger.jsonl")
LOOKS = Path("search", "looks.jsonl")
CONFIRMATIONS = Path("search", "confirmations.json")
REPORT = Path("report", "index.html")


def results_root(given: str | Path | None = None) -> Path:
    """Return the folder that holds one folder per study: *given*, else ``$RAREPIX_RESULTS``, else ``results``."""
    return Path(given or os.environ.get(RESULTS_VARIABLE) or "results").absolute()


def study_folder(results: Path, study: str) -> Path:
    """Return the folder of *study*."""
    return results / study


def trial_folder(results: Path, study: str, trial: str) -> Path:
    """Return the folder of one trial of *study*."""
    return study_folder(results, study) / TRIALS / trial


def stage_folder(trial: Path, stage: str) -> Path:
    """Return the folder of one training in the folder of a trial that holds several."""
    return trial / STAGES / stage


def record_files(study: Path) -> Iterator[Path]:
    """Yield the record files in the folder of a study, ordered by trial."""
    yield from sorted(study.glob(f"{TRIALS}/*/{RECORD}"))


def studies(results: Path) -> list[Path]:
    """Return the folders under *results* that hold trials, the one with the newest record last."""
    with_records = [folder.parent for folder in results.glob(f"*/{TRIALS}") if any(folder.glob(f"*/{RECORD}"))]
    return sorted(with_records, key=lambda study: max(file.stat().st_mtime_ns for file in record_files(study)))
