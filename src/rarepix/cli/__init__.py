"""Hyperparameter search for segmentation of images in which some classes are rare.

A user's mistake ends with a message on standard error and exit code 2, never with a traceback.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rarepix.cli import evaluate, full_background, init, inventory, study, tune

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.splitlines()[0]
)
app.add_typer(study.app, name="study")
app.add_typer(full_background.app, name="evaluate")
app.command()(init.init)
app.command()(inventory.inventory)
app.command("test")(evaluate.evaluate)
app.command()(evaluate.predict)
app.command()(tune.tune)


@app.command("demo-data")
def demo_data(
    folder: Annotated[Path, typer.Argument(help="Folder to draw into; new or empty.")],
    images: Annotated[int, typer.Option(min=1)] = 320,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    full_background: Annotated[
        bool, typer.Option("--full-background", help="Two classes on a background, and most images are empty.")
    ] = False,
) -> None:
    """Draw a small synthetic dataset in the Pascal VOC layout with common and rare classes."""
    from rarepix.data.synthetic import draw_full_background, draw_voc

    (draw_full_background if full_background else draw_voc)(folder, images=images, seed=seed)
    print(f"{folder} holds the demo data: {images} images")


@app.command()
def check(
    what: Annotated[
        str, typer.Argument(metavar="CONFIG_OR_RECIPE", help="A study's file, or a recipe's name or file.")
    ],
    plan: Annotated[str, typer.Option(help="Plan of a recipe's trials; a study names it itself.")] = "segment",
) -> None:
    """Check a study or a recipe without running it."""
    from rarepix.config import load_recipe
    from rarepix.search.checks import preflight
    from rarepix.search.checks.dry_run import DryRun
    from rarepix.settings import ConfigError
    from rarepix.trial.plans import find_plan

    if preflight.is_study(Path(what)):
        preflight.check(what)
    else:
        with DryRun(Path()) as dry_run:
            problems = dry_run.problems([load_recipe(what, find_plan(plan).config)], plan)
        if problems:
            raise ConfigError("\n".join(problems))
    print(f"{what}: nothing found that would stop it")


@app.command()
def preview(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key.")] = None,
    images: Annotated[int, typer.Option(min=1)] = 12,
    out: Annotated[Path, typer.Option(help="The picture to write: .png or .jpg.")] = Path("preview.png"),
) -> None:
    """Draw training images as the network gets them: sampled, cropped, with copy-paste and augmentation."""
    from rarepix.config import load_recipe, parse_settings, updated
    from rarepix.evaluation.preview import draw_preview

    shown = draw_preview(updated(load_recipe(recipe), parse_settings(settings or [])), out, images=images)
    which = f"the first {shown}" if shown == images else f"all {shown}"
    print(f"{out} shows {which} training images of the first epoch")


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="rarepix")
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_message_to_user(error):
            raise
        for line in str(error).splitlines():
            print(f"rarepix: {line}", file=sys.stderr)
        sys.exit(2)


def _is_message_to_user(error: Exception) -> bool:
    """Whether *error* is a message to the user (an error of rarepix or of a file) rather than a defect."""
    return type(error).__module__.startswith("rarepix.") or isinstance(error, OSError)
