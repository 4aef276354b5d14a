"""Cross-entropy and focal loss against formulas written out."""

import numpy as np
import pytest
import torch

from rarepix.losses.pixelwise import CrossEntropyTerm, FocalTerm

IGNORE = 255


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=random) * 2
    target = torch.randint(0, 3, (2, 4, 5), generator=random)
    target[0, :2] = IGNORE
    return logits, target


def pixels(batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, softmax (both pixels × classes) and ids of the pixels that count."""
    logits, target = (tensor.double().numpy() for tensor in batch)
    counted = target.ravel() != IGNORE
    rows = np.moveaxis(logits, 1, -1).reshape(-1, logits.shape[1])[counted]
    softmax = np.exp(rows) / np.exp(rows).sum(1, keepdims=True)
    return rows, softmax, target.ravel()[counted].astype(int)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy(batch, smoothing):
    _, softmax, ids = pixels(batch)
    wanted = np.eye(3)[ids] * (1 - smoothing) + smoothing / 3
    expected = -(wanted * np.log(softmax)).sum(1).mean()
    assert float(CrossEntropyTerm(ignore_index=IGNORE, label_smoothing=smoothing)(*batch)) == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_focal(batch, gamma):
    logits, softmax, ids = pixels(batch)
    own = np.eye(3)[ids]
    distance = own * (1 - softmax) + (1 - own) * softmax
    sigmoid = 1 / (1 + np.exp(-logits))
    binary = -(own * np.log(sigmoid) + (1 - own) * np.log(1 - sigmoid))
    expected = (distance**gamma * binary).sum(1).mean()
    assert float(FocalTerm(ignore_index=IGNORE, gamma=gamma)(*batch)) == pytest.approx(expected, rel=1e-5)


def test_gamma_takes_weight_from_easy_pixels():
    """Of an easy and a hard pixel the hard one has the larger share of the loss, the more so the larger gamma."""
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0]]).T.reshape(1, 2, 1, 2)
    easy, hard = torch.tensor([[[0, IGNORE]]]), torch.tensor([[[IGNORE, 0]]])
    shares = []
    for gamma in (0.0, 1.0, 2.0, 4.0):
        term = FocalTerm(ignore_index=IGNORE, gamma=gamma)
        shares.append(float(term(logits, easy) / term(logits, hard)))
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1e-3


@pytest.mark.parametrize(
    "term", [CrossEntropyTerm(ignore_index=IGNORE, label_smoothing=0.0), FocalTerm(ignore_index=IGNORE, gamma=2)]
)
def test_ignored_pixels_are_not_in_the_denominator(term, batch):
    """The mean is over the pixels that count: more ignored ones beside them change nothing."""
    logits, target = batch
    wider = torch.cat([logits, torch.randn(2, 3, 4, 50)], dim=3)
    padded = torch.cat([target, torch.full((2, 4, 50), IGNORE)], dim=2)
    assert float(term(wider, padded)) == pytest.approx(float(term(logits, target)), rel=1e-6)
