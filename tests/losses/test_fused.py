"""The fused autograd functions compute what their plain forms compute, values and gradients."""

import pytest
import torch
import torch.nn.functional as F

from rarepix.labels import Task
from rarepix.losses import fused
from rarepix.losses.sigmoid_batch import SigmoidBatch

RANDOM = torch.Generator().manual_seed(0)
LOGITS = torch.randn(2, 4, 30, generator=RANDOM, dtype=torch.float64) * 3
IDS = torch.randint(0, 4, (2, 30), generator=RANDOM)
VALID = (torch.rand(2, 30, generator=RANDOM) < 0.7).double()
POSITIVE = (torch.rand(2, 4, 30, generator=RANDOM) < 0.3).long()


def plain_softmax_values(
    logits: torch.Tensor, ids: torch.Tensor, valid: torch.Tensor, needs: fused.Needs
) -> fused.SoftmaxValues:
    """The plain form of ``softmax_values``."""
    log_softmax, mask, temperature = torch.log_softmax(logits, 1), valid.unsqueeze(1), needs.temperature
    return fused.SoftmaxValues(
        ce=-log_softmax.gather(1, ids.unsqueeze(1)).squeeze(1) * valid,
        uniform_ce=-log_softmax.mean(1) * valid if needs.uniform_ce else None,
        sums=(log_softmax.exp() * mask).sum(-1) if needs.sums else None,
        tempered_sums=None if temperature is None else (torch.softmax(logits * temperature, 1) * mask).sum(-1),
    )


def plain_binary_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The plain form of ``binary_cross_entropy``."""
    return F.softplus(logits) - logits * target


def plain_sigmoid_focal(logits: torch.Tensor, flip_sign_, gamma: float) -> torch.Tensor:
    """The plain form of ``sigmoid_focal``."""
    margin = flip_sign_(logits.clone())
    return torch.sigmoid(margin) ** gamma * F.softplus(margin)


def value_and_gradient(function, *given) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the outputs and the gradient of a sum with random weights, so that no part of it cancels."""
    logits = LOGITS.clone().requires_grad_()
    outputs = function(logits, *given)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else [part for part in outputs if part is not None]
    weights = torch.Generator().manual_seed(1)
    total = sum((part * torch.randn(part.shape, generator=weights, dtype=part.dtype)).sum() for part in outputs)
    total.backward()
    return [part.detach() for part in outputs], logits.grad


def assert_same(fast, plain, *given) -> None:
    (values, gradient), (wanted, wanted_gradient) = (value_and_gradient(function, *given) for function in (fast, plain))
    assert len(values) == len(wanted)
    for value, other in zip(values, wanted, strict=True):
        assert torch.allclose(value, other, rtol=1e-9, atol=1e-12)
    assert wanted_gradient.any()
    assert torch.allclose(gradient, wanted_gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize("temperature", [None, 4.0, 200.0])
def test_softmax_values(uniform, sums, temperature):
    needs = fused.Needs(sums, uniform, temperature)
    assert_same(fused.softmax_values, plain_softmax_values, IDS, VALID, needs)


def test_binary_cross_entropy():
    assert_same(fused.binary_cross_entropy, plain_binary_cross_entropy, POSITIVE * 0.9 + 0.05)


@pytest.mark.parametrize("gamma", [0.5, 2, 3.5])
def test_sigmoid_focal(gamma):
    batch = SigmoidBatch(Task.MULTILABEL, LOGITS, POSITIVE, ignore_index=255, published=False)
    assert_same(fused.sigmoid_focal, plain_sigmoid_focal, batch.flip_sign_, gamma)
