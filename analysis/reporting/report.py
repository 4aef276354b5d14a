"""The report of a study: one folder that opens from disk, written as a whole or not at all.

report/index.html        answer first
       trials.csv  classes.csv  images.csv        the tables
       comparisons.csv  correlations.csv          every number behind a sentence
       figures/*.png *.svg                        examples.png is the best trial's own
"""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from analysis.reading.collect import Tables
from analysis.reporting import listing
from analysis.study.facts import commands, facts, failures, timings
from analysis.study.findings import best_sentence, caveat, decided_sentence, rarest_sentence
from analysis.study.questions import Question, all_rows, questions, score_label
from analysis.study.standings import class_summary, configurations, objective_name, standings
from analysis.study.validation import caution

SHOWN = 20
"""Rows of the leaderboard table; trials.csv has all."""
FLOOR_NOTE = (
    "The objective is the rare-class IoU less what the other classes fall short of their floor; figures show the IoU."
)
SECTIONS = {
    "answer": "Answer",
    "leaderboard": "Leaderboard",
    "curves": "Learning curves",
    "parallel": "Parameters",
    "classes": "Classes",
    "examples": "Predictions",
    "comparisons": "Comparisons",
    "correlations": "Rarity",
    "failures": "Failed and left out",
    "run": "How it was run",
    "again": "Reproduce",
}


def write_report(tables: Tables, folder: Path) -> Path:
    """Write the report of *tables* into *folder*, replacing what was there, and return the path of its page.

    Everything is written beside *folder* first: a reader never meets half a report.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        temporary.chmod(0o755)
        _fill(tables, temporary)
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / "index.html"


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


def _fill(tables: Tables, folder: Path) -> None:
    from analysis.plots import draw_all
    from analysis.plots.classes import class_correlations

    found = questions(tables)
    correlations = (
        class_correlations(tables) if len(class_summary(tables)) else pd.DataFrame(columns=["x", "y", "verdict"])
    )
    files = {
        "trials.csv": tables.trials,
        "classes.csv": tables.classes,
        "images.csv": tables.images,
        "comparisons.csv": all_rows(found),
        "correlations.csv": correlations,
    }
    for name, table in files.items():
        table.to_csv(folder / name, index=False)
    figures = draw_all(tables, folder / "figures") | _examples(tables, folder)
    page = _page(tables, found, correlations, figures, list(files))
    (folder / "index.html").write_text(page, encoding="utf-8")


def _examples(tables: Tables, folder: Path) -> dict[str, str]:
    """Copy the pictures of predictions that the best trial left, where it left some."""
    ranked = standings(tables)
    if ranked.empty:
        return {}
    source = folder.parent / "trials" / ranked.iloc[0]["trial"] / "examples.png"
    if not source.is_file():
        return {}
    shutil.copyfile(source, folder / "figures" / source.name)
    return {source.stem: source.name}


def _page(
    tables: Tables, found: list[Question], correlations: pd.DataFrame, figures: dict[str, str], files: list[str]
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    ranked = standings(tables)
    stopped = int((tables.trials["status"] == "stopped").sum())
    context = {
        "study": tables.study,
        "states": dict(facts(tables))["trials"] or "no readable record",
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "answer": answer(tables, found),
        "caveat": caveat(tables),
        "leaderboard": listing.leaderboard(tables, SHOWN),
        "floor_note": FLOOR_NOTE if objective_name(tables) == "rare_iou" else "",
        "leaderboard_caption": f"Best {SHOWN} of {len(ranked)} complete trials" if len(ranked) > SHOWN else "",
        "configurations": _repeated(tables),
        "classes": listing.classes_listing(tables),
        "questions": [_question(question, tables) for question in found],
        "censored": f" (not the {stopped} that the search stopped early)" if stopped else "",
        "correlations": listing.correlations_listing(correlations) if "r" in correlations else listing.Listing([], []),
        "failures": listing.plain_listing(failures(tables)),
        "left_out": listing.plain_listing(tables.left_out),
        "facts": facts(tables),
        "timings": listing.plain_listing(timings(tables)),
        "commands": commands(tables),
        "files": files,
        "confirms": tables.confirmation.study if tables.confirmation else None,
        "caution": caution(tables),
        "figures": figures,
    }
    context |= _interactive(tables)
    empty = {name for name in ("leaderboard", "classes", "correlations") if not context[name].rows}
    empty |= {name for name in ("curves", "parallel", "examples") if name not in figures}
    context["contents"] = [(anchor, title) for anchor, title in SECTIONS.items() if anchor not in empty]
    return environment.get_template("report.html").render(context)


def answer(tables: Tables, found: list[Question]) -> list[str]:
    """Return the sentences that open the report."""
    if standings(tables).empty:
        return [best_sentence(tables)]
    sentences = [best_sentence(tables), rarest_sentence(tables), decided_sentence(all_rows(found))]
    return [sentence for sentence in sentences if sentence]


def _repeated(tables: Tables) -> listing.Listing | None:
    table = configurations(tables)
    repeated = table[table["trials"] > 1]
    return listing.configurations_listing(repeated.head(SHOWN)) if len(repeated) else None


def _question(question: Question, tables: Tables) -> dict:
    return {
        "title": f"{question.treatment}: {score_label(tables, question.score)}",
        "sentence": question.design.sentence,
        "verdicts": list(question.rows["verdict"]),
        "listing": listing.comparison_listing(question),
    }


def _interactive(tables: Tables) -> dict[str, Any]:
    """Return the interactive figures as JSON by name and, if there are any, the script that draws them."""
    from plotly.offline import get_plotlyjs

    from analysis.plots.interactive import curves_json, parallel_json

    drawn = {"curves": curves_json(tables), "parallel": parallel_json(tables)}
    drawn = {name: figure for name, figure in drawn.items() if figure is not None}
    return {"interactive": drawn, "plotly": get_plotlyjs() if drawn else None}
