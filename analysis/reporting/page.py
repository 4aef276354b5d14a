"""The HTML page of a report: the values that its template is filled with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from analysis.reading.tables import Tables, grouped
from analysis.reporting import empty_images, text_tables
from analysis.study.best_trial import best_trial_sentence
from analysis.study.class_summary import rarity_known
from analysis.study.comparisons import MOST_PAIRWISE, TreatmentComparison
from analysis.study.leaderboard import configurations, leaderboard, objective_name
from analysis.study.looks import looks_sentence
from analysis.study.provenance import commands, facts, failures, timings
from analysis.study.question import question
from analysis.study.question_sentences import question_sentences
from analysis.study.results import Results
from analysis.study.summary import answer, caveat, rarity_sentence
from analysis.study.validation_images import validation_caution
from analysis.study.verdict_rules import UNDECIDABLE

FEW = 3
SHOWN = 20
"""Rows of a long table; the CSV file beside the page has all."""
SENTENCES = 10
"""Pairs of a question that have a sentence each."""
FLOOR_NOTE = (
    "The objective is the rare-class IoU less what the other classes fall short of their floor; figures show the IoU."
)
SECTIONS = {
    "answer": "Answer",
    "leaderboard": "Leaderboard",
    "comparisons": "Comparisons",
    "empty": "Empty images",
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
    empty |= {"parallel", "examples"} - drawn.keys() | ({"empty"} if context["empty"] is None else set())
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
        "looks": looks_sentence(tables),
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
        "empty": empty_images.section(tables, results.empty, SHOWN),
        "empty_questions": [_question(comparison, tables) for comparison in results.empty.comparisons],
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
    asked, rows, opinion = question(tables, comparison), comparison.rows, comparison.opinion
    shown = asked.pairs if len(rows) > SENTENCES else asked.pairs.sort_index()
    # What is said of the question says it all, of a single pair and of many of which none can be decided.
    said = len(rows) == 1 or (len(rows) > FEW and (asked.pairs["exact"] == UNDECIDABLE).all())
    adjusted = len(rows) and rows["family_size"].iloc[0] > 1
    return {
        "title": f"{comparison.treatment}: {asked.label}",
        "sentence": comparison.design.sentence,
        "against": None if comparison.against is None else text_tables.level(comparison.against),
        "procedure": rows["procedure"].iloc[0] if adjusted else "",
        "answer": question_sentences(tables, asked),
        "overall": list(comparison.overall["verdict"]) if len(comparison.overall) else [],
        "check": opinion["check"].iloc[0] if len(opinion) else "",
        "verdicts": [] if said else list(shown["sentence"].head(SENTENCES)),
        "rest": 0 if said else max(0, len(rows) - SENTENCES),
        "too_many": comparison.levels if rows.empty and comparison.levels > MOST_PAIRWISE else 0,
        "details": _details(comparison),
        "listing": text_tables.comparison_text(
            shown.head(SHOWN), opinion, comparison.practical, minimize=comparison.minimize
        ),
    }


def _details(comparison: TreatmentComparison) -> list[tuple[str, list[str]]]:
    """Return title and sentences of each of the three verdicts in full."""
    titles = {
        "The exact test": comparison.rows,
        "A second opinion: linear model of levels and blocks": comparison.opinion,
        "Large enough to matter? Bayesian signed-rank test": comparison.practical,
    }
    return [(title, list(table["verdict"].head(SHOWN))) for title, table in titles.items() if len(table)]


def _story(tables: Tables, again: str | None) -> dict[str, Any]:
    return {
        "failures": text_tables.plain_text(failures(tables)),
        "left_out": text_tables.plain_text(grouped(tables.left_out)),
        "facts": facts(tables),
        "timings": text_tables.plain_text(timings(tables)),
        "commands": commands(tables, again),
    }
