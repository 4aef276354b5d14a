"""The report of a study: one folder that opens from disk, written as a whole or not at all.

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

from analysis.reading.collect import Tables
from analysis.reporting.files import write_csv
from analysis.reporting.page import page
from analysis.study.leaderboard import configurations, standings
from analysis.study.questions import Question, all_rows
from analysis.study.results import Results, results
from rarepix.layout import EXAMPLES, REPORT, TRIALS


def write_report(tables: Tables, folder: Path, found: Results | None = None, again: str | None = None) -> Path:
    """Write the report of *tables* into *folder*, replacing what was there, and return the path of its page.

    *again* is the command that the page names for writing it again (None: it was written from Python).

    Everything is written beside *folder* first: a reader never meets half a report.
    """
    with _replacing(folder) as temporary:
        _fill(tables, found or results(tables), temporary, folder.parent, again)
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
    """Put *new* in the place of *folder*. A full folder cannot be replaced in one step, so the old one steps aside."""
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


def _fill(tables: Tables, found: Results, folder: Path, study: Path, again: str | None) -> None:
    files = csv_files(tables, found)
    for name, table in files.items():
        write_csv(table, folder / name)
    drawn, live = _draw(tables, found, folder / "figures")
    drawn |= _examples(tables, folder / "figures", study)
    (folder / REPORT.name).write_text(page(tables, found, drawn, live, list(files), again), encoding="utf-8")


def csv_files(tables: Tables, found: Results) -> dict[str, pd.DataFrame]:
    """Return file name → table: what was read, and every number behind a sentence or a figure."""
    return {
        "trials.csv": tables.trials,
        "classes.csv": tables.classes,
        "images.csv": tables.images,
        "curves.csv": tables.curves,
        "left_out.csv": tables.left_out,
        "configurations.csv": configurations(tables),
        "comparisons.csv": all_rows(found.questions),
        "overall.csv": _stacked([question.overall for question in found.questions]),
        "ranks.csv": _stacked([_named(question, question.ranks) for question in found.questions]),
        "practical.csv": _stacked([question.practical for question in found.questions]),
        "class_differences.csv": found.differences,
        "correlations.csv": found.correlations,
        "importance.csv": found.importance,
        "audit.csv": found.audit,
        "validation_test.csv": found.validation_test,
        "best_trial.csv": found.best,
    }


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["treatment", "score"])


def _named(question: Question, ranks: pd.DataFrame) -> pd.DataFrame:
    return ranks.assign(treatment=question.treatment, score=question.score)


def _draw(tables: Tables, found: Results, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Write the figures; return figure → PNG file, and interactive figure → JSON."""
    from analysis.plots import draw_all
    from analysis.plots.interactive import figures_json

    return draw_all(tables, folder, found), figures_json(tables, found)


def _examples(tables: Tables, figures: Path, study: Path) -> dict[str, str]:
    """Copy the pictures of predictions that the best trial left, where it left some."""
    ranked = standings(tables)
    if ranked.empty:
        return {}
    source = study / TRIALS / str(ranked.iloc[0]["trial"]) / EXAMPLES
    if not source.is_file():
        return {}
    figures.mkdir(exist_ok=True)
    shutil.copyfile(source, figures / source.name)
    return {source.stem: source.name}
