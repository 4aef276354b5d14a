"""The report of a study: one folder that opens from disk, written completely or not at all.

report/index.html                                      answer first
       trials.csv classes.csv images.csv curves.csv    the tables
       comparisons.csv overall.csv practical.csv …     every number behind a sentence
       figures/*.png *.svg                             examples.png is the best trial's own
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from analysis.reading.tables import Tables
from analysis.reporting import empty_images
from analysis.reporting.page import page
from analysis.study.comparisons import comparison_rows
from analysis.study.leaderboard import configurations, leaderboard
from analysis.study.results import Results, compute_results
from rarepix.layout import EXAMPLES, REPORT, TRIALS


def write_report(tables: Tables, folder: Path, results: Results | None = None, again: str | None = None) -> Path:
    """Write the report of *tables* into *folder*, replacing what was there, and return the path of its page.

    *again* is the command that the page names for writing it again (None: it was written from Python).

    Everything is written into a temporary folder beside *folder* first, so that a reader never sees half a report.
    """
    with _replacing(folder) as temporary:
        _fill(tables, results or compute_results(tables), temporary, folder.parent, again)
    return folder / REPORT.name


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        temporary.chmod(0o755)
        yield temporary
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(new: Path, folder: Path) -> None:
    """Put *new* in the place of *folder*.

    A folder with content cannot be replaced in one step, so the old one is moved away first.
    """
    if not folder.exists():
        new.replace(folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    folder.replace(old / folder.name)
    try:
        new.replace(folder)
    except OSError:
        (old / folder.name).replace(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _fill(tables: Tables, results: Results, folder: Path, study: Path, again: str | None) -> None:
    from analysis.plots import draw_all
    from analysis.plots.interactive import figures_json

    files = csv_files(tables, results)
    for name, table in files.items():
        write_csv(table, folder / name)
    drawn = draw_all(tables, folder / "figures", results) | _examples(tables, folder / "figures", study)
    live = figures_json(tables, results)
    (folder / REPORT.name).write_text(page(tables, results, drawn, live, list(files), again), encoding="utf-8")


def csv_files(tables: Tables, results: Results) -> dict[str, pd.DataFrame]:
    """Return file name → table: what was read, and every number behind a sentence or a figure."""
    return {
        "trials.csv": tables.trials,
        "classes.csv": tables.classes,
        "images.csv": tables.images,
        "curves.csv": tables.curves,
        "confusion.csv": tables.confusion,
        "left_out.csv": tables.left_out,
        "configurations.csv": configurations(tables),
        "comparisons.csv": comparison_rows(results.comparisons),
        "overall.csv": _stacked([question.overall for question in results.comparisons]),
        "ranks.csv": _stacked(
            [each.ranks.assign(treatment=each.treatment, score=each.score) for each in results.comparisons]
        ),
        "practical.csv": _stacked([question.practical for question in results.comparisons]),
        "linear_model.csv": _stacked([question.opinion for question in results.comparisons]),
        "agreement.csv": _stacked([question.agreement for question in results.comparisons]),
        "class_differences.csv": results.differences,
        "correlations.csv": results.correlations,
        "importance.csv": results.importance,
        "audit.csv": results.audit,
        "validation_test.csv": results.validation_test,
        "best_trial.csv": results.best,
        **empty_images.files(results.empty),
        **({"threshold_curves.csv": tables.threshold_curves} if len(tables.threshold_curves) else {}),
    }


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["treatment", "score"])


def _examples(tables: Tables, figures: Path, study: Path) -> dict[str, str]:
    """Copy the pictures of predictions that the best trial left, where it left some."""
    ranked = leaderboard(tables)
    source = study / TRIALS / str(ranked["trial"].iloc[0]) / EXAMPLES if len(ranked) else None
    if source is None or not source.is_file():
        return {}
    figures.mkdir(exist_ok=True)
    shutil.copyfile(source, figures / source.name)
    return {source.stem: source.name}


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write *table* to *path*; what is missing is an empty cell.

    Written by pyarrow, several times faster than pandas: a study of a thousand trials has millions of rows of images.
    """
    import pyarrow
    from pyarrow import csv

    plain = table.copy(deep=False)
    for name in plain:
        if plain[name].dtype == object:  # texts, numbers and booleans side by side: a sampled parameter, a level
            plain[name] = plain[name].map(str, na_action="ignore")
    arrow = pyarrow.Table.from_pandas(plain, preserve_index=False)
    csv.write_csv(arrow, path, csv.WriteOptions(quoting_style="needed"))
