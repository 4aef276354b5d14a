"""What a gate can be tuned by: numbers of each image, taken in one pass, from which every gate's effect follows.

N images, C classes, K of them not the background, T thresholds of pixels.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rarepix.gates import Gate, conditions
from rarepix.inference.gates import foreground_ids
from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.counts import confusion, count_pixels, one_against_rest
from rarepix.metrics.sums import any_class, dice_of_images, presence_of_pixels
from rarepix.models.outputs import Prediction, Target

PREFIX = "gate_"
"""Begins the names of the features among the sums of an evaluation."""
MASK_THRESHOLDS = (None, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds of pixels that a gate of pixels may choose; None: the mask as it is without a gate."""


def thresholds_for(kind: str) -> tuple[float | None, ...]:
    """Return the thresholds of pixels at which a gate of this kind needs the mask."""
    return MASK_THRESHOLDS if "pixels" in conditions(kind) else MASK_THRESHOLDS[:1]


def image_features(prediction: Prediction, target: Target, labels: LabelSpace) -> dict[str, Tensor]:
    """Return the features of a batch by name, as sums of its images: ``GateFeatures`` says what each is.

    The prediction has evidence; the target has presence, unless the network predicts masks.
    """
    evidence = prediction.evidence
    features = {"presence": evidence.presence, "greatest": evidence.greatest, "areas": evidence.areas}
    if evidence.masks:
        mask = hard_mask(target.mask, labels)
        counts = [_count(predicted, mask, labels) for predicted in evidence.masks]
        features["pixels"] = torch.stack([pixels for pixels, _ in counts], dim=1)
        features["spilled"] = torch.stack([spilled for _, spilled in counts], dim=1)
    return {PREFIX + name: values for name, values in features.items() if values is not None}


def _count(predicted: Tensor, mask: Tensor, labels: LabelSpace) -> tuple[Tensor, Tensor]:
    """Return the pixels N C 4 of a predicted mask, and the pixels N C of the true background by predicted class."""
    how = {"classes": labels.count, "ignore": labels.ignore}
    if labels.task is Task.MULTILABEL:
        pixels = count_pixels(predicted, mask, task=labels.task, **how)
        return pixels, torch.zeros_like(pixels[..., 0])
    cells = confusion(predicted, mask, **how)
    return one_against_rest(cells), cells[:, labels.background]


class GateFeatures(NamedTuple):
    """The features of N images."""

    labels: LabelSpace
    thresholds: tuple[float | None, ...]
    truth: np.ndarray
    """N K 4, ``scores.KINDS`` of 0 and 1: whether each class is in the image and is found without a gate; all 0 where
    it is not known."""
    presence: np.ndarray | None
    """N K: logits of the presence head or of the classifier."""
    greatest: np.ndarray | None
    """N K: logits of the greatest probability in the image; None: the network predicts no masks, as in the others."""
    areas: np.ndarray | None
    """N T K: pixels of the predicted mask."""
    pixels: np.ndarray | None
    """N T C 4: ``scores.KINDS`` of pixels of the predicted mask."""
    spilled: np.ndarray | None
    """N T C: pixels that are truly background, by predicted class."""

    @classmethod
    def of(
        cls, sums: Mapping[str, np.ndarray], labels: LabelSpace, thresholds: tuple[float | None, ...]
    ) -> "GateFeatures":
        """Return the features among the *sums* of images, beside which there is ``presence``."""
        names = ("presence", "greatest", "areas", "pixels", "spilled")
        return cls(labels, thresholds, sums["presence"], *(sums.get(PREFIX + name) for name in names))

    def select(self, images: np.ndarray) -> "GateFeatures":
        """Return the features of some *images*: positions, or N bool."""
        return GateFeatures(*self[:2], *(None if values is None else values[images] for values in self[2:]))

    @property
    def positive(self) -> np.ndarray:
        """N bool: images with any class."""
        return (self.truth[..., 0] + self.truth[..., 2] > 0).any(axis=1)

    @property
    def empty(self) -> np.ndarray:
        """N bool: images that are known to hold no class; where a class is ignored in all pixels that is not known."""
        return (self.truth[..., 1] + self.truth[..., 3] > 0).all(axis=1)

    def found(self, gate: Gate) -> np.ndarray:
        """Return N K bool: what *gate* finds."""
        position = self.thresholds.index(gate.mask)
        return gate.finds(self.presence, self.greatest, None if self.areas is None else self.areas[:, position])

    def sums(self, gate: Gate) -> dict[str, np.ndarray]:
        """Return the sums N … of what is predicted with *gate*: those in ``gates.SUMS``."""
        found = self.found(gate)
        if self.pixels is None:
            present = (self.truth[..., 0] + self.truth[..., 2] > 0)[..., None]
            known = self.truth.sum(axis=-1, keepdims=True) > 0
            hit, pass_ = found[..., None], ~found[..., None]
            kinds = (hit & present, hit & ~present, pass_ & present, pass_ & ~present)
            presence = torch.from_numpy((np.concatenate(kinds, axis=-1) & known).astype(int))
            return {"presence": presence.numpy(), "foreground": any_class(presence).numpy()}
        pixels = torch.from_numpy(self._emptied(found, self.thresholds.index(gate.mask)))
        of_classes = pixels[:, foreground_ids(self.labels)]
        presence = presence_of_pixels(of_classes)
        foreground = any_class(presence)
        sums = {
            "pixels": pixels,
            "presence": presence,
            "foreground": foreground,
            "positive_pixels": of_classes * (foreground[:, 0] + foreground[:, 2]).view(-1, 1, 1),
            "image_dice": dice_of_images(of_classes),
        }
        return {name: values.numpy() for name, values in sums.items()}

    def _emptied(self, found: np.ndarray, position: int) -> np.ndarray:
        """Return pixels N C 4 where the classes that are not *found* (N K) have become the background."""
        pixels, spilled, background = self.pixels[:, position], self.spilled[:, position], self.labels.background
        is_lost = np.zeros(pixels.shape[:2], bool)
        is_lost[:, foreground_ids(self.labels)] = ~found
        tp, fp = pixels[..., 0], pixels[..., 1]
        moved = np.stack([-tp, -fp, tp, fp], axis=-1) * is_lost[..., None]
        if background is not None:
            lost, rightly = ((values * is_lost).sum(axis=1) for values in (tp + fp, spilled))
            moved[:, background] = np.stack([rightly, lost - rightly, -rightly, rightly - lost], axis=-1)
        return pixels + moved
