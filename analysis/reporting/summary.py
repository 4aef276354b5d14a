"""The report in a screenful, for the terminal."""

from pathlib import Path

from rich.table import Table

from analysis.reading.collect import Tables
from analysis.reporting import listing
from analysis.reporting.terminal import console, rich_table, write
from analysis.statistics.formatting import number
from analysis.study.checks import told_once
from analysis.study.leaderboard import class_summary, rarity_known, standings
from analysis.study.questions import all_rows, score_label
from analysis.study.results import Results, results
from analysis.study.summary import answer
from analysis.study.validation import caution

TOP, CLASSES, VERDICTS, NAMED = 5, 8, 8, 3


def summary(tables: Tables, page: Path | None = None, width: int = 100, found: Results | None = None) -> str:
    """Return the answer, top trials, the classes of the best one, comparisons, the audit, and where the report lies."""
    out, found = console(width), found or results(tables)
    states = tables.trials["status"].value_counts()
    write(out, f"{tables.study}: {', '.join(f'{n} {status}' for status, n in states.items()) or 'no readable record'}")
    for sentence in answer(tables, found):
        write(out, sentence)
    if len(standings(tables)):
        out.print(_leaderboard(tables))
        if len(class_summary(tables)):
            out.print(_classes(tables))
        warned = caution(tables)
        if warned:
            write(out, warned)
        for line in _verdicts(tables, found):
            write(out, line)
        write(out, "Can the search be trusted?")
        for sentence in told_once(found.audit)["sentence"]:
            write(out, f"- {sentence}")
    if len(tables.left_out):
        for row in tables.left_out.head(NAMED).itertuples():
            write(out, f"Left out, or to be noted: {'/'.join(filter(None, (row.trial, row.file)))}: {row.reason}")
        if len(tables.left_out) > NAMED:
            write(out, f"and {len(tables.left_out) - NAMED} more in the report")
    if page is not None:
        out.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    return out.file.getvalue()


def _verdicts(tables: Tables, found: Results) -> list[str]:
    rows = all_rows(found.questions)
    lines = [
        f"- {treatment}, {score_label(tables, score)}: {verdict}"
        for treatment, score, verdict in rows[["treatment", "score", "verdict"]].head(VERDICTS).itertuples(index=False)
    ]
    return lines + ([f"- and {len(rows) - VERDICTS} more in the report"] if len(rows) > VERDICTS else [])


def _leaderboard(tables: Tables) -> Table:
    shown = listing.leaderboard(tables, TOP)
    return rich_table(shown, f"Best {len(shown.rows)} of {len(standings(tables))} complete trials, by validation")


def _classes(tables: Tables) -> Table:
    rarest = class_summary(tables).head(CLASSES)
    values = zip(rarest["class"], rarest["train_pixels"], rarest["best"], strict=True)
    rows = [[str(name), number(pixels, 0), number(best)] for name, pixels, best in values]
    title = "Rarest classes in the best trial" if rarity_known(tables) else "Classes in the best trial"
    return rich_table(listing.Listing(["class", "train pixels", "IoU"], rows), title)
