"""Predicted masks as files: a palette PNG an image, or a grey PNG for every class."""

from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.files import replacing
from rarepix.labels import LabelSpace, Task
from rarepix.viz.contact_sheet import class_colors

MASKS = "masks"
"""Folder of masks, in that of a test or a prediction."""
FORMS = ("palette", "classes")
"""palette: ``NAME.png``, whose pixels are class ids; classes: ``CLASS/NAME.png``, 255 where the class is."""


def check_form(form: str, labels: LabelSpace) -> None:
    """Raise ``ValueError`` if masks of these classes cannot be written in this form."""
    if form == "palette" and labels.task is Task.MULTILABEL:
        raise MaskFormError(
            "a palette file has one class a pixel, but the task is multilabel: use the form classes, a file a class"
        )


class MaskFormError(ValueError):
    """A form in which these masks cannot be written."""


def write_mask(mask: np.ndarray, name: str, folder: Path, *, form: str, labels: LabelSpace) -> None:
    """Write a mask, H W ids or H W C layers, into *folder* under the name of its image."""
    if form == "palette":
        picture = Image.fromarray(mask, mode="P")
        picture.putpalette(class_colors(labels).ravel().tolist())
        _save(picture, folder / f"{name}.png")
        return
    for number, label in enumerate(labels.names):
        if number != labels.background:
            layer = mask == number if mask.ndim == 2 else mask[..., number] == 1
            _save(Image.fromarray(layer.astype(np.uint8) * 255), folder / label.replace("/", "_") / f"{name}.png")


def _save(picture: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG")
