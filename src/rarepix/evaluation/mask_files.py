"""Predicted masks as files: one palette PNG per image, or one grey PNG per image and class."""

from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.files import replacing
from rarepix.labels import LabelSpace, Task
from rarepix.viz.overlays import class_colors

MASKS = "masks"
"""Folder of the masks in the folder of a test or a prediction."""
FORMS = ("palette", "classes")
"""palette: ``NAME.png``, whose pixels are class ids; classes: ``CLASS/NAME.png``, 255 where the class is."""


class MaskFormError(ValueError):
    """These masks cannot be written in the form that was asked for."""


def check_form(form: str, labels: LabelSpace) -> None:
    """Raise ``MaskFormError`` if masks of these classes cannot be written in this form."""
    if form == "palette" and labels.task is Task.MULTILABEL:
        raise MaskFormError(
            "a palette file has one class a pixel, but the task is multilabel: use the form classes, a file a class"
        )


def write_mask(mask: np.ndarray, name: str, folder: Path, *, form: str, labels: LabelSpace) -> None:
    """Write a mask, H W ids or H W C of 0 and 1, into *folder* under the name of its image."""
    if form == "palette":
        image = Image.fromarray(mask, mode="P")
        image.putpalette(class_colors(labels).ravel().tolist())
        _save(image, folder / f"{name}.png")
        return
    for number, label in enumerate(labels.names):
        if number != labels.background:
            class_mask = mask == number if mask.ndim == 2 else mask[..., number] == 1
            _save(Image.fromarray(class_mask.astype(np.uint8) * 255), folder / label.replace("/", "_") / f"{name}.png")


def _save(image: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")
