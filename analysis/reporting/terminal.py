"""The report in one screen of text, for the terminal."""

from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from analysis.reading.tables import Tables
from analysis.reporting import empty_images, text_tables
from analysis.statistics.formatting import number
from analysis.study.audit_checks import merge_same_sentences
from analysis.study.class_summary import class_summary, rarity_known
from analysis.study.empty_image_sentences import QUESTIONS, gate_sentences, short_answer
from analysis.study.empty_images import ALARMS
from analysis.study.headline import question_text
from analysis.study.leaderboard import leaderboard
from analysis.study.looks import looks_sentence
from analysis.study.question import question
from analysis.study.results import Results, compute_results
from analysis.study.summary import answer
from analysis.study.tuned_gates import IOU
from analysis.study.validation_images import validation_caution

TOP, CLASSES, VERDICTS, NAMED = 5, 8, 8, 3
FEW = 3
"""Pairs of a question up to which each has a line."""


def summary(tables: Tables, page: Path | None = None, width: int = 100, results: Results | None = None) -> str:
    """Return the answer, top trials, the classes of the best one, comparisons, the audit, and where the report lies."""
    out, results = console(width), results or compute_results(tables)
    states = tables.trials["status"].value_counts()
    write(out, f"{tables.study}: {', '.join(f'{n} {status}' for status, n in states.items()) or 'no readable record'}")
    for sentence in answer(tables, results):
        write(out, sentence)
    complete = len(leaderboard(tables))
    if complete:
        shown = text_tables.leaderboard_text(tables, TOP)
        out.print(rich_table(shown, f"Best {len(shown.rows)} of {complete} complete trials, by validation"))
        if len(class_summary(tables)):
            out.print(_classes(tables))
        _empty_images(out, tables, results)
        warned = validation_caution(tables)
        if warned:
            write(out, warned)
        looked = looks_sentence(tables)
        if looked:
            write(out, looked)
        for line in _verdicts(tables, results):
            write(out, line)
        write(out, "Can the search be trusted?")
        for sentence in merge_same_sentences(results.audit)["sentence"]:
            write(out, f"- {sentence}")
    for row in tables.left_out.head(NAMED).itertuples():
        write(out, f"Left out, or to be noted: {'/'.join(filter(None, (row.trial, row.file)))}: {row.reason}")
    if len(tables.left_out) > NAMED:
        write(out, f"and {len(tables.left_out) - NAMED} more in the report")
    if page is not None:
        out.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    return out.file.getvalue()


def _empty_images(out: Console, tables: Tables, results: Results) -> None:
    """Write the configurations with the fewest false alarms, what helps IoU, and what gates do, if images are empty."""
    shown = empty_images.means_text(results.empty, TOP, (ALARMS, IOU))
    if not shown.rows:
        return
    out.print(rich_table(shown, "Empty images: configurations, the fewest false alarms at 90 % sensitivity first"))
    for sentence in (short_answer(tables, results.empty, IOU, f"{QUESTIONS[IOU]} "), *gate_sentences(results.empty)):
        if sentence:
            write(out, sentence)


def _verdicts(tables: Tables, results: Results) -> list[str]:
    """Return a line per pair of a question of few, and one on all pairs of a question of many."""
    lines = []
    for comparison in results.comparisons:
        asked = question(tables, comparison)
        begun = f"- {comparison.treatment}, {asked.label}: "
        sentences = [begun + sentence for sentence in comparison.agreement["sentence"]]
        lines += sentences if len(sentences) <= FEW else [f"- {question_text(tables, asked)}"]
    return lines[:VERDICTS] + ([f"- and {len(lines) - VERDICTS} more in the report"] if len(lines) > VERDICTS else [])


def _classes(tables: Tables) -> Table:
    rarest = class_summary(tables).head(CLASSES)
    values = zip(rarest["class"], rarest["train_pixels"], rarest["best"], strict=True)
    rows = [[str(name), number(pixels, 0), number(best)] for name, pixels, best in values]
    title = "Rarest classes in the best trial" if rarity_known(tables) else "Classes in the best trial"
    return rich_table(text_tables.TextTable(["class", "train pixels", "IoU"], rows), title)


def console(width: int) -> Console:
    """Return a console that writes plain text of *width* columns into its ``file``."""
    return Console(file=StringIO(), width=width, force_terminal=False)


def write(out: Console, text: str = "") -> None:
    """Write *text* without markup and highlighting."""
    out.print(text, markup=False, highlight=False)


def rich_table(shown: text_tables.TextTable, title: str) -> Table:
    """Return *shown* under its title; long cells are folded, never cut."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in shown.headings:
        table.add_column(heading, overflow="fold")
    for row in shown.rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table
