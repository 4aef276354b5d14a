"""The HTML page of a report: the values that its template is filled with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from analysis.reading.tables import Tables, grouped
from analysis.reporting import text_tables
from analysis.study.best_trial import best_trial_sentence
from analysis.study.class_summary import rarity_known
from analysis.study.comparisons import MOST_PAIRWISE, TreatmentComparison, score_label
from analysis.study.leaderboard import configurations, leaderboard, objective_name
from analysis.study.provenance import commands, facts, failures, timings
from analysis.study.results import Results
from analysis.study.summary import answer, caveat, decided_sentence, rarity_sentence
from analysis.study.validation_images import validation_caution

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


Names = dict[str, str]


def page(tables: Tables, results: Results, drawn: Names, live: Names, files: list[str], again: str | None) -> str:
    """Return the page.

    Args:
        drawn: figure → PNG file.
        live: interactive figure → JSON.
        files: tables beside the page.
        again: the command that writes the report again; None: it was written from Python.
    """
    from plotly.offline import get_plotlyjs

    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    context = _answer(tables, results) | _scores(tables, results) | _story(tables, again)
    context |= {"figures": drawn, "files": files, "interactive": live, "plotly": get_plotlyjs() if live else None}
    empty = {name for name in ("leaderboard", "correlations", "importance") if not context[name].rows}
    if not context["classes"].rows and not drawn.keys() & {"differences", "heatmap"}:
        empty.add("classes")
    empty |= {"parallel", "examples"} - drawn.keys()
    if not drawn.keys() & {"curves", "history"}:
        empty.add("curves")
    context["contents"] = [(anchor, title) for anchor, title in SECTIONS.items() if anchor not in empty]
    return environment.get_template("report.html").render(context)


def _answer(tables: Tables, results: Results) -> dict[str, Any]:
    ranked, table = leaderboard(tables), configurations(tables)
    repeated = table[table["trials"] > 1].head(SHOWN)
    return {
        "study": tables.study,
        "states": dict(facts(tables))["trials"] or "no readable record",
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "answer": answer(tables, results),
        "caveat": caveat(tables, results),
        "caution": validation_caution(tables),
        "leaderboard": text_tables.leaderboard_text(tables, SHOWN),
        "leaderboard_caption": f"Best {SHOWN} of {len(ranked)} complete trials" if len(ranked) > SHOWN else "",
        "floor_note": FLOOR_NOTE if objective_name(tables) == "rare_iou" else "",
        "configurations": text_tables.configurations_text(repeated, tables.block) if len(repeated) else None,
    }


def _scores(tables: Tables, results: Results) -> dict[str, Any]:
    stopped = int((tables.trials["status"] == "stopped").sum())
    return {
        "questions": [_question(comparison, tables) for comparison in results.comparisons],
        "censored": f" (not the {stopped} that the search stopped early)" if stopped else "",
        "counted": bool(tables.classes["tp"].notna().any()),
        "searched": not tables.score_on_test,
        "confirms": tables.confirmation.study if tables.confirmation else None,
        "classes": text_tables.classes_text(tables, results.best),
        "best": best_trial_sentence(results.best),
        "rarity_known": rarity_known(tables),
        "differences": text_tables.differences_text(results.differences, SHOWN),
        "correlations": text_tables.correlations_text(results.correlations),
        "rarity": rarity_sentence(results.correlations),
        "importance": text_tables.importance_text(results.importance),
        "audit": text_tables.audit_text(results.audit),
    }


def _question(comparison: TreatmentComparison, tables: Tables) -> dict[str, Any]:
    verdicts = list(comparison.rows["verdict"])
    # Undecidable ones all have an adjusted p of 1: among them the raw p says which came nearest.
    by_p = comparison.rows.sort_values(["p_adjusted", "p"], kind="stable")
    shown = by_p if len(verdicts) > SHOWN else comparison.rows
    # One sentence for all where none of many can be decided.
    undecided = len(verdicts) > FEW and (comparison.rows["floor_adjusted"] > ALPHA).all()
    return {
        "title": f"{comparison.treatment}: {score_label(tables, comparison.score)}",
        "sentence": comparison.design.sentence,
        "against": None if comparison.against is None else text_tables.level(comparison.against),
        "overall": list(comparison.overall["verdict"]) if len(comparison.overall) else [],
        "verdicts": [decided_sentence(comparison.rows)] if undecided else list(shown["verdict"].head(SHOWN)),
        "rest": max(0, len(verdicts) - SHOWN),
        "too_many": comparison.levels if not verdicts and comparison.levels > MOST_PAIRWISE else 0,
        "practical": list(comparison.practical["verdict"].head(SHOWN)) if len(comparison.practical) else [],
        "listing": text_tables.comparison_text(shown.head(SHOWN)),
    }


def _story(tables: Tables, again: str | None) -> dict[str, Any]:
    return {
        "failures": text_tables.plain_text(failures(tables)),
        "left_out": text_tables.plain_text(grouped(tables.left_out)),
        "facts": facts(tables),
        "timings": text_tables.plain_text(timings(tables)),
        "commands": commands(tables, again),
    }
