"""``rarepix evaluate``: the published numbers of full-background images, of one network or of two stages."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarepix.cli.evaluate import NETWORK, RECIPE, SETTINGS
from rarepix.cli.progress import bar

if TYPE_CHECKING:
    from rarepix.data.source import Item
    from rarepix.evaluation.checkpoint import TrainedModel

app = typer.Typer(no_args_is_help=True, help="The published numbers of full-background images, and ours beside them.")
FIRST = typer.Argument(metavar="FIRST", help="Folder of a trial that says which classes are in an image.")
SECOND = typer.Argument(metavar="SECOND", help="Folder of a trial, or checkpoint, that predicts masks.")
PART = typer.Option(help="train, val or test (the default), as the trial split its data.")
LIST = typer.Option("--list", help="A list of the dataset instead of a part.")
OUT = typer.Option(help="File for the numbers; default: evaluate/STAGES-PART.json in the trial.")
Numbers = Mapping[str, Mapping[str, float]]
"""Heading of a column → name → number."""


@app.command("single-stage")
def single_stage(
    network: Annotated[Path, NETWORK],
    recipe: Annotated[str | None, RECIPE] = None,
    part: Annotated[str | None, PART] = None,
    listed: Annotated[str | None, LIST] = None,
    settings: Annotated[list[str] | None, SETTINGS] = None,
    out: Annotated[Path | None, OUT] = None,
) -> None:
    """Evaluate one network, without and with its gate: IoU, IoU_pos, class and binary accuracy, false alarms, …"""
    from rarepix.config import parse_settings
    from rarepix.evaluation.checkpoint import load_trained_model
    from rarepix.evaluation.full_background import evaluate_one

    trained = load_trained_model(network, recipe=recipe, settings=parse_settings(settings or []), gated=True)
    name, items = _select(trained, part, listed)
    with bar("evaluating", len(items)) as advance:
        columns = evaluate_one(trained, items, advance)
    _tell(columns, trained, name, len(items), {"checkpoint": str(trained.checkpoint)}, out, "single-stage")


@app.command("two-stage")
def two_stage(
    first: Annotated[Path, FIRST],
    second: Annotated[Path, SECOND],
    recipe: Annotated[str | None, typer.Option(help="Recipe of SECOND, if it is a checkpoint file.")] = None,
    threshold: Annotated[
        float, typer.Option(min=1e-6, max=1 - 1e-6, help="Probability in FIRST above which a class is found.")
    ] = 0.5,
    part: Annotated[str | None, PART] = None,
    listed: Annotated[str | None, LIST] = None,
    settings: Annotated[list[str] | None, SETTINGS] = None,
    out: Annotated[Path | None, OUT] = None,
) -> None:
    """Evaluate two stages: masks of SECOND are emptied where FIRST finds no class in the image."""
    from rarepix.config import parse_settings
    from rarepix.evaluation.checkpoint import load_classifier, load_trained_model
    from rarepix.evaluation.two_stage_numbers import check_not_trained_on, check_second_stage, evaluate_two

    trained = load_trained_model(second, recipe=recipe, settings=parse_settings(settings or []))
    check_second_stage(trained)
    trained = trained._replace(classifier=load_classifier(first, trained.config, trained.labels))
    name, items = _select(trained, part, listed)
    if part != "train" and listed is None:
        check_not_trained_on(trained.classifier, trained, items)
    with bar("evaluating", len(items)) as advance:
        columns = evaluate_two(trained, items, advance, threshold)
    metadata = {"first": str(trained.classifier.checkpoint), "second": str(trained.checkpoint), "threshold": threshold}
    _tell(columns, trained, name, len(items), metadata, out, "two-stage")


def _select(trained: "TrainedModel", part: str | None, listed: str | None) -> tuple[str, "list[Item]"]:
    from rarepix.choices import pick
    from rarepix.evaluation.test import PARTS, select_items
    from rarepix.settings import ConfigError

    if part is not None and listed is not None:
        raise ConfigError("--part and --list say what is evaluated: give one of them")
    if part is not None:
        pick(dict.fromkeys(PARTS), part, "part")
    name, _, items = select_items(trained, part=part, listed=listed)
    return name, items


def _tell(
    columns: Numbers,
    trained: "TrainedModel",
    name: str,
    images: int,
    metadata: Mapping[str, object],
    out: Path | None,
    stages: str,
) -> None:
    """Print the numbers, a column for each way of keeping masks, and write them as JSON."""
    from rarepix.files import write_text

    print(f"{trained.labels.task} of {', '.join(trained.labels.names)}; {name}: {images} images")
    _print_table(columns)
    if out is None:
        evaluated = re.sub(r"[^\w.-]+", "_", name)
        out = trained.folder / "evaluate" / f"{stages}-{evaluated}.json"
    plain = {
        column: {number: None if math.isnan(value) else value for number, value in numbers.items()}
        for column, numbers in columns.items()
    }
    what = {**metadata, "evaluated": name, "images": images, "classes": list(trained.labels.names)}
    write_text(out, json.dumps({**what, "numbers": plain}, indent=1, allow_nan=False) + "\n")
    print(f"numbers: {out}")


def _print_table(columns: Numbers) -> None:
    from rarepix.evaluation.full_background import OURS, PUBLISHED

    for heading, names in {"published": PUBLISHED, "ours": OURS}.items():
        print(f"  {heading:32}" + "".join(f"{column:>22}" for column in columns))
        for number in names:
            print(f"    {number:30}" + "".join(f"{_shown(column[number]):>22}" for column in columns.values()))


def _shown(value: float) -> str:
    return "absent" if math.isnan(value) else f"{value:.4f}"
