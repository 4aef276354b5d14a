"""The predictor, the only place that runs a trained network: forward → windows and views → gate → decode.

Validation, test, ``rarepix predict`` and pictures of examples predict with it. Flipped and resized views are averaged
as logits, not as probabilities, so that loss and threshold keep their meaning.
"""

import math
from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from rarepix.inference.decode import decode
from rarepix.inference.windows import Network, slide
from rarepix.labels import LabelSpace
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.outputs import Prediction, SegOutput, as_output
from rarepix.settings import STRIDE

AXES = {"horizontal": -1, "vertical": -2}
Gate = Callable[[SegOutput], SegOutput]
"""Changes the logits before they are decoded, for instance of classes that the image is not likely to hold."""


def no_gate(output: SegOutput) -> SegOutput:
    """Return the output as it is."""
    return output


class Predictor:
    """Predicts batches of a loader, as the section ``evaluate`` of a configuration says.

    Example: ``Predictor(config.evaluate, labels).predict(network, batch).mask``.
    """

    def __init__(
        self, config: EvaluateConfig, labels: LabelSpace, *, stride: int = STRIDE, gate: Gate = no_gate
    ) -> None:
        """Predict classes of *labels*; *stride* is that of the network, *gate* changes its output before decoding."""
        self.config, self.labels, self.stride, self.gate = config, labels, stride, gate
        axes = [AXES[flip] for flip in config.flips]
        self.flips = [flip for count in range(len(axes) + 1) for flip in combinations(axes, count)]
        self.is_plain = config.window is None and self.flips == [()] and config.scales == (1.0,)

    def predict(self, network: Network, batch: dict) -> Prediction:
        """Return what *network* predicts for a batch, whose output is that before the gate.

        The batch has ``image`` N 3 H W, padded; ``image_size`` and ``mask_size``, rows and columns of each image and of
        its mask; ``mask`` where there is one. Masks and their logits have the size of ``batch["mask"]``, or of the
        largest mask of a batch without masks; outside an image's own mask they have no meaning.
        """
        output = self._aligned(network, batch)
        gated = self.gate(output)
        threshold = self.config.threshold
        if gated.mask is not None:
            return Prediction(output, decode(gated.mask, task=self.labels.task, threshold=threshold), None)
        return Prediction(output, None, gated.presence > math.log(threshold / (1 - threshold)))

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
