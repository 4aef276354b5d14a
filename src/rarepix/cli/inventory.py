"""``rarepix inventory``: the class counts of a dataset, and its errors."""

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
"""Problems of each kind that are printed; the file has all."""
PROBLEMS = "problems.csv"
TABLES = ("inventory.csv", "classes.csv", "co_occurrence.csv", "objects.parquet")
PICTURE = "imbalance"


def inventory(
    folder: Annotated[str, typer.Argument(help="Folder of the dataset; may name $VARIABLES.")],
    source: Annotated[str, typer.Option(help="Reader of the layout; auto: the one that fits.")] = "auto",
    merge: Annotated[bool, typer.Option("--merge", help="Merge all classes into one: lesions.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the source, or channels or range of data."),
    ] = None,
    lists: Annotated[
        list[str] | None, typer.Option("--list", metavar="NAME", help="Only this list; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables and picture; default: results/inventory/NAME.")
    ] = None,
) -> None:
    """Count every class of a dataset, draw the imbalance, report all problems. Exit code 2: there are some."""
    from rarepix.config import parse_settings
    from rarepix.data.inventory.inspection import inspect_dataset
    from rarepix.data.registry import AUTO
    from rarepix.data.source import DataError
    from rarepix.data.sources import open_source
    from rarepix.data.sources.recognition import recognise
    from rarepix.layout import results_root
    from rarepix.paths import cache_root, expand
    from rarepix.settings import ConfigError

    parameters = parse_settings(settings or [])
    if merge and not parameters.setdefault("merge", True):
        raise ConfigError("--merge and --set merge=false say the opposite: leave one of them out")
    root = expand(folder)
    opened = open_source(source, root, **parameters)
    if opened.assumed:
        print(f"rarepix: {opened.assumed}", file=sys.stderr)
    names = list(dict.fromkeys(lists or opened.lists()))
    if not names:
        raise DataError(f"{opened.root} must have at least one list with images, but has none")
    result = inspect_dataset(opened, names, bar, cache=cache_root() / "inventory")
    out = out or results_root() / "inventory" / re.sub(r"[^\w-]+", "_", opened.name)
    _report_problems(result, out)
    if result.problems:  # the data have changed since an earlier call wrote its tables and picture
        for name in (*TABLES, f"{PICTURE}.png", f"{PICTURE}.svg"):
            (out / name).unlink(missing_ok=True)
        raise typer.Exit(2)
    table = _write(opened, result, out)
    _print_table(opened, names, result, table, out)
    if source == AUTO:
        print(f"layout: {recognise(root).source} (in a recipe: data.source)")


def _report_problems(result: "Inspection", out: Path) -> None:
    """Print the first problems of each kind and write all into *out*; remove the file of an earlier call if none."""
    import pandas as pd

    from rarepix.data.inventory.problems import format_problems
    from rarepix.files import replacing

    everything = [*result.problems, *result.warnings]
    file = out / PROBLEMS
    if not everything:
        file.unlink(missing_ok=True)
        return
    with replacing(file) as temporary:
        pd.DataFrame(everything, columns=["kind", "image", "message"]).to_csv(temporary, index=False)
    for line in format_problems(everything, of_each=SHOWN_OF_EACH):
        print(f"rarepix: {line}", file=sys.stderr)
    print(f"rarepix: all {len(everything)} of them: {file}", file=sys.stderr)


def _write(source: "Source", result: "Inspection", out: Path) -> "pd.DataFrame":
    """Write the tables and the picture; return the table of classes (a row per class)."""
    from rarepix.data.inventory.summary import class_table, co_occurrence
    from rarepix.files import replacing
    from rarepix.viz.inventory import draw_inventory, save

    names = list(source.labels.names)
    table = class_table(result.counts, result.objects, names)
    together = co_occurrence(result.counts[names])
    *frames, objects = TABLES
    for name, frame in zip(frames, (result.counts, table, together), strict=True):
        with replacing(out / name) as temporary:
            frame.to_csv(temporary)
    with replacing(out / objects) as temporary:
        result.objects.to_parquet(temporary, index=False)
    save(draw_inventory(table, together, result.objects, source.labels, _title(source, result, table)), out, PICTURE)
    return table


def _title(source: "Source", result: "Inspection", table: "pd.DataFrame") -> str:
    from rarepix.viz.style import percent

    return (
        f"{source.name}: {len(result.counts)} images, {percent(table.loc['border', 'pixel_share'])} of pixels ignored"
    )


def _print_table(source: "Source", names: list[str], result: "Inspection", table: "pd.DataFrame", out: Path) -> None:
    """Print the table of classes, and the folder with all files."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from rarepix.data.inventory.summary import describe_sizes
    from rarepix.viz.style import number, percent

    grid = Table(title=_title(source, result, table), title_justify="left")
    grid.add_column("class")
    for heading in ("images", "% of images", "pixels", "% of pixels", "objects", "median pixels"):
        grid.add_column(heading, justify="right")
    for row in table.itertuples():
        ignored = row.Index == "border"
        objects = (str(row.objects), number(row.object_pixels)) if row.objects else ("", "")
        cells = (str(row.images), percent(row.image_share), str(row.pixels), percent(row.pixel_share), *objects)
        grid.add_row(escape("(ignored)" if ignored else row.Index), *cells)
    Console(width=None if sys.stdout.isatty() else 100).print(grid)
    print(f"lists: {', '.join(names)}; sizes (width × height): {describe_sizes(result.counts)}")
    if source.labels.is_soft:
        print("masks are soft: a pixel counts as one of a class where its share is above one half")
    print(f"tables and picture: {out} ({PICTURE}.png)")
