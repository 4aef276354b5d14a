"""``rarepix init``: a first recipe, search space and studies for a folder of images."""

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from rarepix.cli.progress import bar

if TYPE_CHECKING:
    from rarepix.data.inventory.problems import Problem
    from rarepix.starter import StarterFiles, Survey

SHOWN_OF_EACH = 5
"""Problems of each kind that are printed."""


def init(
    folder: Annotated[str, typer.Argument(help="Folder of the dataset; may name $VARIABLES.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default: studies/NAME.")] = None,
    source: Annotated[str, typer.Option(help="Reader of the layout; auto: the one that fits.")] = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the source, or channels or range of data."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Look at a folder, and write a recipe, a search space and two studies for it. Exit code 2: it has problems."""
    from rarepix.config import parse_settings
    from rarepix.starter import look, starter_files, write
    from rarepix.starter.machine import this_machine

    result, seen = look(folder, source, parse_settings(settings or []), bar)
    _print_problems([*result.problems, *result.warnings], folder)
    if seen is None:
        print("rarepix: nothing is written: correct these first", file=sys.stderr)
        raise typer.Exit(2)
    files = starter_files(seen, folder, out, this_machine())
    write(files, force=force)
    _print_survey(seen)
    _print_next(files)


def _print_problems(problems: "list[Problem]", folder: str) -> None:
    from rarepix.data.inventory.problems import format_problems

    for line in format_problems(problems, of_each=SHOWN_OF_EACH):
        print(f"rarepix: {line}", file=sys.stderr)
    if problems:
        print(f"rarepix: all of them: rarepix inventory {folder}", file=sys.stderr)


def _print_survey(seen: "Survey") -> None:
    """Print what is in the folder: its layout, lists, classes, sizes and groups."""
    from rich.console import Console
    from rich.table import Table

    from rarepix.data.inventory.summary import describe_sizes
    from rarepix.viz.style import percent

    print(f"{seen.source.name}: layout {seen.layout}")
    for note in filter(None, (seen.source.assumed, *seen.lists.notes)):
        print(f"  note: {note}")
    grid = Table(title=f"{len(seen.learned)} images to train and validate on", title_justify="left")
    grid.add_column("class")
    for heading in ("images", "% of images", "% of pixels"):
        grid.add_column(heading, justify="right")
    grid.add_column("")
    for name, row in seen.classes.drop(index="border").iterrows():
        mark = "rare" if name in seen.rare.names else "absent" if not row["images"] else ""
        shares = (str(int(row["images"])), percent(row["image_share"]), percent(row["pixel_share"]))
        grid.add_row(name, *shares, mark, style="bold" if mark == "rare" else None)
    Console(width=None if sys.stdout.isatty() else 100).print(grid, markup=False)
    print(f"rare: {', '.join(seen.rare.names) or 'none'} ({seen.rare.reason})")
    if empty := seen.empty:
        print(f"empty: {empty} of {len(seen.learned)} images hold no class: docs/reference/full_background.md")
    print(f"lists: {_lists(seen)}")
    if seen.groups:
        print(f"groups: {seen.groups}, kept together in folds")
    print(f"sizes (width × height): {describe_sizes(seen.learned)}")


def _lists(seen: "Survey") -> str:
    def images(name: str) -> str:
        return f"{name} ({len(seen.counts[name])} images)"

    lists = seen.lists
    validates = f"{images(lists.val)} validates" if lists.val else f"one of its {seen.folds} folds validates"
    tests = f"{images(lists.test)} is tested once" if lists.test else "none is tested"
    return f"{images(lists.train)} trains, {validates}, {tests}"


def _print_next(files: "StarterFiles") -> None:
    print(f"written: {', '.join(map(str, files.texts))}")
    recipe, study, search = (quote(str(file)) for file in (files.recipe, files.study, files.search))
    commands = {
        f"rarepix preview {recipe}": "what the network is shown",
        f"python -m trials.segment --recipe {recipe} --set engine.epochs=1": "one short trial",
        f"rarepix study check {study}": "everything that can be checked before it runs",
        f"rarepix study run {study}": "compare three configurations, with a report",
        f"rarepix study run {search}": "search for better ones",
    }
    print("next:")
    width = max(map(len, commands))
    for command, what in commands.items():
        print(f"  {command:{width}}  # {what}")
