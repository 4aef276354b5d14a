"""The predictor, the only place that runs a trained network: forward → windows and views → gate → decode.

Validation, test, ``rarepix predict`` and pictures of examples predict with it. Flipped and resized views are averaged
as logits, not as probabilities, so that loss and threshold keep their meaning.
"""

import math
from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from rarepix.gates import Gate
from rarepix.inference.decode import decode, decode_foreground
from rarepix.inference.gates import emptied, found_by, look
from rarepix.inference.windows import Network, slide
from rarepix.labels import LabelSpace
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.outputs import Evidence, Prediction, SegOutput, as_output
from rarepix.settings import STRIDE

AXES = {"horizontal": -1, "vertical": -2}


class Predictor:
    """Predicts batches of a loader, as the section ``evaluate`` of a configuration says.

    Example: ``Predictor(config.evaluate, labels).predict(network, batch).mask``.
    """

    def __init__(
        self,
        config: EvaluateConfig,
        labels: LabelSpace,
        *,
        stride: int = STRIDE,
        gate: Gate | None = None,
        evidence_at: Sequence[float | None] = (),
    ) -> None:
        """Predict classes of *labels*; *stride* is that of the network.

        *gate* empties what it does not find; without one, *evidence_at* are the thresholds of pixels at which the
        evidence for one is wanted, see ``inference.decode.decode_foreground``.
        """
        self.config, self.labels, self.stride = config, labels, stride
        self.gate, self.evidence_at = gate, evidence_at
        axes = [AXES[flip] for flip in config.flips]
        self.flips = [flip for count in range(len(axes) + 1) for flip in combinations(axes, count)]
        self.is_plain = config.window is None and self.flips == [()] and config.scales == (1.0,)

    def predict(self, network: Network, batch: dict) -> Prediction:
        """Return what *network* predicts for a batch, whose output is that before the gate.

        The batch has ``image`` N 3 H W, padded; ``image_size`` and ``mask_size``, rows and columns of each image and of
        its mask; ``mask`` where there is one; for a gate that asks a classifier, its logits ``classifier`` N K. Masks
        and their logits have the size of ``batch["mask"]``, or of the largest mask of a batch without masks; outside an
        image's own mask they have no meaning.
        """
        output = self._aligned(network, batch)
        if self.gate is not None:
            return self._gated(output, batch)
        prediction = Prediction(output, *self._decoded(output))
        if not self.evidence_at:
            return prediction
        return prediction._replace(evidence=self._look(output, batch, self.evidence_at))

    def _decoded(self, output: SegOutput) -> tuple[Tensor | None, Tensor | None]:
        """Return the predicted mask, and of a network without masks the predicted presence."""
        threshold = self.config.threshold
        if output.mask is not None:
            return decode(output.mask, task=self.labels.task, threshold=threshold), None
        return None, output.presence > math.log(threshold / (1 - threshold))

    def _look(self, output: SegOutput, batch: dict, thresholds: Sequence[float | None]) -> Evidence:
        """Return what a gate looks at; masks are decoded at each of *thresholds* (None: as without a gate)."""
        task, background = self.labels.task, self.labels.background
        masks = []
        if output.mask is not None:
            masks = [
                decode_foreground(output.mask, task=task, background=background, threshold=threshold)
                if threshold is not None
                else self._decoded(output)[0]
                for threshold in thresholds
            ]
        return look(output, masks, batch["mask_size"], self.labels, batch)

    def _gated(self, output: SegOutput, batch: dict) -> Prediction:
        """Return the prediction after the gate, and what it was before."""
        evidence = self._look(output, batch, (self.gate.mask,))
        found, (mask, presence) = found_by(self.gate, evidence), self._decoded(output)
        if mask is None:
            return Prediction(output, None, found, presence)
        return Prediction(output, emptied(evidence.masks[0], found, self.labels), None, mask)

    def _aligned(self, network: Network, batch: dict) -> SegOutput:
        """Return the output with logits of masks in the size of the masks."""
        images, image_sizes, mask_sizes = batch["image"], batch["image_size"], batch["mask_size"]
        full_size = batch["mask"].shape[-2:] if "mask" in batch else tuple(map(max, zip(*mask_sizes, strict=True)))
        if self.is_plain:
            output = as_output(network(images))
            if output.mask is None or (image_sizes == mask_sizes and output.mask.shape[-2:] == full_size):
                return output
            # interpolate in float32: bfloat16 is too coarse for small differences between classes
            logits = output.mask.float()
            cropped = [logits[[number], :, :rows, :columns] for number, (rows, columns) in enumerate(image_sizes)]
            return SegOutput(_stacked(cropped, mask_sizes, full_size), output.presence)
        if len(set(image_sizes)) == 1:
            rows, columns = image_sizes[0]
            outputs = [self._mean_of_views(network, images[..., :rows, :columns])]
        else:
            outputs = [self._mean_of_views(network, images[[number], :, :rows, :columns])
                       for number, (rows, columns) in enumerate(image_sizes)]  # fmt: skip
        presence = None if outputs[0].presence is None else torch.cat([output.presence for output in outputs])
        if outputs[0].mask is None:
            return SegOutput(None, presence)
        cropped = [logits for output in outputs for logits in output.mask.split(1)]
        return SegOutput(_stacked(cropped, mask_sizes, full_size), presence)

    def _mean_of_views(self, network: Network, images: Tensor) -> SegOutput:
        """Return the mean logits of images N 3 H W without padding, at every scale with every combination of flips."""
        mask, presence = None, None
        for scale in self.config.scales:
            size = tuple(max(1, round(side * scale)) for side in images.shape[-2:])
            view = images if scale == 1 else resized(images.float(), size, antialias=scale < 1)
            for flip in self.flips:
                output = self._forward(network, view.flip(flip))
                if output.mask is not None:
                    logits = resized(output.mask.flip(flip).float(), images.shape[-2:])
                    mask = logits if mask is None else mask + logits
                if output.presence is not None:
                    logits = output.presence.float()
                    presence = logits if presence is None else presence + logits
        views = len(self.config.scales) * len(self.flips)
        return SegOutput(*(None if total is None else total / views for total in (mask, presence)))

    def _forward(self, network: Network, images: Tensor) -> SegOutput:
        """Return the output for images N 3 H W of any size: in windows, or padded to the network's stride."""
        if self.config.window:
            return slide(
                network, images, self.config.window, overlap=self.config.overlap, batch_size=self.config.batch_size
            )
        rows, columns = images.shape[-2:]
        output = as_output(network(pad(images, (0, -columns % self.stride, 0, -rows % self.stride))))
        return output if output.mask is None else output._replace(mask=output.mask[..., :rows, :columns])


def _stacked(logits: list[Tensor], sizes: list[tuple[int, int]], full_size: tuple[int, int]) -> Tensor:
    """Return logits N C H W of *full_size*, in which each of *logits* 1 C H W is resized to its rows and columns."""
    stacked = logits[0].new_zeros(len(logits), logits[0].shape[1], *full_size)
    for number, (one, (rows, columns)) in enumerate(zip(logits, sizes, strict=True)):
        stacked[number, :, :rows, :columns] = resized(one, (rows, columns))[0]
    return stacked


def resized(images: Tensor, size: tuple[int, int], *, antialias: bool = False) -> Tensor:
    """Return images or logits N C H W resized to *size*, rows and columns, bilinearly."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return interpolate(images, size=tuple(size), mode="bilinear", align_corners=False, antialias=antialias)
