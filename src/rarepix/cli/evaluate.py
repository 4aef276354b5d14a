"""``rarepix test`` and ``rarepix predict``: run a trained network on images with masks, and on images without."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarepix.cli.progress import bar

if TYPE_CHECKING:
    from rarepix.evaluation.checkpoint import TrainedModel

NETWORK = typer.Argument(metavar="TRIAL_OR_CHECKPOINT", help="A trial's folder, or a checkpoint file with --recipe.")
RECIPE = typer.Option(help="Name or file of the recipe that a checkpoint file was trained with.")
NO_GATE = typer.Option("--no-gate", help="Leave out the gate that rarepix tune put beside the checkpoint.")
SETTINGS = typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as evaluate.flips=[horizontal].")


def evaluate(
    network: Annotated[Path, NETWORK],
    recipe: Annotated[str | None, RECIPE] = None,
    part: Annotated[str | None, typer.Option(help="train, val or test, as the trial split its data.")] = None,
    listed: Annotated[str | None, typer.Option("--list", help="A list of the dataset instead of a part.")] = None,
    settings: Annotated[list[str] | None, SETTINGS] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default: test/NAME beside it.")] = None,
    surfaces: Annotated[bool, typer.Option("--surfaces", help="Boundary IoU and surface Dice, too (slower).")] = False,
    legacy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also run this published evaluator; may be repeated.")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="Write the predicted masks: palette or classes.")] = None,
    least: Annotated[int, typer.Option(min=1, help="A predicted class with fewer pixels counts as absent.")] = 1,
    no_gate: Annotated[bool, NO_GATE] = False,
) -> None:
    """Test a trained network on a part or list of a dataset: scores, tables, pictures."""
    from rarepix.choices import pick
    from rarepix.evaluation.legacy import LEGACY
    from rarepix.evaluation.mask_files import FORMS
    from rarepix.evaluation.test import PARTS, run_test, select_items
    from rarepix.settings import ConfigError

    if part is not None and listed is not None:
        raise ConfigError("--part and --list say what is tested: give one of them")
    if part is not None:
        pick(dict.fromkeys(PARTS), part, "part")
    if masks is not None:
        pick(dict.fromkeys(FORMS), masks, "form of masks")
    for name in legacy or ():
        pick(LEGACY, name, "published evaluator")
    trained = _load(network, recipe, settings, gated=not no_gate)
    name, source, items = select_items(trained, part=part, listed=listed)
    out = out or trained.folder / "test" / re.sub(r"[^\w.-]+", "_", name)
    config = trained.config
    metadata = {
        "checkpoint": str(trained.checkpoint),
        "recipe": config.recipe,
        "dataset": source.name,
        "tested": name,
        "task": str(trained.labels.task),
        "seed": config.seed,
        "split": config.data.split,
        "fold": config.data.fold,
        "evaluate": config.evaluate.model_dump(mode="json"),
        "resize": config.data.resize,
        "gate": None if trained.gate is None else trained.gate.model_dump(mode="json"),
    }
    options = {"surfaces": surfaces, "legacy": legacy or (), "masks": masks, "least": least}
    with bar("testing", len(items)) as advance:
        document = run_test(trained, items, metadata, out, **options, advance=advance)
    _print_scores(document, out)


def predict(
    network: Annotated[Path, NETWORK],
    images: Annotated[Path, typer.Argument(help="Folder of images.")],
    recipe: Annotated[str | None, RECIPE] = None,
    settings: Annotated[list[str] | None, SETTINGS] = None,
    out: Annotated[Path, typer.Option(help="Folder for masks, overlays and tables.")] = Path("predictions"),
    masks: Annotated[
        str | None, typer.Option(help="palette (a file per image) or classes (a file per class); default: by the task.")
    ] = None,
    overlays: Annotated[
        bool | None, typer.Option(help="Draw each image with its classes over it; default: if there are masks.")
    ] = None,
    no_gate: Annotated[bool, NO_GATE] = False,
) -> None:
    """Predict the masks of a folder of images, or which classes are in each image."""
    from rarepix.choices import pick
    from rarepix.data.images import hidden_note, image_files
    from rarepix.evaluation.mask_files import FORMS, check_form
    from rarepix.evaluation.predict import is_found
    from rarepix.evaluation.predict import predict as run
    from rarepix.labels import Task

    if masks is not None:
        pick(dict.fromkeys(FORMS), masks, "form of masks")
    files = image_files(images)
    if note := hidden_note(images):
        print(f"rarepix: {note}", file=sys.stderr)
    trained = _load(network, recipe, settings, gated=not no_gate)
    trained.refuse_without_masks(["--masks"] * (masks is not None) + ["--overlays"] * bool(overlays))
    form = None
    if trained.has_masks:
        form = masks or ("classes" if trained.labels.task is Task.MULTILABEL else "palette")
        check_form(form, trained.labels)
    overlays = trained.has_masks if overlays is None else overlays
    with bar("predicting", len(files)) as advance:
        table = run(trained, files, out, form=form, overlays=overlays, advance=advance)
    if trained.gate is not None:
        print(f"with the gate {trained.gate.gate.kind}")
    for name, rows in table.groupby("class", sort=False):
        share = f", {rows['share'].mean():.2%} of their pixels on average" if "share" in rows else ""
        print(f"{name}: in {int(is_found(rows).sum())} of {len(rows)} images{share}")
    print(f"{'masks, overlays and tables' if trained.has_masks else 'tables'}: {out}")


def _load(network: Path, recipe: str | None, settings: list[str] | None, *, gated: bool) -> "TrainedModel":
    from rarepix.config import parse_settings
    from rarepix.evaluation.checkpoint import load_trained_model

    return load_trained_model(network, recipe=recipe, settings=parse_settings(settings or []), gated=gated)


def _print_scores(document: dict[str, Any], out: Path) -> None:
    """Print the scores, those of each class, those of published evaluators, and the folder with all results."""
    scores, without = document["scores"], document.get("scores_without_gate", {})
    print(f"{document['dataset']}, {document['tested']}: {document['images']} images")
    if without:
        print(f"  with the gate {document['gate']['gate']['kind']} (without it)")
    for name, value in sorted(scores.items(), key=lambda score: "/" in score[0]):
        if "/" in name:
            print(f"    {name:20} {'absent' if value != value else f'{value:.4f}'}", end="")
        else:
            print(f"  {name:22} {value:.4f}", end="")
        print(f" ({without[name]:.4f})" if without else "")
    if without and "foreground" in document:
        for name in ("empty_false_alarm_rate", "sensitivity"):
            values = document["foreground"][name], document["foreground_without_gate"][name]
            print(f"  {name:22} {values[0]:.4f} ({values[1]:.4f})")
    for evaluator, legacy_scores in document["legacy"].items():
        for name, value in legacy_scores.items():
            print(f"  {evaluator}: {name} {value:.4f}")
    print(f"scores, tables and pictures: {out}")
