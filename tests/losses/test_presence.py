"""Losses of which classes are in an image: values by torch, alone and beside losses of masks."""

import pytest
import torch
import torch.nn.functional as F

from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.names import needs_of
from rarepix.models.outputs import SegOutput, target_of

LABELS = LabelSpace(names=("background", "ring", "star"), background=0)
RANDOM = torch.Generator().manual_seed(3)
MASK = torch.tensor([[[0, 0], [1, 0]], [[2, 255], [1, 2]], [[0, 0], [0, 255]], [[255, 255], [255, 255]]])
PRESENT = torch.tensor([[1, 0], [1, 1], [0, 0]])
"""Of the first three images; the fourth is ignored."""
OUTPUT = SegOutput(torch.randn(4, 3, 2, 2, generator=RANDOM), torch.randn(4, 2, generator=RANDOM))
MULTICLASS = {"task": "multiclass", "classes": 3}


@pytest.mark.parametrize("pos_weight", [1.0, 2.5])
def test_presence_bce_is_the_cross_entropy_of_torch(pos_weight):
    loss = build_loss("presence_bce", pos_weight=pos_weight, **MULTICLASS)
    wanted = F.binary_cross_entropy_with_logits(
        OUTPUT.presence[:3], PRESENT.float(), pos_weight=torch.tensor([pos_weight] * 2)
    )
    assert float(loss(OUTPUT, target_of(MASK, LABELS))["loss"]) == pytest.approx(float(wanted), rel=1e-6)


def test_a_classifier_needs_no_masks():
    output = SegOutput(presence=OUTPUT.presence.clone().requires_grad_())
    build_loss("presence_bce", **MULTICLASS)(output, target_of(MASK, LABELS))["loss"].backward()
    assert output.presence.grad[:3].all()
    assert not output.presence.grad[3].any()


@pytest.mark.parametrize("name", ["ce+presence_bce", "ce+dice+presence_bce", "presence_bce+ce"])
def test_a_sum_with_presence(name):
    mask, presence = (part.clone().requires_grad_() for part in OUTPUT)
    terms = build_loss(name, alpha=0.5, **MULTICLASS)(SegOutput(mask, presence), target_of(MASK, LABELS))
    first, *further = name.split("+")
    alone = {
        term: build_loss(term, **MULTICLASS)(OUTPUT, target_of(MASK, LABELS))["loss"] for term in (first, *further)
    }
    assert float(terms["loss"]) == pytest.approx(
        float(alone[first]) + 0.5 * sum(float(alone[term]) for term in further), rel=1e-6
    )
    terms["loss"].backward()
    assert mask.grad.any()
    assert presence.grad.any()


def test_what_a_loss_needs_of_the_network():
    assert needs_of("ce+dice") == needs_of("smp/DiceLoss") == ("mask",)
    assert needs_of("presence_bce") == ("presence",)
    assert needs_of("ce+presence_bce") == build_loss("ce+presence_bce", **MULTICLASS).needs == ("mask", "presence")


def test_masks_beside_presence_still_need_a_term_that_segments():
    with pytest.raises(
        LossError, match="must begin with a term that compares single pixels .* but 'l1' only .*ce[+]l1"
    ):
        build_loss("presence_bce+l1", **MULTICLASS)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTILABEL])
def test_presence_of_soft_masks_and_of_every_task(task):
    """Presence is a yes or no, of soft masks, too."""
    names = ("background", "ring") if task is Task.BINARY else ("ring", "star")
    labels = LabelSpace(names=names, background=0 if task is Task.BINARY else None, task=task, scale=254)
    masks = torch.zeros((2, 2, 2) if task is Task.BINARY else (2, 2, 2, 2), dtype=torch.uint8)
    masks[0] = 200
    target = target_of(masks, labels)
    channels = labels.channels
    logits = torch.zeros(2, channels, requires_grad=True)
    loss = build_loss("presence_bce", task=task, classes=channels, scale=254)
    loss(SegOutput(presence=logits), target)["loss"].backward()
    assert (logits.grad[0] < 0).all()
    assert (logits.grad[1] > 0).all()


def test_refuses_a_weight_of_nothing():
    with pytest.raises(LossError, match="pos_weight: Input should be greater than 0, but got 0"):
        build_loss("presence_bce", pos_weight=0.0, **MULTICLASS)
