"""The page of a report: what its template is given."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from analysis.reading.collect import Tables
from analysis.reading.tables import grouped
from analysis.reporting import listing
from analysis.study.best_trial import images_sentence
from analysis.study.facts import commands, facts, failures, timings
from analysis.study.leaderboard import configurations, objective_name, rarity_known, standings
from analysis.study.questions import MOST_PAIRWISE, Question, score_label
from analysis.study.results import Results
from analysis.study.summary import answer, caveat, decided_sentence, rarity_sentence
from analysis.study.validation import caution

FEW, ALPHA = 3, 0.05
SHOWN = 20
"""Rows of a long table; the CSV file beside the page has all."""
FLOOR_NOTE = (
    "The objective is the rare-class IoU less what the other classes fall short of their floor; figures show the IoU."
)
SECTIONS = {
    "answer": "Answer",
    "leaderboard": "Leaderboard",
    "comparisons": "Comparisons",
    "classes": "Classes",
    "correlations": "Rarity",
    "importance": "Importance",
    "curves": "Learning curves",
    "parallel": "Parameters",
    "examples": "Predictions",
    "audit": "Audit",
    "failures": "Failed and left out",
    "run": "How it was run",
    "again": "Reproduce",
}


def page(
    tables: Tables,
    found: Results,
    drawn: dict[str, str],
    live: dict[str, str],
    files: list[str],
    again: str | None = None,
) -> str:
    """Return the page.

    Args:
        drawn: figure → PNG file.
        live: interactive figure → JSON.
        files: tables beside the page.
        again: the command that writes the report again; None: it was written from Python.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    context = _answer(tables, found) | _scores(tables, found) | _story(tables, again) | _interactive(live)
    context |= {"figures": drawn, "files": files}
    empty = {name for name in ("leaderboard", "correlations", "importance") if not context[name].rows}
    if not context["classes"].rows and not {"differences", "heatmap"} & set(drawn):
        empty.add("classes")
    empty |= {name for name in ("parallel", "examples") if name not in drawn}
    empty |= {"curves"} - {"curves" for name in ("curves", "history") if name in drawn}
    context["contents"] = [(anchor, title) for anchor, title in SECTIONS.items() if anchor not in empty]
    return environment.get_template("report.html").render(context)


def _answer(tables: Tables, found: Results) -> dict[str, Any]:
    ranked = standings(tables)
    return {
        "study": tables.study,
        "states": dict(facts(tables))["trials"] or "no readable record",
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "answer": answer(tables, found),
        "caveat": caveat(tables, found),
        "caution": caution(tables),
        "leaderboard": listing.leaderboard(tables, SHOWN),
        "leaderboard_caption": f"Best {SHOWN} of {len(ranked)} complete trials" if len(ranked) > SHOWN else "",
        "floor_note": FLOOR_NOTE if objective_name(tables) == "rare_iou" else "",
        "configurations": _repeated(tables),
    }


def _repeated(tables: Tables) -> listing.Listing | None:
    table = configurations(tables)
    repeated = table[table["trials"] > 1]
    return listing.configurations_listing(repeated.head(SHOWN), tables.block) if len(repeated) else None


def _scores(tables: Tables, found: Results) -> dict[str, Any]:
    stopped = int((tables.trials["status"] == "stopped").sum())
    return {
        "questions": [_question(question, tables) for question in found.questions],
        "censored": f" (not the {stopped} that the search stopped early)" if stopped else "",
        "counted": bool(tables.classes["tp"].notna().any()),
        "searched": not tables.score_on_test,
        "confirms": tables.confirmation.study if tables.confirmation else None,
        "classes": listing.classes_listing(tables, found.best),
        "best": images_sentence(found.best),
        "rarity_known": rarity_known(tables),
        "differences": listing.differences_listing(found.differences, SHOWN),
        "correlations": listing.correlations_listing(found.correlations),
        "rarity": rarity_sentence(found.correlations),
        "importance": listing.importance_listing(found.importance),
        "audit": listing.audit_listing(found.audit),
    }


def _question(question: Question, tables: Tables) -> dict[str, Any]:
    verdicts = list(question.rows["verdict"])
    # Undecidable ones all have an adjusted p of 1: among them the raw p says which came nearest.
    by_p = question.rows.sort_values(["p_adjusted", "p"], kind="stable")
    shown = by_p if len(verdicts) > SHOWN else question.rows
    return {
        "title": f"{question.treatment}: {score_label(tables, question.score)}",
        "sentence": question.design.sentence,
        "against": None if question.against is None else listing.level(question.against),
        "overall": list(question.overall["verdict"]) if len(question.overall) else [],
        "verdicts": _verdicts(question.rows, shown),
        "rest": max(0, len(verdicts) - SHOWN),
        "too_many": question.levels if not verdicts and question.levels > MOST_PAIRWISE else 0,
        "practical": list(question.practical["verdict"].head(SHOWN)) if len(question.practical) else [],
        "listing": listing.comparison_listing(shown.head(SHOWN)),
    }


def _verdicts(rows: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """Return the sentences of a question; one for all where none of many can be decided."""
    if len(rows) > FEW and (rows["floor_adjusted"] > ALPHA).all():
        return [decided_sentence(rows)]
    return list(shown["verdict"].head(SHOWN))


def _story(tables: Tables, again: str | None) -> dict[str, Any]:
    return {
        "failures": listing.plain_listing(failures(tables)),
        "left_out": listing.plain_listing(grouped(tables.left_out)),
        "facts": facts(tables),
        "timings": listing.plain_listing(timings(tables)),
        "commands": commands(tables, again),
    }


def _interactive(live: dict[str, str]) -> dict[str, Any]:
    """Return the interactive figures and, if there are any, the script that draws them."""
    from plotly.offline import get_plotlyjs

    return {"interactive": live, "plotly": get_plotlyjs() if live else None}
