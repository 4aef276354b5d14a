"""A picture for people: image, truth, prediction and errors of images of the rare classes, the worst and the usual."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from PIL import Image

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import Collate
from rarepix.files import replacing
from rarepix.inference.decode import decode, masks_of
from rarepix.labels import LabelSpace
from rarepix.scores import ratio
from rarepix.viz.contact_sheet import Tile, colorize, contact_sheet, image_and_mask
from rarepix.viz.error_map import LEGEND, error_map

ROWS, CLASSES = 4, 4
"""Images of a picture that are chosen by what they hold, and classes of which the worst and the median are shown."""
UNNAMED = 2
"""Where the dataset names no rare classes: how many of the rarest by images are taken for it."""
COLUMNS = ("image", "truth", "prediction", "errors")
SIDE = 240
"""Pixels of the shorter side of one picture, at least."""


class Example(NamedTuple):
    """An image to show."""

    image: str
    caption: str = ""
    """Why it is shown: the words above its row."""


class Choice(NamedTuple):
    """The images of a picture."""

    examples: list[Example]
    notes: tuple[str, ...] = ()
    """What the picture would have shown, too, and why it does not."""


def rare_classes(counts: pd.DataFrame, labels: LabelSpace, named: Sequence[str] = ()) -> list[str]:
    """Return the classes that the pictures are about, rarest by images first.

    Those that are *named*, else the dataset's rare ones, else the two rarest that are there, background left out.

    Args:
        counts: image × class table of the pixels of the truth.
        labels: the classes.
        named: ``evaluate.rare``.
    """
    held = (counts > 0).sum()
    wanted = list(named or labels.rare)
    if wanted:
        return sorted(wanted, key=lambda name: held[name])
    present = [name for name in labels.names if held[name] and name not in labels.background_names]
    return sorted(present, key=lambda name: held[name])[:UNNAMED]


def worst_and_median(table: pd.DataFrame, rare: Sequence[str]) -> Choice:
    """Return of each class the image with the lowest IoU and the one in the middle; of an even number the upper one.

    Among the images that hold the class: elsewhere its IoU is 0 or missing, whatever was predicted how well. At most
    four classes are shown; those beyond, and those that no image holds, are named in the notes.

    Args:
        table: a row an image and class with the columns image, class, tp, fp and fn.
        rare: the classes in the order in which they are shown.
    """
    held = table[table["tp"] + table["fn"] > 0]
    held = held.assign(iou=ratio(held["tp"], held["tp"] + held["fp"] + held["fn"]))
    examples, notes = [], []
    for name in rare:
        images = held[held["class"] == name].sort_values("iou", kind="stable")
        if images.empty:
            notes.append(f"{name}: in no image")
        elif len(examples) >= 2 * CLASSES:
            notes.append(f"{name}: no room")
        elif len(images) == 1:
            examples.append(_example(images.iloc[0], "the only image"))
        else:
            examples += [
                _example(images.iloc[0], f"worst of {len(images)}"),
                _example(images.iloc[len(images) // 2], f"median of {len(images)}"),
            ]
    return Choice(examples, tuple(notes))


def _example(row: pd.Series, which: str) -> Example:
    return Example(row["image"], f"{row['class']}, {which}: IoU {row['iou']:.3f}")


def worst(table: pd.DataFrame, rows: int = ROWS) -> Choice:
    """Return up to *rows* images: those with the lowest mean IoU of the classes that they hold, or got.

    Args:
        table: a row per image and class with the columns image and iou (NaN where the class is absent).
        rows: how many images at most.
    """
    means = table.groupby("image", sort=False)["iou"].mean().dropna().sort_values(kind="stable").head(rows)
    return Choice([Example(image, f"mean IoU {mean:.3f}") for image, mean in means.items()])


def choose(counts: pd.DataFrame, rows: int = ROWS) -> Choice:
    """Return up to *rows* images: of each class, the rarest by images first, the one that shows most of it.

    If no image shows any class, these are the first ones.

    Args:
        counts: image × class table of pixel counts (classes only).
        rows: how many images at most.
    """
    present = counts.columns[(counts > 0).any()]
    by_rarity = sorted(present, key=lambda name: (counts[name] > 0).sum())
    chosen: dict[str, str] = {}
    for name in by_rarity:
        best = counts[name].drop(index=list(chosen)).idxmax() if len(chosen) < len(counts) else None
        if best is not None and counts.loc[best, name] > 0:
            chosen[best] = f"most of {name}"
        if len(chosen) == rows:
            break
    if chosen:
        return Choice([Example(image, caption) for image, caption in chosen.items()])
    return Choice([Example(image) for image in counts.index[:rows]])


def choose_examples(table: pd.DataFrame, counts: pd.DataFrame, rare: Sequence[str]) -> Choice:
    """Return the worst and the median image of each rare class; where none can be shown, what ``choose`` returns.

    Args:
        table: a row an image and class of one part with the columns image, class, tp, fp and fn.
        counts: image × class table of the pixels of the truth of that part.
        rare: see ``rare_classes``.
    """
    found = worst_and_median(table, rare)
    return found if found.examples else choose(counts)._replace(notes=found.notes)


def draw_examples(
    module: pl.LightningModule,
    dataset: SegmentationDataset,
    choice: Choice,
    labels: LabelSpace,
    path: Path,
    *,
    rare: Sequence[str],
    threshold: float,
) -> None:
    """Predict the chosen images of *dataset* and write the picture to *path*; ignored pixels are grey."""
    position = {item.id: index for index, item in enumerate(dataset.items)}
    rows = []
    for example in choice.examples:
        pictures = _pictures(module, dataset[position[example.image]], labels, rare, threshold)
        rows.append([Tile(pictures[0], example.caption), *(Tile(pixels) for pixels in pictures[1:])])
    more = [("errors:", None), *LEGEND, *((f"not shown: {note}", None) for note in choice.notes)]
    with replacing(path) as temporary:
        contact_sheet(rows, labels, side=SIDE, headings=COLUMNS, more=more).save(temporary)


@torch.inference_mode()
def _pictures(
    module: pl.LightningModule, sample: dict, labels: LabelSpace, rare: Sequence[str], threshold: float
) -> tuple[np.ndarray, ...]:
    """Return what stands in the columns, each H W 3 uint8 of the size of the truth, in which errors are counted."""
    batch = Collate(labels.ignore)([sample])
    module.eval()
    logits = module.infer(module, batch | {"image": batch["image"].to(module.device)})
    image, truth = image_and_mask(sample)
    image = np.asarray(Image.fromarray(image).resize(truth.shape[1::-1], Image.Resampling.BILINEAR))
    said = masks_of(decode(logits, task=labels.task, threshold=threshold), [truth.shape[:2]])[0]
    return image, colorize(truth, labels), colorize(said, labels), error_map(truth, said, labels, rare=rare)
