"""The published values in the published and in the default form, and the mistakes of the published form."""

import math

import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.names import REGISTRY
from tests.losses import golden

TASKS = {"multiclass": (3, golden.multiclass(), golden.MULTICLASS), "binary": (1, golden.binary(), golden.BINARY)}
CASES = [(task, name) for task, (_, _, values) in TASKS.items() for name in values]


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(("task", "name"), CASES)
def test_golden_values(task, name, published):
    """Where every class is present and nothing is saturated, the default form equals the published one."""
    classes, batch, values = TASKS[task]
    terms = build_loss(name, task=task, classes=classes, published=published)(*batch)
    for term, value in values[name].items():
        assert float(terms[term]) == pytest.approx(value, abs=1e-5), term
    assert set(golden.MULTICLASS) == set(REGISTRY) - {"GDiceLoss"}  # for which nothing is published


@pytest.mark.parametrize("published", [True, False])
def test_alpha_and_temperature(published):
    """The second term is multiplied by alpha, its logits alone by the temperature."""
    logits, target = golden.multiclass()
    terms = build_loss("CE+L1", task="multiclass", classes=3, alpha=0.3, temperature=10, published=published)(
        logits, target
    )
    valid = (target != golden.IGNORE).unsqueeze(1)
    predicted = (torch.softmax(10 * logits, 1) * valid).sum((2, 3)) / valid.sum((2, 3))
    wanted = (predicted - torch.tensor(golden.TRUE_SHARES)).abs().mean()
    assert float(terms["l1"]) == pytest.approx(float(wanted), abs=1e-5)
    assert float(terms["ce"]) == pytest.approx(1.600895, abs=1e-5)
    assert float(terms["loss"]) == pytest.approx(float(terms["ce"] + 0.3 * terms["l1"]), abs=1e-6)


def test_the_golden_shares_give_the_golden_terms():
    """By hand from the published shares: L1 is the mean of |q - p|, KL the mean over images of Σ p ln(p / q)."""
    true, predicted = torch.tensor(golden.TRUE_SHARES), torch.tensor(golden.PREDICTED_SHARES)
    assert float((true - predicted).abs().mean()) == pytest.approx(0.263124, abs=1e-5)
    assert float((true * (true / predicted).log()).sum(1).mean()) == pytest.approx(0.558028, abs=1e-5)
    assert float((true + predicted).log().mean()) == pytest.approx(-0.596869, abs=1e-5)


def test_binary_kl_of_an_image_that_is_all_foreground():
    logits, target = golden.logits(1), torch.ones(2, 4, 5, dtype=torch.long)
    with pytest.raises(LossError, match="a loss must be finite, but loss = nan, kl = nan: an image"):
        build_loss("CE+KL", task="binary", classes=1, published=True)(logits, target)
    safe = build_loss("CE+KL", task="binary", classes=1)(logits, target)["kl"]
    predicted = torch.sigmoid(logits).mean((1, 2, 3))
    assert float(safe) == pytest.approx(float(-predicted.log().mean()), abs=1e-5)


def test_binary_kl_of_a_saturated_prediction():
    logits, target = torch.full((1, 1, 4, 5), 200.0), golden.binary()[1][:1]
    with pytest.raises(LossError, match="kl = inf"):
        build_loss("CE+KL", task="binary", classes=1, published=True)(logits, target)
    assert math.isfinite(build_loss("CE+KL", task="binary", classes=1)(logits, target)["kl"])


def test_ignored_pixels_in_a_binary_cross_entropy():
    """As published, a pixel with id 255 has the target 255, and the loss can be negative."""
    logits, target = golden.binary()
    target[0, 0, 0] = golden.IGNORE
    value = build_loss("CE", task="binary", classes=1, published=True)(logits, target)["ce"]
    assert float(value) < 0
    safe = build_loss("CE", task="binary", classes=1)(logits, target)["ce"]
    counted = target != golden.IGNORE
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0][counted], target[counted].float())
    assert float(safe) == pytest.approx(float(wanted), abs=1e-6)


def test_a_batch_of_ignored_pixels():
    logits, target = golden.logits(3), torch.full((2, 4, 5), golden.IGNORE)
    with pytest.raises(LossError, match="ce = nan"):
        build_loss("CE", task="multiclass", classes=3, published=True)(logits, target)


def test_an_image_of_ignored_pixels_beside_another():
    """As published it counts as a correct image; ours leaves it out."""
    logits, target = golden.multiclass()
    alone = float(build_loss("CE+L1", task="multiclass", classes=3)(logits[:1], target[:1])["l1"])
    target[1] = golden.IGNORE
    for published, wanted in ((True, alone / 2), (False, alone)):
        loss = build_loss("CE+L1", task="multiclass", classes=3, published=published)
        assert float(loss(logits, target)["l1"]) == pytest.approx(wanted, abs=1e-6)


def test_absent_classes_in_dice():
    logits, target = golden.multiclass()
    target[target == 2] = 0
    values = {
        published: float(build_loss("dice", task="multiclass", classes=3, published=published)(logits, target)["loss"])
        for published in (True, False)
    }
    assert values[False] == pytest.approx(values[True] * 3 / 2, abs=1e-6)


def test_generalised_dice_by_hand():
    """As published: sigmoid of each channel and, of one channel, its complement; here probabilities of one half."""
    target = torch.tensor([[[1, 0, 0, 0]]])
    half = torch.zeros(1, 1, 1, 4)
    value = build_loss("GDiceLoss", task="binary", classes=1, published=True)(half, target)["loss"]
    weights, overlap, size = (1.0, 1 / 9), (0.5, 1.5), (2 + 1, 2 + 3)
    wanted = 1 - 2 * sum(map(float.__mul__, weights, overlap)) / sum(w * s for w, s in zip(weights, size, strict=True))
    assert float(value) == pytest.approx(wanted, abs=1e-6)
    assert float(build_loss("gdice", task="binary", classes=1)(half, target)["loss"]) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["tversky", "ce+tversky", "boundary"])
def test_what_was_not_published_has_no_published_form(name):
    with pytest.raises(LossError, match=f"loss '{name}'.* has no parameter 'published'".replace("+", r"\+")):
        build_loss(name, task="multiclass", classes=3, published=True)
