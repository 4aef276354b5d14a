"""Tables for a terminal."""

from io import StringIO

from rich.console import Console
from rich.table import Table

from analysis.reporting.listing import Listing


def console(width: int) -> Console:
    """Return a console that writes plain text of *width* columns into its ``file``."""
    return Console(file=StringIO(), width=width, force_terminal=False)


def write(out: Console, text: str = "") -> None:
    """Write *text* as it is: no markup, no highlighting."""
    out.print(text, markup=False, highlight=False)


def rich_table(shown: Listing, title: str) -> Table:
    """Return *shown* under its title; long cells are folded, never cut."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in shown.headings:
        table.add_column(heading, overflow="fold")
    for row in shown.rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table
