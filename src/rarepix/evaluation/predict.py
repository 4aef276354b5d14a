"""Prediction of images without masks: mask files, overlays, and a table of the classes in each image."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import Dataset

from rarepix.data.inventory import read_image
from rarepix.data.loaders import padded, round_up
from rarepix.data.transforms.resizing import Size, fitted, resize_image
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.mask_files import MASKS, write_mask
from rarepix.files import replacing, write_text
from rarepix.inference.decode import crop_masks, decode, probabilities
from rarepix.labels import LabelSpace
from rarepix.viz.overlays import overlay
from rarepix.wiring import evaluation_loader

OVERLAYS = "overlays"


class ImageFiles(Dataset):
    """Images without masks: ``{"image": 3 H W uint8, "index": int, "size": (rows, columns) before *resize*}``."""

    def __init__(self, files: Sequence[Path], resize: int | Size | None) -> None:
        self.files, self.resize = list(files), resize

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict:
        image = read_image(self.files[index])
        size = image.shape[:2]
        if self.resize is not None:
            image = resize_image(image, fitted(size, self.resize))
        return {"image": torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1), "index": index, "size": size}


def collate(samples: list[dict]) -> dict:
    """Return a batch for ``inference.predictor.Predictor``, without masks; images are padded with 0 to one size."""
    sizes = [tuple(sample["image"].shape[1:]) for sample in samples]
    padded_size = tuple(round_up(max(side)) for side in zip(*sizes, strict=True))
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
    form: str,
    overlays: bool,
    advance: Callable[[int], None] = lambda images: None,
) -> pd.DataFrame:
    """Predict every image at its own size and write masks, overlays, ``predictions.csv`` and ``prediction.json``.

    Args:
        files: images whose names without suffix differ.
        form: see ``mask_files.FORMS``.
        overlays: write each image with its classes over it, too.
        advance: called with the number of images of each batch.

    Returns:
        a row per image and class: image, class, pixels, share (of the image), greatest_probability.

    Raises:
        DataError: an image cannot be read.
    """
    config, labels = trained.config, trained.labels
    gpu = trained.module.device.type == "cuda"
    loader = evaluation_loader(ImageFiles(files, config.data.resize), config, labels, gpu=gpu, collate=collate)
    rows = []
    for batch in loader:
        logits = trained.logits(batch)
        probability = probabilities(logits, task=labels.task)
        predicted = decode(logits, task=labels.task, threshold=config.evaluate.threshold)
        masks = crop_masks(predicted, batch["mask_size"])
        for index, mask, image_probability in zip(batch["index"], masks, probability, strict=True):
            file = files[index]
            write_mask(mask, file.stem, out / MASKS, form=form, labels=labels)
            if overlays:
                with replacing(out / OVERLAYS / f"{file.stem}.jpg") as temporary:
                    Image.fromarray(overlay(read_image(file), mask, labels)).save(temporary, quality=92)
            height, width = mask.shape[:2]
            greatest = image_probability[:, :height, :width].amax(dim=(1, 2)).tolist()
            rows += _class_rows(file.stem, mask, greatest, labels)
        advance(len(batch["index"]))
    table = pd.DataFrame(rows, columns=["image", "class", "pixels", "share", "greatest_probability"])
    _write_tables(table, trained, form, out)
    return table


def _class_rows(name: str, mask: np.ndarray, greatest: list[float], labels: LabelSpace) -> list[tuple]:
    """Return a row for each class that has a channel (binary: the class that is not the background)."""
    ids = range(labels.count)[-labels.channels :]
    area = mask.shape[0] * mask.shape[1]
    rows = []
    for number, probability in zip(ids, greatest, strict=True):
        pixels = int(((mask == number) if mask.ndim == 2 else (mask[..., number] == 1)).sum())
        rows.append((name, labels.names[number], pixels, pixels / area, probability))
    return rows


def _write_tables(table: pd.DataFrame, trained: TrainedModel, form: str, out: Path) -> None:
    with replacing(out / "predictions.csv") as temporary:
        table.to_csv(temporary, index=False)
    by_class = table.groupby("class", sort=False)
    document = {
        "checkpoint": str(trained.checkpoint),
        "recipe": trained.config.recipe,
        "task": str(trained.labels.task),
        "form": form,
        "evaluate": trained.config.evaluate.model_dump(mode="json"),
        "images": int(table["image"].nunique()),
        "images_with": {name: int((rows["pixels"] > 0).sum()) for name, rows in by_class},
        "pixels": {name: int(rows["pixels"].sum()) for name, rows in by_class},
    }
    write_text(out / "prediction.json", json.dumps(document, indent=1) + "\n")
