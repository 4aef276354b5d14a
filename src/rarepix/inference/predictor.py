"""A network's logits for a batch: as a whole or in windows, flipped and resized, in the size of the masks.

Flipped and resized views are averaged as logits, not as probabilities, so that loss and threshold keep their meaning.
"""

from itertools import combinations

from torch import Tensor
from torch.nn.functional import interpolate, pad

from rarepix.inference.windows import Network, slide
from rarepix.metrics.settings import EvaluateConfig
from rarepix.settings import STRIDE

AXES = {"horizontal": -1, "vertical": -2}


class Predictor:
    """Predicts batches of a loader: logits N C H W aligned with its masks.

    Example: ``logits = Predictor(config.evaluate)(network, batch)``.
    """

    def __init__(self, config: EvaluateConfig) -> None:
        self.config = config
        axes = [AXES[flip] for flip in config.flips]
        self.flips = [flip for count in range(len(axes) + 1) for flip in combinations(axes, count)]
        self.is_plain = config.window is None and self.flips == [()] and config.scales == (1.0,)

    def __call__(self, network: Network, batch: dict) -> Tensor:
        """Return logits N C H W of the size of ``batch["mask"]``, or of the largest mask of a batch without masks.

        Logits outside an image's own mask have no meaning. The batch has ``image`` N 3 H W, padded; ``image_size`` and
        ``mask_size``, rows and columns of each image and of its mask; ``mask`` where there is one.
        """
        images, image_sizes, mask_sizes = batch["image"], batch["image_size"], batch["mask_size"]
        full_size = batch["mask"].shape[-2:] if "mask" in batch else tuple(map(max, zip(*mask_sizes, strict=True)))
        if self.is_plain:
            logits = network(images)
            if image_sizes == mask_sizes and logits.shape[-2:] == full_size:
                return logits
            # interpolate in float32: bfloat16 is too coarse for small differences between classes
            logits = logits.float()
            cropped = [logits[[number], :, :rows, :columns] for number, (rows, columns) in enumerate(image_sizes)]
        elif len(set(image_sizes)) == 1:
            rows, columns = image_sizes[0]
            cropped = list(self._mean_of_views(network, images[..., :rows, :columns]).split(1))
        else:
            cropped = [self._mean_of_views(network, images[[number], :, :rows, :columns])
                       for number, (rows, columns) in enumerate(image_sizes)]  # fmt: skip
        output = cropped[0].new_zeros(len(cropped), cropped[0].shape[1], *full_size)
        for number, (logits, (rows, columns)) in enumerate(zip(cropped, mask_sizes, strict=True)):
            output[number, :, :rows, :columns] = resized(logits, (rows, columns))[0]
        return output

    def _mean_of_views(self, network: Network, images: Tensor) -> Tensor:
        """Return the mean logits of images N 3 H W without padding, at every scale with every combination of flips."""
        total = 0
        for scale in self.config.scales:
            size = tuple(max(1, round(side * scale)) for side in images.shape[-2:])
            view = images if scale == 1 else resized(images.float(), size, antialias=scale < 1)
            for flip in self.flips:
                logits = self._forward(network, view.flip(flip)).flip(flip)
                total = total + resized(logits.float(), images.shape[-2:])
        return total / (len(self.config.scales) * len(self.flips))

    def _forward(self, network: Network, images: Tensor) -> Tensor:
        """Return logits N C H W of images N 3 H W of any size: in windows, or padded to the network's stride."""
        if self.config.window:
            return slide(
                network, images, self.config.window, overlap=self.config.overlap, batch_size=self.config.batch_size
            )
        rows, columns = images.shape[-2:]
        return network(pad(images, (0, -columns % STRIDE, 0, -rows % STRIDE)))[..., :rows, :columns]


def resized(images: Tensor, size: tuple[int, int], *, antialias: bool = False) -> Tensor:
    """Return images or logits N C H W resized to *size*, rows and columns, bilinearly."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return interpolate(images, size=tuple(size), mode="bilinear", align_corners=False, antialias=antialias)
