"""The loss of full-background segmentation: values worked out by hand, what it needs of a network, and refusals."""

from math import log

import pytest
import torch

from rarepix.labels import LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.names import needs_of
from rarepix.losses.settings import LossConfig
from rarepix.models.outputs import SegOutput, target_of

TWO = LabelSpace(names=("background", "spot"), background=0)
MASK = torch.tensor([[[0, 1]], [[0, 0]]])
"""Two images of two pixels; the second is empty."""
PROBABILITY = torch.tensor([[[0.25, 0.5]], [[0.2, 0.1]]])
"""Of the class, in each pixel."""
OF_TRUTH = (0.75, 0.5, 0.8, 0.9)
"""Probability of what is true, in each pixel."""
PRESENCE = torch.tensor([[0.8], [0.3]])
"""Probability that the class is in the image: it is in the first."""

PIXELS = -sum(map(log, OF_TRUTH)) / 4
FOCAL = [-((1 - p) ** 2) * log(p) for p in OF_TRUTH]
DICE = 1 - (2 * 0.5 + 1) / (0.75 + 1 + 1)
"""Of the first image: overlap 0.5, Σp = 0.75, one pixel. The empty image is not in it."""
PRESENT = -(log(0.8) + log(0.7)) / 2


def output_of(labels: LabelSpace = TWO) -> SegOutput:
    logits = torch.logit(PROBABILITY).unsqueeze(1)
    masks = torch.cat([torch.zeros_like(logits), logits], 1) if labels.task is Task.MULTICLASS else logits
    return SegOutput(masks, torch.logit(PRESENCE))


def value_of(name: str = "proposed", labels: LabelSpace = TWO, mask: torch.Tensor = MASK, **given) -> float:
    loss = build_loss(name, task=labels.task, classes=labels.channels, scale=labels.scale, **given)
    return float(loss(output_of(labels), target_of(mask, labels))["loss"])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, PIXELS + 0.01 * PRESENT + 0.1 * DICE),
        ({"presence_weight": 0.5, "dice_weight": 0}, PIXELS + 0.5 * PRESENT),
        ({"presence_weight": 0, "dice_weight": 2}, PIXELS + 2 * DICE),
        ({"presence_weight": 0, "dice_weight": 0}, PIXELS),
        ({"pixel": "focal"}, sum(FOCAL) / 4 + 0.01 * PRESENT + 0.1 * DICE),
        ({"pixel": "focal", "gamma": 0, "dice_weight": 0}, PIXELS + 0.01 * PRESENT),
        (
            {"class_weights": [0.25, 0.75], "dice_weight": 0, "presence_weight": 0},
            -(0.25 * (log(0.75) + log(0.8) + log(0.9)) + 0.75 * log(0.5)) / 1.5,
        ),
    ],
)
def test_by_hand(given, wanted):
    assert value_of(**given) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, PIXELS + 0.1 * DICE),
        ({"presence_weight": 0.01}, PIXELS + 0.1 * DICE + 0.01 * PRESENT),
        (
            {"pixel": "focal", "dice_weight": 0},  # weights .25 and .75, gamma 4, divided by the four pixels
            (0.25 * sum(-((1 - p) ** 4) * log(p) for p in (0.75, 0.8, 0.9)) - 0.75 * 0.5**4 * log(0.5)) / 4,
        ),
    ],
)
def test_as_published_by_hand(given, wanted):
    assert value_of("proposed_published", **given) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTILABEL])
@pytest.mark.parametrize("pixel", ["ce", "focal"])
def test_one_channel_with_a_sigmoid_is_two_with_a_softmax(task, pixel):
    names = ("background", "spot") if task is Task.BINARY else ("spot",)
    labels = LabelSpace(names=names, background=0 if task is Task.BINARY else None, task=task)
    mask = MASK if task is Task.BINARY else MASK.unsqueeze(1)
    assert value_of(labels=labels, mask=mask, pixel=pixel) == pytest.approx(value_of(pixel=pixel), rel=1e-5)


@pytest.mark.parametrize("pixel", ["ce", "focal"])
def test_one_channel_with_a_sigmoid_is_two_with_a_softmax_as_published(pixel):
    labels = LabelSpace(names=("background", "spot"), background=0, task=Task.BINARY)
    binary, two = (value_of("proposed_published", labels=each, pixel=pixel) for each in (labels, TWO))
    assert binary == pytest.approx(two, rel=1e-5)


def test_dice_takes_all_classes_of_an_image_together():
    """Classes 1 and 2 have 0.5 and 0.25 in their pixels, overlap .75, Σp = .5 + .25 + .25 + .25, two pixels."""
    labels = LabelSpace(names=("background", "ring", "star"), background=0)
    masks = torch.tensor([[[0.25, 0.5]], [[0.5, 0.25]], [[0.25, 0.25]]]).log().unsqueeze(0)
    target = target_of(torch.tensor([[[1, 2]]]), labels)
    loss = build_loss("proposed", task="multiclass", classes=3, presence_weight=0)
    wanted = -(log(0.5) + log(0.25)) / 2 + 0.1 * (1 - (2 * 0.75 + 1) / (1.25 + 2 + 1))
    assert float(loss(SegOutput(masks), target)["loss"]) == pytest.approx(wanted, rel=1e-5)


