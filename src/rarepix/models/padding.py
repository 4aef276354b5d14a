"""Images of any size: padded to what a network takes, and its masks cut back."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import pad

from rarepix.models.outputs import SegOutput


def padded(forward: Callable[[Tensor], SegOutput | Tensor], x: Tensor, stride: int) -> SegOutput | Tensor:
    """Return what *forward* returns for images N C H W, padded below and at the right to multiples of *stride*.

    The padding is of zeros, the mean colour of normalised images, as that of batches. Masks have the size of *x*.
    """
    rows, columns = x.shape[-2:]
    below, right = -rows % stride, -columns % stride
    if not below and not right:
        return forward(x)
    output = forward(pad(x, (0, right, 0, below)))
    if isinstance(output, Tensor):
        return output[..., :rows, :columns]
    return output if output.mask is None else output._replace(mask=output.mask[..., :rows, :columns])
