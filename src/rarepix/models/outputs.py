"""The output of a network, the target of a batch and a prediction: types that the ground rooms and inference share.

Shapes: N images, C channels of masks, K classes that are not the background (``LabelSpace.presence_names``).
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from rarepix.labels import LabelSpace, Task, is_on


class SegOutput(NamedTuple):
    """The output of a network."""

    mask: Tensor | None = None
    """Logits N C H W (binary: one channel); None: the network tells only which classes are in the image."""
    presence: Tensor | None = None
    """Logits N K, whether a class is in the image; None: the network has no such head."""


class Target(NamedTuple):
    """The truth of a batch."""

    mask: Tensor
    """N H W class ids, multilabel N C H W; see ``rarepix.labels``."""
    presence: Tensor | None = None
    """N K uint8: 1 where any pixel is of the class, 0 where none is, the ignore id where every pixel is ignored.
    None: neither the network nor the loss asks for it, so that it was not derived."""


class Evidence(NamedTuple):
    """What a gate looks at: the image without its padding, ignored pixels included, since a prediction knows none."""

    presence: Tensor | None
    """Logits N K, of the external classifier of the batch or of the network's own head; None: there is neither."""
    greatest: Tensor | None
    """Logits N K of the greatest probability that a pixel of the image has; None: the network predicts no masks."""
    masks: tuple[Tensor, ...]
    """The predicted mask at each of T thresholds of pixels."""
    areas: Tensor | None
    """Pixels N T K of each class in each of these masks; None: as *greatest*."""


class Prediction(NamedTuple):
    """What a trained network predicts for a batch."""

    output: SegOutput
    """The logits behind it: of masks N C H W aligned with the masks of the batch, of presence N K."""
    mask: Tensor | None
    """Class ids N H W, multilabel N C H W of 0 and 1; None: the network predicts no masks."""
    presence: Tensor | None
    """N K bool; None where masks are predicted: then a class is predicted where any pixel has it."""
    ungated: Tensor | None = None
    """What *mask*, or else *presence*, would be without the gate; None: there is no gate."""
    evidence: Evidence | None = None
    """What a gate would look at; None: nobody asked."""


class Model(Protocol):
    """What the project asks of a network, which is a ``torch.nn.Module``."""

    stride: int
    """Rows and columns that are multiples of this are not padded."""
    outputs: tuple[str, ...]
    """The fields of ``SegOutput`` that it fills: mask, presence, or both."""

    def param_groups(self) -> dict[str, list[Parameter]]:
        """Return its parameters: ``encoder``, whose learning rate has a ratio of its own, and ``decoder``, the rest."""

    def forward(self, x: Tensor) -> SegOutput | Tensor:
        """Return the output for images N 3 H W (float, normalised); a plain tensor is the logits of the masks."""


def as_output(output: SegOutput | Tensor) -> SegOutput:
    """Return what a network returned as a ``SegOutput``; a plain tensor is the logits of its masks."""
    return SegOutput(mask=output) if isinstance(output, Tensor) else output


def target_of(mask: Tensor, labels: LabelSpace) -> Target:
    """Return the target of masks N H W (multilabel: N C H W), with the presence of each class derived from them.

    Raises:
        ValueError: there is no class whose presence could be told, only a background.
    """
    names = labels.presence_names
    if not names:
        raise ValueError(
            f"a presence target needs a class that is not the background, but the classes are "
            f"{', '.join(labels.names)}: use a network without presence head"
        )
    if labels.task is Task.MULTICLASS:
        ids = [labels.names.index(name) for name in names]
        present = torch.stack([(mask == number).flatten(1).any(dim=1) for number in ids], dim=1)
        counted = (mask != labels.ignore).flatten(1).any(dim=1, keepdim=True)
    else:
        layers = mask.reshape(len(mask), len(names), -1)
        present, counted = is_on(layers, labels).any(dim=2), (layers != labels.ignore).any(dim=2)
    return Target(mask, torch.where(counted, present.to(torch.uint8), labels.ignore))
