"""The inputs of the published golden values, and the values: derived from the formulas in float64, to six digits."""

import torch
from torch import Tensor

IGNORE = 255

MULTICLASS = {
    "CE": {"ce": 1.600895},
    "CE+L1": {"loss": 1.864020, "ce": 1.600895, "l1": 0.263124},
    "CE+KL": {"ce": 1.600895, "kl": 0.558028},
    "CE+DB": {"ce": 1.600895, "db": -0.596869},
    "CE+Dice": {"ce": 1.600895, "dice": 0.701234, "loss": 2.302129},
    "CE+LogDice": {"ce": 1.600895, "log_dice": 1.384855, "loss": 2.985750},
    "Focal+Dice": {"focal": 1.238803, "dice": 0.701234},
    "Focal+LogDice": {"focal": 1.238803, "log_dice": 1.384855},
    "Focal+KL": {"focal": 1.238803, "kl": 0.558028},
    "Focal+L1": {"loss": 1.501927, "focal": 1.238803, "l1": 0.263124},
    "DiceLoss": {"loss": 0.701234},
    "LogDiceLoss": {"loss": 1.384855},
    "FocalLoss": {"loss": 1.238803},
}
BINARY = {
    "CE": {"loss": 1.139209},
    "CE+L1": {"loss": 1.498468, "ce": 1.139209, "l1": 0.359260},
    "CE+KL": {"ce": 1.139209, "kl": 0.460153},
    "FocalLoss": {"loss": 0.687054},
    "DiceLoss": {"loss": 0.533080},
}
TRUE_SHARES = [[0.555556, 0.166667, 0.277778], [0.277778, 0.5, 0.222222]]
PREDICTED_SHARES = [[0.838170, 0.131567, 0.030263], [0.784536, 0.091807, 0.123657]]


def logits(classes: int) -> Tensor:
    """z[b, c, h, w] = 2 sin(1 + .7 b + 1.3 c + .37 h + .23 w), 2 C 4 5."""
    b, c, h, w = torch.meshgrid(*map(torch.arange, (2, classes, 4, 5)), indexing="ij")
    return 2 * torch.sin(1 + 0.7 * b + 1.3 * c + 0.37 * h + 0.23 * w)


def ids() -> Tensor:
    """(b + 2 h + 3 w + ⌊h w / 3⌋) mod 3."""
    b, h, w = torch.meshgrid(*map(torch.arange, (2, 4, 5)), indexing="ij")
    return (b + 2 * h + 3 * w + h * w // 3) % 3


def multiclass() -> tuple[Tensor, Tensor]:
    """Three classes; ignored where (h + w + b) mod 7 is 0."""
    b, h, w = torch.meshgrid(*map(torch.arange, (2, 4, 5)), indexing="ij")
    return logits(3), torch.where((h + w + b) % 7 == 0, IGNORE, ids())


def binary() -> tuple[Tensor, Tensor]:
    """One channel, nothing ignored."""
    return logits(1), (ids() == 1).long()
