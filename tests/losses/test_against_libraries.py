"""Our losses beside those of segmentation-models-pytorch and pytorch-toolbelt: where they agree and where not."""

import re

import pytest
import torch
from segmentation_models_pytorch import losses as smp

from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.libraries import LIBRARY_LOSSES
from tests.contracts.test_losses import ARGUMENTS
from tests.house.source import CHECKOUT

IGNORE = 255


def batch(task: str, ignored: float = 0.0, images: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(6)
    channels = 1 if task == "binary" else 3
    logits = torch.randn(images, channels, 6, 6, generator=random) * 2
    shape = logits.shape if task == "multilabel" else (images, 6, 6)
    target = torch.randint(0, 3 if task == "multiclass" else 2, shape, generator=random)
    target[torch.rand(shape, generator=random) < ignored] = IGNORE
    return logits, target


def ours(name: str, task: str, given: tuple[torch.Tensor, torch.Tensor], **params) -> float:
    return float(build_loss(name, task=task, classes=given[0].shape[1], **params)(*given)["loss"])


TVERSKY = {"fp_weight": 0.2, "fn_weight": 0.8}
SAME = [
    ("dice", {}, lambda task: smp.DiceLoss(task, ignore_index=IGNORE)),
    ("dice", {"smooth": 1.0}, lambda task: smp.DiceLoss(task, smooth=1.0, ignore_index=IGNORE)),
    ("log_dice", {}, lambda task: smp.DiceLoss(task, log_loss=True, ignore_index=IGNORE)),
    ("tversky", TVERSKY, lambda task: smp.TverskyLoss(task, alpha=0.2, beta=0.8, ignore_index=IGNORE)),
    ("jaccard", {}, lambda task: smp.TverskyLoss(task, alpha=1, beta=1, ignore_index=IGNORE)),
]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize(("name", "params", "theirs"), SAME)
def test_same_value_when_every_class_is_present(name, params, theirs, task):
    given = batch(task, ignored=0.2)
    assert ours(name, task, given, **params) == pytest.approx(float(theirs(task)(*given)), rel=1e-5)


def test_same_cross_entropy():
    given = batch("multiclass", ignored=0.2)
    for smoothing in (0.0, 0.1):
        theirs = torch.nn.functional.cross_entropy(*given, ignore_index=IGNORE, label_smoothing=smoothing)
        assert ours("ce", "multiclass", given, label_smoothing=smoothing) == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_same_focal(task):
    """smp takes the mean over classes, ours and the published definition the sum."""
    given = batch(task, ignored=0.2)
    theirs = float(smp.FocalLoss(task, ignore_index=IGNORE)(*given)) * given[0].shape[1]
    assert ours("focal", task, given) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_same_lovasz(task):
    given = batch(task, ignored=0.2)
    assert ours("lovasz", task, given) == pytest.approx(
        float(smp.LovaszLoss(task, ignore_index=IGNORE)(*given)), rel=1e-5
    )


def test_absent_classes_make_a_mistake_cheaper_in_dice_of_smp():
    target, predicted = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[1, 1, 0, 0]]])
    losses_of = {}
    for classes in (2, 10):
        logits = torch.nn.functional.one_hot(predicted, classes).movedim(-1, 1).float() * 60
        losses_of[classes] = (
            float(smp.DiceLoss("multiclass")(logits, target)),
            ours("dice", "multiclass", (logits, target)),
        )
    assert losses_of[2] == pytest.approx((1, 1))
    assert losses_of[10] == pytest.approx((0.2, 1))


def test_dice_of_smp_has_no_gradient_on_a_batch_of_background():
    target = torch.zeros(2, 4, 4, dtype=torch.long)
    gradients = []
    for loss in (smp.DiceLoss("binary"), build_loss("dice", task="binary", classes=1)):
        logits = torch.full((2, 1, 4, 4), 3.0, requires_grad=True)  # confident and wrong
        value = loss(logits, target)
        value = value["loss"] if isinstance(value, dict) else value
        value.backward()
        gradients.append((float(value), float(logits.grad.sum())))
    assert gradients[0] == (0, 0)
    assert gradients[1][0] == pytest.approx(0.952574, abs=1e-5)
    assert gradients[1][1] > 0


def documented() -> dict[str, list[str]]:
    """Return library loss → cells of its row in the document: tasks, ours, ignored pixels, absent classes."""
    text = (CHECKOUT / "docs" / "reference" / "losses.md").read_text(encoding="utf-8")
    section = text.partition("## Losses of other libraries")[2].partition("\n## ")[0]
    rows = {}
    for line in section.splitlines():
        if re.match(r"\| `(smp|toolbelt)/", line):
            names, *cells = (cell.strip() for cell in line.strip("| ").split(" | "))
            rows |= dict.fromkeys(re.findall(r"`(\S+)`", names), cells)
    return rows


def test_every_library_loss_is_documented_with_its_tasks():
    rows = documented()
    assert set(rows) == set(LIBRARY_LOSSES)
    for name, entry in LIBRARY_LOSSES.items():
        assert rows[name][0] == ("all" if len(entry.tasks) == 3 else ", ".join(entry.tasks)), name


@pytest.mark.parametrize("name", LIBRARY_LOSSES)
def test_what_the_document_says_of_ignored_pixels(name):
    """Beside as many ignored pixels, a loss halves where these are in the denominator, and is the same elsewhere."""
    cell = documented()[name][2]
    for task in LIBRARY_LOSSES[name].tasks:
        logits, target = batch(task)
        padded = torch.cat([target, torch.full_like(target, IGNORE)], -1)
        wider = torch.cat([logits, torch.zeros_like(logits)], -1)
        loss = build_loss(name, task=task, classes=logits.shape[1], arguments=ARGUMENTS.get(name, {}))
        if cell.startswith("refused") or f"{task}: refused" in cell:
            with pytest.raises(LossError, match="no way to ignore pixels"):
                loss(wider, padded)
            continue
        ratio = float(loss(wider, padded)["loss"]) / float(loss(logits, target)["loss"])
        assert ratio == pytest.approx(0.5 if "the mean gets smaller" in cell else 1.0, rel=1e-4)


@pytest.mark.parametrize("name", ["ce", "focal"])
def test_ignored_pixels_are_not_in_our_denominator(name):
    logits, target = batch("multiclass")
    padded = torch.cat([target, torch.full((2, 6, 6), IGNORE)], 2)
    wider = torch.cat([logits, torch.zeros(2, 3, 6, 6)], 3)
    assert ours(name, "multiclass", (wider, padded)) == pytest.approx(
        ours(name, "multiclass", (logits, target)), rel=1e-5
    )


def test_focal_of_smp_is_not_a_number_when_all_pixels_are_ignored():
    logits, target = batch("multiclass", ignored=1.1)
    assert torch.isnan(smp.FocalLoss("multiclass", ignore_index=IGNORE)(logits, target))
    assert ours("focal", "multiclass", (logits, target)) == 0
