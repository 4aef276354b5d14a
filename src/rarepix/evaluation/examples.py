"""Examples for people: which images show best how a network deals with the rare classes, and the picture of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import Collate
from rarepix.files import replacing
from rarepix.inference.decode import crop_masks
from rarepix.inference.gates import CLASSIFIER
from rarepix.labels import LabelSpace, hard_mask
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import ratio
from rarepix.viz.bands import as_rgb
from rarepix.viz.examples import ExampleRow, examples_sheet

if TYPE_CHECKING:
    import lightning.pytorch as pl

ROWS, CLASSES = 4, 4
"""Images of a picture, and classes of which the worst and the median image are shown."""
UNNAMED = 2
"""Where no rare classes are named: how many classes, those in the fewest images, are taken for rare."""


class Choice(NamedTuple):
    """The images of a picture."""

    examples: list[tuple[str, str]]
    """Image, and the text above its row: why it is shown."""
    notes: tuple[str, ...] = ()
    """What could not be shown, and why."""


def classes_to_show(counts: pd.DataFrame, labels: LabelSpace, config: EvaluateConfig) -> list[str]:
    """Return the classes that the pictures are about, those in the fewest images first.

    They are the rare classes, or where there are none the two in the fewest images, without the background and classes
    in no image. *counts* is an image × class table of true pixels.
    """
    images = (counts > 0).sum()
    rare = config.rare_classes(labels)
    if rare:
        return sorted(rare, key=lambda name: images[name])
    present = [name for name in labels.names if images[name] and name not in labels.background_names]
    return sorted(present, key=lambda name: images[name])[:UNNAMED]


def worst_and_median(table: pd.DataFrame, rare: Sequence[str]) -> Choice:
    """Return for each class the image with the lowest IoU and the one with the median (the upper of two).

    Only images that hold the class count: in others its IoU is 0 or absent and says little. At most four classes are
    shown, in the order of *rare*; the others, and classes in no image, are named in the notes. *table* has a row per
    image and class with the columns image, class, tp, fp and fn.
    """
    present = table[table["tp"] + table["fn"] > 0]
    present = present.assign(iou=ratio(present["tp"], present["tp"] + present["fp"] + present["fn"]))
    examples, notes = [], []
    for name in rare:
        images = present[present["class"] == name].sort_values("iou", kind="stable")
        if images.empty:
            notes.append(f"{name}: in no image")
        elif len(examples) >= 2 * CLASSES:
            notes.append(f"{name}: no room")
        else:
            several = {0: f"worst of {len(images)}", len(images) // 2: f"median of {len(images)}"}
            for position, which in (several if len(images) > 1 else {0: "the only image"}).items():
                row = images.iloc[position]
                examples.append((row["image"], f"{name}, {which}: IoU {row['iou']:.3f}"))
    return Choice(examples, tuple(notes))


def lowest_mean_iou(table: pd.DataFrame, rows: int = ROWS) -> Choice:
    """Return up to *rows* images: those with the lowest mean IoU of the classes in their truth or prediction.

    *table* has a row per image and class with the columns image and iou (NaN where the class is absent).
    """
    means = table.groupby("image", sort=False)["iou"].mean().dropna().sort_values(kind="stable").head(rows)
    return Choice([(image, f"mean IoU {mean:.3f}") for image, mean in means.items()])


def most_of_each_class(counts: pd.DataFrame, rows: int = ROWS) -> Choice:
    """Return up to *rows* images: for each class, rarest first, the one with most pixels of it.

    If no image holds any class, these are the first images. *counts* is an image × class table of pixel counts.
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
    return Choice(list((chosen or dict.fromkeys(counts.index[:rows], "")).items()))


def choose_examples(table: pd.DataFrame, counts: pd.DataFrame, rare: Sequence[str]) -> Choice:
    """Return the worst and the median image of each rare class in *table*; or else ``most_of_each_class`` of *counts*.

    *counts* holds the pixels of the truth of the images in *table*.
    """
    choice = worst_and_median(table, rare)
    return choice if choice.examples else most_of_each_class(counts)._replace(notes=choice.notes)


def draw_examples(
    module: "pl.LightningModule",
    dataset: SegmentationDataset,
    choice: Choice,
    labels: LabelSpace,
    path: Path,
    *,
    rare: Sequence[str],
    classifier: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Predict the chosen images of *dataset* and write the picture of them to *path*.

    *module* is a ``SegmentationModule`` whose network predicts masks; *classifier* has the logits K of the network that
    its gate asks, by image, if it asks one.
    """
    position = {item.id: index for index, item in enumerate(dataset.items)}
    rows = []
    for image, caption in choice.examples:
        asked = {CLASSIFIER: classifier[image][None]} if classifier else {}
        rows.append(_predict(module, dataset[position[image]], labels, caption, asked))
    with replacing(path) as temporary:
        examples_sheet(rows, labels, rare=rare, notes=choice.notes).save(temporary)


def image_and_mask(sample: dict, labels: LabelSpace) -> tuple[np.ndarray, np.ndarray]:
    """Return the image in colours, H W 3 uint8, and the mask, H W ids or H W C of 0 and 1, of a dataset's sample.

    Of a soft mask it is the ``hard_mask``.
    """
    image, mask = as_rgb(sample["image"].permute(1, 2, 0).numpy()), hard_mask(sample["mask"], labels)
    return image, (mask if mask.ndim == 2 else mask.permute(1, 2, 0)).numpy()


@torch.inference_mode()
def _predict(
    module: "pl.LightningModule", sample: dict, labels: LabelSpace, caption: str, asked: Mapping[str, torch.Tensor]
) -> ExampleRow:
    """Return the sample with its prediction, which has the size of the truth."""
    batch = Collate(labels.ignore, module.model.stride)([sample])
    module.eval()
    prediction = module.predict(batch | {"image": batch["image"].to(module.device)} | dict(asked))
    image, truth = image_and_mask(sample, labels)
    (mask,) = crop_masks(prediction.mask, [truth.shape[:2]])
    return ExampleRow(caption, image, truth, mask)
