"""Prediction of images without masks: mask files, overlays, and a table of the classes in each image.

A network that predicts no masks leaves the table alone.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rarepix.data.bands import RGB, Bands
from rarepix.data.images import read_image
from rarepix.data.loaders import padded, round_up
from rarepix.data.transforms.resizing import Size, fitted, resize_image
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.gates.batches import gated_batches
from rarepix.evaluation.mask_files import MASKS, write_mask
from rarepix.files import replacing, write_text
from rarepix.inference.decode import crop_masks, probabilities
from rarepix.labels import LabelSpace
from rarepix.models.outputs import Prediction
from rarepix.viz.bands import as_rgb
from rarepix.viz.overlays import overlay
from rarepix.wiring import evaluation_loader

OVERLAYS = "overlays"


class ImageFiles(Dataset):
    """Images without masks: ``{"image": C H W, "index": int, "size": (rows, columns) before *resize*}``."""

    def __init__(self, files: Sequence[Path], resize: int | Size | None, bands: Bands = RGB) -> None:
        self.files, self.resize, self.bands = list(files), resize, bands

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict:
        image = read_image(self.files[index], self.bands)
        size = image.shape[:2]
        if self.resize is not None:
            image = resize_image(image, fitted(size, self.resize))
        return {"image": torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1), "index": index, "size": size}


def collate(samples: list[dict], *, stride: int) -> dict:
    """Return a batch for ``inference.predictor.Predictor``, without masks; images are padded with 0 to one size.

    Rows and columns are multiples of *stride*.
    """
    sizes = [tuple(sample["image"].shape[1:]) for sample in samples]
    padded_size = tuple(round_up(max(side), stride) for side in zip(*sizes, strict=True))
    return {
        "image": torch.stack([padded(sample["image"], padded_size, 0) for sample in samples]),
        "image_size": sizes,
        "mask_size": [sample["size"] for sample in samples],
        "index": [sample["index"] for sample in samples],
    }


def predict(
    trained: TrainedModel,
    files: Sequence[Path],
    out: Path,
    *,
    form: str | None,
    overlays: bool,
    advance: Callable[[int], None] = lambda images: None,
) -> pd.DataFrame:
    """Predict every image and write masks, overlays, ``predictions.csv`` and ``prediction.json``.

    Masks have the size of their image, upright (after its EXIF orientation).

    Args:
        files: images whose names without suffix differ.
        form: see ``mask_files.FORMS``; None, and no overlays, if the network predicts no masks.
        overlays: write each image with its classes over it, too.
        advance: called with the number of images of each batch.

    Returns:
        a row per image and class: image, class, pixels, share (of the image), greatest_probability. Without masks
        image, class, present, greatest_probability, which is that of the class being in the image; a network with both
        also has presence_probability.

    Raises:
        DataError: an image cannot be read.
        ConfigError: masks are wanted of a network that predicts none.
    """
    config, labels = trained.config, trained.labels
    trained.refuse_without_masks(["masks and overlays"] * bool(form or overlays))
    rows: list[dict[str, object]] = []
    for batch in gated_batches(trained, partial(_files_loader, files=files)):
        prediction = trained.predict(batch)
        batch_files = [files[index] for index in batch["index"]]
        if prediction.mask is None:
            rows += _presence_rows(batch_files, prediction, labels)
        else:
            masks = crop_masks(prediction.mask, batch["mask_size"])
            for file, mask in zip(batch_files, masks, strict=True):
                write_mask(mask, file.stem, out / MASKS, form=form, labels=labels)
                if overlays:
                    _write_overlay(file, config.data.bands, mask, out, labels)
            rows += _mask_rows(batch_files, masks, prediction, labels)
        advance(len(batch_files))
    table = pd.DataFrame(rows)
    _write_tables(table, trained, form, out)
    return table


def _files_loader(trained: TrainedModel, files: Sequence[Path]) -> DataLoader:
    """Return the loader of images without masks as the network of *trained* gets them."""
    config = trained.config
    stacked = partial(collate, stride=trained.module.model.stride)
    images = ImageFiles(files, config.data.resize, config.data.bands)
    gpu = trained.module.device.type == "cuda"
    return evaluation_loader(images, config, trained.labels, gpu=gpu, collate=stacked)


def _write_overlay(file: Path, bands: Bands, mask: np.ndarray, out: Path, labels: LabelSpace) -> None:
    with replacing(out / OVERLAYS / f"{file.stem}.jpg") as temporary:
        pixels = overlay(as_rgb(read_image(file, bands)), mask, labels)
        Image.fromarray(pixels).save(temporary, quality=92)


def _mask_rows(
    files: Sequence[Path], masks: Sequence[np.ndarray], prediction: Prediction, labels: LabelSpace
) -> Iterator[dict[str, object]]:
    """Yield a row for each image and class that has a channel (binary: the class that is not the background)."""
    channels = range(labels.count)[-labels.channels :]
    output = prediction.output
    for number, (file, mask, probability) in enumerate(
        zip(files, masks, probabilities(output.mask, task=labels.task), strict=True)
    ):
        height, width = mask.shape[:2]
        greatest = probability[:, :height, :width].amax(dim=(1, 2)).tolist()
        presence = {} if output.presence is None else _by_class(output.presence[number], labels)
        for id_, value in zip(channels, greatest, strict=True):
            pixels = int(((mask == id_) if mask.ndim == 2 else (mask[..., id_] == 1)).sum())
            name = labels.names[id_]
            row = {"image": file.stem, "class": name, "pixels": pixels, "share": pixels / (height * width)}
            row["greatest_probability"] = value
            yield row | ({"presence_probability": presence.get(name, math.nan)} if presence else {})


def _presence_rows(files: Sequence[Path], prediction: Prediction, labels: LabelSpace) -> Iterator[dict[str, object]]:
    """Yield a row for each image and class that is not the background."""
    for file, logits, present in zip(files, prediction.output.presence, prediction.presence.tolist(), strict=True):
        for (name, probability), is_present in zip(_by_class(logits, labels).items(), present, strict=True):
            yield {"image": file.stem, "class": name, "present": is_present, "greatest_probability": probability}


def _by_class(logits: Tensor, labels: LabelSpace) -> dict[str, float]:
    """Return class → probability of presence logits K."""
    return dict(zip(labels.presence_names, logits.float().sigmoid().tolist(), strict=True))


def _write_tables(table: pd.DataFrame, trained: TrainedModel, form: str | None, out: Path) -> None:
    with replacing(out / "predictions.csv") as temporary:
        table.to_csv(temporary, index=False)
    by_class = table.groupby("class", sort=False)
    document = {
        "checkpoint": str(trained.checkpoint),
        "recipe": trained.config.recipe,
        "task": str(trained.labels.task),
        "form": form,
        "evaluate": trained.config.evaluate.model_dump(mode="json"),
        "gate": None if trained.gate is None else trained.gate.model_dump(mode="json"),
        "images": int(table["image"].nunique()),
        "images_with": {name: int(is_found(rows).sum()) for name, rows in by_class},
    }
    if trained.has_masks:
        document["pixels"] = {name: int(rows["pixels"].sum()) for name, rows in by_class}
    write_text(out / "prediction.json", json.dumps(document, indent=1) + "\n")


def is_found(rows: pd.DataFrame) -> pd.Series:
    """Return whether the class of each row of ``predictions.csv`` is found in its image."""
    return rows["pixels"] > 0 if "pixels" in rows else rows["present"]
