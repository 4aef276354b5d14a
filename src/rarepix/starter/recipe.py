"""The recipe for a folder: every key with the reason for its value."""

import shlex
from typing import Any

from rarepix.starter.commented import Line, comment, sections
from rarepix.starter.machine import Machine
from rarepix.starter.rarity import SEEDS
from rarepix.starter.survey import Survey
from rarepix.starter.training import COVERS, WHOLE_AT_MOST, Training

Recipe = dict[str, list[Line]]
"""Section → its lines."""
ENCODER = "tu-tf_efficientnet_lite0"
SMALL_DECODER = {"encoder_depth": 4, "decoder_channels": [64, 48, 32, 16]}


def recipe_of(seen: Survey, root: str, training: Training, machine: Machine) -> Recipe:
    """Return the sections of the recipe for what was *seen* in the folder that a recipe calls *root*."""
    return {
        "data": _data(seen, root),
        **({"sampling": _sampling(seen, training)} if training.steps_per_epoch else {}),
        "crop": [Line("size", [*training.crop], _crop_reason(training, machine))],
        "augment": [Line("scale", 0.2, "images are resized by up to a fifth either way; half of them are flipped")],
        "model": _model(machine),
        "loss": [Line("name", "dice", "counts every class alike, however few its pixels; the study compares others")],
        "optim": _optim(),
        "engine": _engine(training, machine),
        "evaluate": _evaluate(seen, training),
    }


def tree_of(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return the values alone, as a configuration is built from them."""
    return {section: {line.key: line.value for line in lines} for section, lines in recipe.items()}


def recipe_text(recipe: Recipe, seen: Survey, file: str) -> str:
    """Return the file of the recipe, which is called *file* where commands are typed."""
    notes = [*filter(None, [seen.source.assumed]), *seen.lists.notes]
    header = [
        *comment(
            f"{seen.source.name}: {len(seen.learned)} images to train and validate on, {seen.labels.count} classes, "
            f"{len(seen.rare.names)} of them rare. Written by `rarepix init`; every line may be changed."
        ),
        f"# Command:  python -m trials.segment --recipe {shlex.quote(file)}",
        f"# Look:     rarepix preview {shlex.quote(file)}          (what the network is shown)",
        *(line for text in notes for line in comment(f"Note: {text}")),
    ]
    return "\n".join([*header, *sections(recipe)]) + "\n"


def _data(seen: Survey, root: str) -> list[Line]:
    lists = seen.lists
    lines = [
        Line("source", seen.layout, "the layout of the folder: docs/reference/sources.md"),
        *(Line(key, value, "as it was given to rarepix init") for key, value in seen.parameters.items()),
        Line("root", root, "the folder; may name $VARIABLES, so that every machine finds its own"),
        Line("train_list", lists.train, f"{len(seen.counts[lists.train])} images"),
    ]
    if seen.folds is None:
        lines += [
            Line("val_list", lists.val, f"{len(seen.counts[lists.val])} images, by which trials are compared"),
            Line("split", "listed", "the lists say which images train and which validate"),
        ]
    else:
        lines += [
            Line("split", "multilabel", "the list is cut into folds so that every class is in all of them"),
            Line(
                "folds", seen.folds, "one fold validates, the others train; which images it holds depends on the seed"
            ),
        ]
    if seen.groups:
        config = seen.groups.config
        value = config if config == "auto" else config.model_dump()
        lines.append(Line("groups", value, f"{seen.groups}: all images of one are in one fold"))
    why = (
        "evaluated once after training, never shown to the search" if lists.test else "no list that is kept for a test"
    )
    lines.append(Line("test_list", lists.test, why))
    return lines + _allow_absent(seen)


def _allow_absent(seen: Survey) -> list[Line]:
    absent = seen.absent
    if not absent.names:
        return []
    reasons = [f"no training image holds {', '.join(absent.everywhere)}"] if absent.everywhere else []
    if absent.in_some_block:
        reasons.append(f"too few hold {', '.join(absent.in_some_block)}: with one of the seeds all of them validate")
    return [Line("allow_absent", [*absent.names], "; ".join(reasons))]


def _sampling(seen: Survey, training: Training) -> list[Line]:
    shown = training.steps_per_epoch * training.batch
    if shown < seen.training_images:
        why = "batches: an epoch is a random part of the images, so that a trial does not take too long"
    else:
        why = "batches: there are few images, which are shown several times in an epoch"
    return [Line("steps_per_epoch", training.steps_per_epoch, why)]


def _crop_reason(training: Training, machine: Machine) -> str:
    rule = f"rows, columns: half of the images are as large, at most {training.budget.side} on {machine.kind}"
    return f"{rule}; it has {'most' if training.covers else f'less than {100 * COVERS:.0f} %'} of the pixels of one"


def _model(machine: Machine) -> list[Line]:
    lines = [
        Line("architecture", "unet", "any of segmentation-models-pytorch"),
        Line("encoder", ENCODER, "small and fast"),
        Line("weights", "imagenet", "of this encoder they come with rarepix, no network is needed"),
    ]
    if not machine.gpus:
        lines.append(Line("options", SMALL_DECODER, "a small decoder, for a CPU"))
    return lines


def _optim() -> list[Line]:
    return [
        Line("lr", 0.005, "of decoder and head; the search space varies it"),
        Line("encoder_ratio", 0.3, "the encoder begins with weights that are worth keeping: it learns more slowly"),
    ]


def _engine(training: Training, machine: Machine) -> list[Line]:
    length = f"about {training.budget.updates} updates on {machine.kind}; take more if the curves still rise at the end"
    size = f"at most {training.budget.batch} on {machine.kind}, as the memory allows ({machine})"
    lines = [Line("epochs", training.epochs, length), Line("batch_size", training.batch, size)]
    if training.threads:
        why = f"{machine.cores} CPU cores are shared by {training.concurrency} trials at a time"
        lines.append(Line("threads", training.threads, why))
    return lines


def _evaluate(seen: Survey, training: Training) -> list[Line]:
    if seen.always_rare:
        objective = Line("objective", "rare_iou", "what is compared: the mean IoU of the rare classes (miou: of all)")
    elif seen.rare.names:
        where = f"image of {seen.lists.val}" if seen.lists.val else f"validating image of one of {len(SEEDS)} seeds"
        objective = Line("objective", "miou", f"the mean IoU of all classes, since no {where} holds a rare one")
    else:
        objective = Line("objective", "miou", "what is compared: the mean IoU of all classes, since none is rare")
    lines = [objective]
    if seen.rare.names:
        lines.append(Line("rare", [*seen.rare.names], seen.rare.reason))
    if training.window:
        why = f"some images have more than {WHOLE_AT_MOST} times the pixels of a crop: a window slides over them"
        lines.append(Line("window", [*training.window], why))
    return [*lines, Line("batch_size", training.batch, "images, or windows, at a time, as in training")]
