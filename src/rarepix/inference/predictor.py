"""A network is asked about a batch: as a whole or window by window, flipped and resized, back in the masks' own size.

Logits are averaged, not probabilities, so that a loss and a threshold mean the same with and without.
"""

from collections.abc import Iterator
from itertools import combinations

from torch import Tensor
from torch.nn.functional import interpolate, pad

from rarepix.inference.windows import Network, slide
from rarepix.metrics.settings import EvaluateConfig
from rarepix.settings import STRIDE

AXES = {"horizontal": -1, "vertical": -2}


class Predictor:
    """Turns a batch of a loader into logits N C H W that lie over its masks.

    Args:
        config: window, flips, scales.
    """

    def __init__(self, config: EvaluateConfig) -> None:
        self.config = config
        axes = [AXES[flip] for flip in config.flips]
        self.flips = [flip for count in range(len(axes) + 1) for flip in combinations(axes, count)]
        self.as_it_is = config.window is None and self.flips == [()] and config.scales == (1.0,)

    def __call__(self, network: Network, batch: dict) -> Tensor:
        """Return logits N C H W that lie over ``batch["mask"]``, or over the largest mask where there are none.

        What they say outside an image's own mask means nothing.
        """
        images, sizes, wanted = batch["image"], batch["image_size"], batch["mask_size"]
        frame = batch["mask"].shape[-2:] if "mask" in batch else tuple(map(max, zip(*wanted, strict=True)))
        if self.as_it_is:
            logits = network(images)
            if sizes == wanted and logits.shape[-2:] == frame:
                return logits
            # interpolated in float32: a class may win by less than bfloat16 can tell
            logits = logits.float()
            parts = [logits[[number], :, :rows, :columns] for number, (rows, columns) in enumerate(sizes)]
        elif len(set(sizes)) == 1:
            rows, columns = sizes[0]
            parts = list(self._ask(network, images[..., :rows, :columns]).split(1))
        else:
            parts = [self._ask(network, images[[number], :, :rows, :columns])
                     for number, (rows, columns) in enumerate(sizes)]  # fmt: skip
        framed = parts[0].new_zeros(len(parts), parts[0].shape[1], *frame)
        for number, (part, (rows, columns)) in enumerate(zip(parts, wanted, strict=True)):
            framed[number, :, :rows, :columns] = resized(part, (rows, columns))[0]
        return framed

    def _ask(self, network: Network, images: Tensor) -> Tensor:
        """Return the mean of the logits of every view of images N 3 H W that are all as large as this."""
        views = list(self._views(images))
        total = 0
        for view, flip in views:
            answer = self._whole(network, view.flip(flip)).flip(flip)
            total = total + resized(answer.float(), images.shape[-2:])
        return total / len(views)

    def _views(self, images: Tensor) -> Iterator[tuple[Tensor, tuple[int, ...]]]:
        for scale in self.config.scales:
            sides = [max(1, round(side * scale)) for side in images.shape[-2:]]
            view = images if scale == 1 else resized(images.float(), tuple(sides), antialias=scale < 1)
            for flip in self.flips:
                yield view, flip

    def _whole(self, network: Network, images: Tensor) -> Tensor:
        if self.config.window:
            together, overlap = self.config.batch_size, self.config.overlap
            return slide(network, images, self.config.window, overlap=overlap, together=together)
        rows, columns = images.shape[-2:]
        return network(pad(images, (0, -columns % STRIDE, 0, -rows % STRIDE)))[..., :rows, :columns]


def resized(images: Tensor, size: tuple[int, int], *, antialias: bool = False) -> Tensor:
    """Return images or logits N C H W in another size, interpolated bilinearly."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return interpolate(images, size=tuple(size), mode="bilinear", align_corners=False, antialias=antialias)


def probabilities(logits: Tensor, *, multiclass: bool) -> Tensor:
    """Return the softmax, or the sigmoid of every channel, of logits N C H W, in float32."""
    return logits.float().softmax(dim=1) if multiclass else logits.float().sigmoid()
