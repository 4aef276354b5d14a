"""The report in a screenful, for the terminal."""

from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from analysis.reading.collect import Tables
from analysis.reporting import listing
from analysis.statistics.wording import number
from analysis.study.findings import best_sentence, decided_sentence, rarest_sentence
from analysis.study.questions import all_rows, questions, score_label
from analysis.study.standings import class_summary, standings
from analysis.study.validation import caution

TOP, CLASSES, VERDICTS = 5, 8, 8


def summary(tables: Tables, page: Path | None = None, width: int = 100) -> str:
    """Return the top trials, the classes of the best one, what the comparisons say, and where the report lies."""
    console = Console(file=StringIO(), width=width, force_terminal=False)
    write = lambda text="": console.print(text, markup=False, highlight=False)  # noqa: E731
    write(
        f"{tables.study}: {', '.join(f'{n} {status}' for status, n in tables.trials['status'].value_counts().items())}"
    )
    write(best_sentence(tables))
    if len(standings(tables)):
        rarest = rarest_sentence(tables)
        if rarest:
            write(rarest)
        console.print(_leaderboard(tables))
        console.print(_classes(tables))
        warned = caution(tables)
        if warned:
            write(warned)
        rows = all_rows(questions(tables))
        write(decided_sentence(rows))
        for treatment, score, verdict in rows[["treatment", "score", "verdict"]].head(VERDICTS).itertuples(index=False):
            write(f"- {treatment}, {score_label(tables, score)}: {verdict}")
        if len(rows) > VERDICTS:
            write(f"- and {len(rows) - VERDICTS} more in the report")
    if len(tables.left_out):
        files = ", ".join(f"{row.trial}/{row.file}" for row in tables.left_out.itertuples())
        write(f"Left out: {files} (reasons in the report)")
    if page is not None:
        console.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    return console.file.getvalue()


def _leaderboard(tables: Tables) -> Table:
    shown = listing.leaderboard(tables, TOP)
    return _rich(shown, f"Best {len(shown.rows)} of {len(standings(tables))} complete trials, by validation")


def _classes(tables: Tables) -> Table:
    summary = class_summary(tables).head(CLASSES)
    values = zip(summary["class"], summary["train_pixels"], summary["best"], strict=True)
    rows = [[str(name), f"{pixels:,.0f}", number(best)] for name, pixels, best in values]
    return _rich(listing.Listing(["class", "train pixels", "validation IoU"], rows), "Rarest classes in the best trial")


def _rich(shown: listing.Listing, title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in shown.headings:
        table.add_column(heading, overflow="fold")
    for row in shown.rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table
