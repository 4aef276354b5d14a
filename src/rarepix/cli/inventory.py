"""``rarepix inventory``: what is in a dataset, and what is wrong with it."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarepix.cli.progress import bar

if TYPE_CHECKING:
    import pandas as pd

    from rarepix.data.inventory.inspection import Inspection
    from rarepix.data.source import Source

SHOWN_OF_EACH = 5
PROBLEMS = "problems.csv"
TABLES = ("inventory.csv", "classes.csv", "co_occurrence.csv", "objects.parquet")
PICTURE = "imbalance"


def inventory(
    folder: Annotated[str, typer.Argument(help="Folder of the dataset; may name $VARIABLES.")],
    source: Annotated[str, typer.Option(help="Reader of the layout.")] = "voc",
    merge: Annotated[bool, typer.Option("--merge", help="All classes are one: lesions.")] = False,
    lists: Annotated[
        list[str] | None, typer.Option("--list", metavar="NAME", help="Only this list; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables and picture; default: results/inventory/NAME.")
    ] = None,
) -> None:
    """Count every class of a dataset, draw the imbalance, report all that is wrong. Exit code 2: something is."""
    from rarepix.data.inventory.inspection import inspect_dataset
    from rarepix.data.source import DataError
    from rarepix.data.sources import open_source
    from rarepix.layout import results_root
    from rarepix.paths import cache_root, expand

    opened = open_source(source, expand(folder), merge=merge)
    if opened.assumed:
        print(f"rarepix: {opened.assumed}", file=sys.stderr)
    names = list(dict.fromkeys(lists or opened.lists()))
    if not names:
        raise DataError(f"{opened.root} must have at least one list with images, but has none")
    found = inspect_dataset(opened, names, bar, cache=cache_root() / "inventory")
    out = out or results_root() / "inventory" / re.sub(r"[^\w-]+", "_", opened.name)
    if found.problems:
        _take_away(out)
    _tell_problems(found, out)
    if found.problems:
        raise typer.Exit(2)
    table = _write(opened, found, out)
    _show(opened, names, found, table, out)


def _take_away(out: Path) -> None:
    """Remove the tables and the picture of an earlier call: the data are no longer those that it counted."""
    for name in (*TABLES, f"{PICTURE}.png", f"{PICTURE}.svg"):
        (out / name).unlink(missing_ok=True)


def _tell_problems(found: "Inspection", out: Path) -> None:
    """Print what is wrong, the first of each kind, and write all of it into *out*; what an earlier call wrote goes."""
    import pandas as pd

    from rarepix.data.inventory.problems import format_problems
    from rarepix.files import replacing

    everything = [*found.problems, *found.warnings]
    file = out / PROBLEMS
    if not everything:
        file.unlink(missing_ok=True)
        return
    with replacing(file) as temporary:
        pd.DataFrame(everything, columns=["kind", "image", "message"]).to_csv(temporary, index=False)
    for line in format_problems(everything, of_each=SHOWN_OF_EACH):
        print(f"rarepix: {line}", file=sys.stderr)
    print(f"rarepix: all {len(everything)} of them: {file}", file=sys.stderr)


def _write(source: "Source", found: "Inspection", out: Path) -> "pd.DataFrame":
    """Write tables and picture; return the table of classes."""
    from rarepix.data.inventory.summary import class_table, co_occurrence
    from rarepix.files import replacing
    from rarepix.viz.inventory import draw_inventory, save

    names = list(source.labels.names)
    table = class_table(found.counts, found.objects, names)
    together = co_occurrence(found.counts[names])
    *frames, objects = TABLES
    for name, frame in zip(frames, (found.counts, table, together), strict=True):
        with replacing(out / name) as temporary:
            frame.to_csv(temporary)
    with replacing(out / objects) as temporary:
        found.objects.to_parquet(temporary, index=False)
    save(draw_inventory(table, together, found.objects, source.labels, _title(source, found, table)), out, PICTURE)
    return table


def _title(source: "Source", found: "Inspection", table: "pd.DataFrame") -> str:
    from rarepix.viz.style import percent

    return f"{source.name}: {len(found.counts)} images, {percent(table.loc['border', 'pixel_share'])} of pixels ignored"


def _show(source: "Source", names: list[str], found: "Inspection", table: "pd.DataFrame", out: Path) -> None:
    """Print the table of classes, and where everything was written."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from rarepix.viz.style import number, percent

    shown = Table(title=_title(source, found, table), title_justify="left")
    shown.add_column("class")
    for heading in ("images", "% of images", "pixels", "% of pixels", "objects", "median pixels"):
        shown.add_column(heading, justify="right")
    for row in table.itertuples():
        ignored = row.Index == "border"
        objects = (str(row.objects), number(row.object_pixels)) if row.objects else ("", "")
        cells = (str(row.images), percent(row.image_share), str(row.pixels), percent(row.pixel_share), *objects)
        shown.add_row(escape("(ignored)" if ignored else row.Index), *cells)
    Console(width=None if sys.stdout.isatty() else 100).print(shown)
    print(f"lists: {', '.join(names)}; sizes (width × height): {_sizes(found.counts)}")
    print(f"tables and picture: {out} ({PICTURE}.png)")


def _sizes(counts: "pd.DataFrame") -> str:
    sizes = counts[["width", "height"]].value_counts()
    most = "×".join(map(str, sizes.index[0]))
    if len(sizes) == 1:
        return f"all {most}"
    sides = [f"{counts[side].min()} to {counts[side].max()}" for side in ("width", "height")]
    return f"{' × '.join(sides)}, {len(sizes)} different, most often {most}"
