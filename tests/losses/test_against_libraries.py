"""Where segmentation-models-pytorch and pytorch-toolbelt are right ours say the same; where not, they differ."""

import warnings

import pytest
import torch
from segmentation_models_pytorch import losses as smp

from rarepix.losses import build_loss

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from pytorch_toolbelt import losses as toolbelt

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
def test_the_same_where_every_class_is_there(name, params, theirs, task):
    given = batch(task, ignored=0.2)
    assert ours(name, task, given, **params) == pytest.approx(float(theirs(task)(*given)), rel=1e-5)


def test_the_same_cross_entropy():
    given = batch("multiclass", ignored=0.2)
    for smoothing in (0.0, 0.1):
        theirs = torch.nn.functional.cross_entropy(*given, ignore_index=IGNORE, label_smoothing=smoothing)
        assert ours("ce", "multiclass", given, label_smoothing=smoothing) == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_same_focal(task):
    """smp takes the mean over classes where the published definition takes the sum."""
    given = batch(task, ignored=0.2)
    theirs = float(smp.FocalLoss(task, ignore_index=IGNORE)(*given)) * given[0].shape[1]
    assert ours("focal", task, given) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_same_lovasz(task):
    given = batch(task, ignored=0.2)
    assert ours("lovasz", task, given) == pytest.approx(
        float(smp.LovaszLoss(task, ignore_index=IGNORE)(*given)), rel=1e-5
    )


def test_dice_of_smp_makes_a_mistake_cheaper_by_absent_classes():
    target, said = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[1, 1, 0, 0]]])
    prices = {}
    for classes in (2, 10):
        logits = torch.nn.functional.one_hot(said, classes).movedim(-1, 1).float() * 60
        prices[classes] = (
            float(smp.DiceLoss("multiclass")(logits, target)),
            ours("dice", "multiclass", (logits, target)),
        )
    assert prices[2] == pytest.approx((1, 1))
    assert prices[10] == pytest.approx((0.2, 1))


def test_dice_of_smp_says_nothing_about_an_empty_batch():
    target = torch.zeros(2, 4, 4, dtype=torch.long)
    gradients = []
    for loss in (smp.DiceLoss("binary"), build_loss("dice", task="binary", classes=1)):
        logits = torch.full((2, 1, 4, 4), 3.0, requires_grad=True)  # sure of what is not there
        value = loss(logits, target)
        value = value["loss"] if isinstance(value, dict) else value
        value.backward()
        gradients.append((float(value), float(logits.grad.sum())))
    assert gradients[0] == (0, 0)
    assert gradients[1][0] == pytest.approx(0.952574, abs=1e-5)
    assert gradients[1][1] > 0


def test_libraries_divide_by_ignored_pixels():
    logits, target = batch("multiclass")
    padded = torch.cat([target, torch.full((2, 6, 6), IGNORE)], 2)
    wider = torch.cat([logits, torch.zeros(2, 3, 6, 6)], 3)
    for name, theirs in [
        ("ce", smp.SoftCrossEntropyLoss(smooth_factor=0.0, ignore_index=IGNORE)),
        ("focal", toolbelt.CrossEntropyFocalLoss(ignore_index=IGNORE)),
    ]:
        assert float(theirs(wider, padded)) == pytest.approx(float(theirs(logits, target)) / 2, rel=1e-5)
        assert ours(name, "multiclass", (wider, padded)) == pytest.approx(
            ours(name, "multiclass", (logits, target)), rel=1e-5
        )


def test_jaccard_of_smp_has_no_ignored_pixels():
    logits, target = batch("multiclass", ignored=0.2)
    with pytest.raises(RuntimeError, match="Class values must be"):
        smp.JaccardLoss("multiclass")(logits, target)
    assert 0 < ours("jaccard", "multiclass", (logits, target)) < 1


def test_focal_of_smp_is_not_a_number_where_all_is_ignored():
    logits, target = batch("multiclass", ignored=1.1)
    assert torch.isnan(smp.FocalLoss("multiclass", ignore_index=IGNORE)(logits, target))
    assert ours("focal", "multiclass", (logits, target)) == 0
