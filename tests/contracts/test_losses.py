"""What every loss must do, whatever it is."""

import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.table import TERMS

IGNORE = 255
CLASSES = 4
pytestmark = pytest.mark.parametrize("name", TERMS)


def loss_of(name: str, classes: int = CLASSES):
    return build_loss(name, task="multiclass", classes=classes, ignore_index=IGNORE)


def batch(ignored: bool = True, images: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    logits = torch.randn(images, CLASSES, 6, 5, generator=random) * 3
    target = torch.randint(0, CLASSES, (images, 6, 5), generator=random)
    if ignored:
        target[torch.rand(target.shape, generator=random) < 0.3] = IGNORE
    return logits, target


def sure(target: torch.Tensor, height: float = 20.0, classes: int = CLASSES) -> torch.Tensor:
    """Logits that say *target* without doubt."""
    return torch.nn.functional.one_hot(target.long() % classes, classes).movedim(-1, 1).float() * height


def test_gives_a_positive_scalar_and_its_named_term(name):
    terms = loss_of(name)(*batch())
    assert set(terms) == {"loss", name}
    for value in terms.values():
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert value > 0
    assert not terms[name].requires_grad


def test_gradient_is_that_of_the_value(name):
    logits, target = (tensor[:2, ..., :3, :3] for tensor in batch())
    term = loss_of(name).term
    wide = {"eps": 1e-3, "atol": 1e-4, "rtol": 1e-3}  # a library's term may go through float32 on its way
    assert torch.autograd.gradcheck(lambda values: term(values, target), logits.double().requires_grad_(), **wide)


def test_the_order_of_images_does_not_matter(name):
    logits, target = batch()
    order = torch.tensor([2, 0, 1])
    loss = loss_of(name)
    assert float(loss(logits[order], target[order])["loss"]) == pytest.approx(
        float(loss(logits, target)["loss"]), rel=1e-6
    )


def test_the_names_of_classes_do_not_matter(name):
    logits, target = batch()
    order = torch.tensor([2, 0, 3, 1])
    renamed = target.clone()
    for new, old in enumerate(order.tolist()):
        renamed[target == old] = new
    loss = loss_of(name)
    assert float(loss(logits[:, order], renamed)["loss"]) == pytest.approx(
        float(loss(logits, target)["loss"]), rel=1e-5
    )


def test_ignored_pixels_have_no_influence(name):
    logits, target = batch()
    loss = loss_of(name)
    before = loss(logits, target)["loss"]
    ignored = (target == IGNORE).unsqueeze(1).expand_as(logits)
    changed = torch.where(ignored, torch.full_like(logits, 50.0) * torch.arange(CLASSES).view(1, -1, 1, 1), logits)
    assert float(loss(changed, target)["loss"]) == pytest.approx(float(before), rel=1e-6)


def test_ignored_pixels_have_no_gradient(name):
    logits, target = batch()
    logits.requires_grad_()
    loss_of(name)(logits, target)["loss"].backward()
    ignored = (target == IGNORE).unsqueeze(1).expand_as(logits)
    assert ignored.any()
    assert (logits.grad[ignored] == 0).all()
    assert (logits.grad[~ignored] != 0).any()


def test_nothing_but_ignored_pixels_costs_nothing(name):
    logits, _ = batch()
    logits.requires_grad_()
    value = loss_of(name)(logits, torch.full((3, 6, 5), IGNORE))["loss"]
    value.backward()
    assert value.item() == 0.0
    assert (logits.grad == 0).all()


def test_an_image_of_ignored_pixels_beside_others_is_finite(name):
    logits, target = batch()
    target[1] = IGNORE
    loss = loss_of(name)
    assert torch.isfinite(loss(logits, target)["loss"])


def test_better_is_cheaper(name):
    """Right, half right and wrong everywhere."""
    _, target = batch(ignored=False)
    wrong = (target + 1) % CLASSES
    half = torch.where(torch.arange(5) < 3, target, wrong)
    loss = loss_of(name)
    prices = [float(loss(sure(said), target)["loss"]) for said in (target, half, wrong)]
    assert prices == sorted(prices)
    assert len(set(prices)) == 3


def test_steps_along_the_gradient_lead_to_the_target(name):
    logits, target = batch()
    logits.requires_grad_()
    loss = loss_of(name)
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        loss(logits, target)["loss"].backward()
        optimizer.step()
    counted = target != IGNORE
    assert (logits.argmax(1) == target)[counted].float().mean() > 0.95


def test_absent_classes_do_not_make_a_mistake_cheaper(name):
    """Two classes are there; channels for classes that are not, each with no probability, leave the price as it is."""
    target = torch.tensor([[[0, 0, 1, 1]]])
    said = torch.tensor([[[0, 0, 0, 1]]])
    two, ten = sure(said, classes=2), sure(said, classes=2)
    ten = torch.cat([ten, torch.full((1, 8, 1, 4), -60.0)], dim=1)
    prices = [float(loss_of(name, channels.shape[1])(channels, target)["loss"]) for channels in (two, ten)]
    assert prices[1] == pytest.approx(prices[0], rel=1e-4)


@pytest.mark.parametrize("height", [1e4, -1e4])
def test_extreme_logits_are_finite(name, height):
    _, target = batch()
    logits = (sure(target) * height / 20).requires_grad_()
    value = loss_of(name)(logits, target)["loss"]
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(name, dtype):
    logits, target = batch()
    rounded = logits.to(dtype)
    terms = loss_of(name)(rounded, target)
    assert terms["loss"].dtype == torch.float32
    assert float(terms["loss"]) == float(loss_of(name)(rounded.float(), target)["loss"])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_masks_of_any_integer_type(name, dtype):
    logits, target = batch()
    loss = loss_of(name)
    assert float(loss(logits, target.to(dtype))["loss"]) == float(loss(logits, target)["loss"])


def test_channels_last_changes_nothing(name):
    logits, target = batch()
    loss = loss_of(name)
    again = loss(logits.contiguous(memory_format=torch.channels_last), target)["loss"]
    assert float(again) == pytest.approx(float(loss(logits, target)["loss"]), rel=1e-6)


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        ((2, 3, 4, 4), (2, 4, 4), r"logits must be N 4 H W, but got \(2, 3, 4, 4\)"),
        ((2, 4, 4), (2, 4, 4), r"logits must be N 4 H W, but got \(2, 4, 4\)"),
        ((2, 4, 5, 5), (2, 4, 4), r"integer ids of shape \(2, 5, 5\), but got torch.int64 \(2, 4, 4\)"),
        ((2, 4, 5, 5), (1, 5, 5), r"integer ids of shape \(2, 5, 5\), but got torch.int64 \(1, 5, 5\)"),
        ((2, 4, 5, 5), (2, 1, 5, 5), r"integer ids of shape \(2, 5, 5\), but got torch.int64 \(2, 1, 5, 5\)"),
    ],
)
def test_refuses_shapes(name, logits, target, message):
    with pytest.raises(ValueError, match=message):
        loss_of(name)(torch.zeros(logits), torch.zeros(target, dtype=torch.long))


def test_refuses_masks_of_floats(name):
    with pytest.raises(
        ValueError, match=r"must be integer ids of shape \(1, 2, 2\), but got torch.float32 \(1, 2, 2\)"
    ):
        loss_of(name)(torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2))
