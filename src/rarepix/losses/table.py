"""The table of losses, and the module that every one of them comes in."""

from collections.abc import Callable

from torch import Tensor, nn

from rarepix.losses.overlap import DiceTerm
from rarepix.losses.pixelwise import CrossEntropyTerm, FocalTerm

TERMS: dict[str, Callable[..., nn.Module]] = {
    "ce": CrossEntropyTerm,
    "focal": FocalTerm,
    "dice": DiceTerm,
}


class Loss(nn.Module):
    """One named term, checked at the door and computed in float32 whatever the logits' precision."""

    def __init__(self, name: str, term: nn.Module, classes: int, ignore_index: int) -> None:
        super().__init__()
        self.name, self.term, self.classes, self.ignore_index = name, term, classes, ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return ``{"loss": scalar, name: scalar}``.

        Args:
            logits: N C H W.
            target: N H W ids; those equal to ``ignore_index`` do not count. A batch without any other gives 0.

        Raises:
            ValueError: shapes that do not fit.
        """
        if logits.ndim != 4 or logits.shape[1] != self.classes:
            raise ValueError(f"logits must be N {self.classes} H W, but got {tuple(logits.shape)}")
        if target.shape != (logits.shape[0], *logits.shape[2:]) or target.is_floating_point():
            raise ValueError(
                f"the target must be integer ids of shape {(logits.shape[0], *logits.shape[2:])}, "
                f"but got {target.dtype} {tuple(target.shape)}"
            )
        value = self.term(logits.float(), target.long())
        return {"loss": value, self.name: value.detach()}