def test_soft_masks():
    """Shares of 1 and one half: cross-entropy against the share, Dice of the shares; one half is not present."""
    labels = LabelSpace(names=("background", "spot"), background=0, task=Task.BINARY, scale=254)
    mask = torch.tensor([[[0, 254]], [[0, 127]]], dtype=torch.uint8)
    pixels = -(log(0.75) + log(0.5) + log(0.8) + 0.5 * log(0.1) + 0.5 * log(0.9)) / 4
    dices = [DICE, 1 - (2 * 0.05 + 1) / (0.3 + 0.5 + 1)]
    wanted = pixels + 0.1 * sum(dices) / 2 + 0.01 * PRESENT
    assert value_of(labels=labels, mask=mask) == pytest.approx(wanted, rel=1e-5)


def test_a_sum_adds_to_one_term():
    terms = build_loss("proposed+boundary", task="multiclass", classes=2, alpha=0.5)(output_of(), target_of(MASK, TWO))
    assert set(terms) == {"loss", "proposed", "boundary"}
    assert float(terms["proposed"]) == pytest.approx(value_of(), rel=1e-6)
    assert float(terms["loss"]) == pytest.approx(value_of() + 0.5 * float(terms["boundary"]), rel=1e-6)


def test_without_a_presence_head_its_weight_must_be_zero():
    masks, target = SegOutput(output_of().mask), target_of(MASK, TWO)
    with pytest.raises(LossError, match="'proposed' compares which classes are present, but the network gives only ma"):
        build_loss("proposed", task="multiclass", classes=2)(masks, target)
    without = build_loss("proposed", task="multiclass", classes=2, presence_weight=0)
    assert without.needs == ("mask",)
    assert float(without(masks, target)["loss"]) == pytest.approx(value_of(presence_weight=0), rel=1e-6)


def test_what_it_needs_and_compares():
    assert needs_of("proposed") == ("mask", "presence")
    assert LossConfig(name="proposed").needs == ("mask", "presence")
    for config in (LossConfig(name="proposed", presence_weight=0), LossConfig(name="proposed_published")):
        assert (config.needs, config.compares) == (("mask",), ("mask", "presence"))
    assert LossConfig(name="ce").compares == ("mask",)


def test_parameters_without_effect_are_refused_and_not_recorded():
    for name in ("proposed", "proposed+boundary"):
        with pytest.raises(ValueError, match=r"loss.gamma belongs to loss.pixel=focal, but that is 'ce': leave"):
            LossConfig(name=name, gamma=3.0)
        assert "gamma" not in LossConfig(name=name).parameters()
        assert LossConfig(name=name, pixel="focal").parameters()["gamma"] == 2.0
    with pytest.raises(ValueError, match=r"loss.balance belongs to loss.pixel=focal"):
        LossConfig(name="proposed_published", balance=0.5)
    assert LossConfig(name="proposed+focal_tversky", gamma=0.75).parameters()["gamma"] == 0.75


@pytest.mark.parametrize(
    ("name", "given", "came"),
    [
        ("proposed", {"class_weights": [0, 1]}, r"class_weights=\[0.0, 1.0\]"),
        ("proposed+boundary", {"pixel": "focal", "class_weights": [0, 1]}, r"class_weights=\[0.0, 1.0\]"),
        ("softmax_focal", {"class_weights": [0, 1]}, r"class_weights=\[0.0, 1.0\]"),
        ("proposed_published", {"pixel": "focal", "balance": 1}, "balance=1"),
        ("focal", {"balance": 1}, "balance=1"),
        ("focal", {"task": "binary", "classes": 1, "class_weights": [0, 1]}, r"class_weights=\[0.0, 1.0\]"),
        ("proposed", {"background": 1, "class_weights": [1, 0]}, r"class_weights=\[1.0, 0.0\]"),
    ],
)
def test_a_focal_weight_of_zero_for_the_background_is_refused(name, given, came):
    message = f"must give background pixels a weight above 0, since .* but got {came}: give the background a small"
    with pytest.raises(LossError, match=message):
        build_loss(name, **{"task": "multiclass", "classes": 2} | given)


def test_a_focal_weight_of_zero_for_another_class_is_taken():
    for name, given in (("softmax_focal", {"class_weights": [1, 0]}), ("focal", {"class_weights": [0, 1]})):
        build_loss(name, task="multiclass", classes=2, **given)
    build_loss("focal", task="multilabel", classes=2, class_weights=[0, 1])


@pytest.mark.parametrize("ignored_layer", [0, 1])
def test_an_ignored_layer_of_multilabel_data_has_no_influence(ignored_layer):
    """Neither its pixels nor its entry of the presence."""
    labels = LabelSpace(names=("ring", "star"), task=Task.MULTILABEL, background=None)
    random = torch.Generator().manual_seed(2)
    mask = torch.randint(0, 2, (2, 2, 3, 3), generator=random)
    mask[1, ignored_layer] = 255
    masks, presence = torch.randn(2, 2, 3, 3, generator=random), torch.randn(2, 2, generator=random)
    loss = build_loss("proposed", task="multilabel", classes=2, presence_weight=1.0)
    values = []
    for shift in (0.0, 7.0):
        changed, heads = masks.clone(), presence.clone()
        changed[1, ignored_layer] += shift
        heads[1, ignored_layer] += shift
        output = SegOutput(changed.requires_grad_(), heads.requires_grad_())
        value = loss(output, target_of(mask, labels))["loss"]
        value.backward()
        values.append(float(value))
        assert not output.mask.grad[1, ignored_layer].any()
        assert output.presence.grad[1, ignored_layer] == 0
        assert (output.presence.grad != 0).sum() == 3
    assert values[0] == values[1]
