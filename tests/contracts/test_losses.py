"""What every loss must do, whatever it is and whatever the task."""

import pytest
import torch

from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.libraries import LIBRARY_LOSSES
from rarepix.losses.names import ALONE, REGISTRY, canonical, needs_class_pixels
from rarepix.losses.registry import TERMS
from rarepix.models.outputs import SegOutput, Target, target_of

IGNORE = 255
CLASSES = {"multiclass": 4, "binary": 1, "multilabel": 3}
NAMES = (
    *(name for name in ALONE if TERMS[name].needs == "mask"),
    *(name for name in REGISTRY if "+" in name),
)
MEMBERS = [
    (name, task)
    for name in NAMES
    for task in CLASSES
    if all(task in TERMS[t].tasks for t in canonical(name).split("+"))
]
of_every_loss = pytest.mark.parametrize(("name", "task"), MEMBERS)
PER_CLASS = {"dice", "log_dice", "gdice", "jaccard", "tversky", "focal_tversky", "dice_plus", "lovasz", "boundary"}


def loss_of(name: str, task: str, classes: int | None = None, **params):
    classes = classes or CLASSES[task]
    pixels = {"multiclass": [50.0] * classes, "binary": [90.0, 10.0], "multilabel": [20.0] * classes + [100.0]}[task]
    given = {"class_pixels": pixels} if needs_class_pixels(name) else {}
    if any(TERMS[term].presence for term in canonical(name).split("+")):
        given["presence_weight"] = 0  # masks alone; both outputs are at the end of the file
    return build_loss(name, task=task, classes=classes, ignore_index=IGNORE, **given | params)


def value_of(name: str, task: str, logits: torch.Tensor, target: torch.Tensor) -> float:
    return float(loss_of(name, task, logits.shape[1])(logits, target)["loss"])


def batch(task: str, axes=(6, 5), images: int = 3, ignored: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    channels = CLASSES[task]
    logits = torch.randn(images, channels, *axes, generator=random) * 2
    shape = (images, channels, *axes) if task == "multilabel" else (images, *axes)
    target = torch.randint(0, 4 if task == "multiclass" else 2, shape, generator=random)
    target[torch.rand(shape, generator=random) < ignored] = IGNORE
    return logits, target


def spread(target: torch.Tensor, task: str, channels: int | None = None) -> torch.Tensor:
    """Return the target in the shape of logits, 0 and 1; 0 at ignored pixels."""
    counted = torch.where(target == IGNORE, 0, target)
    if task == "multiclass":
        return torch.nn.functional.one_hot(counted, channels or CLASSES[task]).movedim(-1, 1)
    return counted.unsqueeze(1) if task == "binary" else counted


def confident(target: torch.Tensor, task: str, height: float = 20.0, channels: int | None = None) -> torch.Tensor:
    """Logits that predict *target* with certainty."""
    return (spread(target, task, channels).float() * 2 - 1) * height


def ignored_in(target: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    ignored = target == IGNORE
    return (ignored if ignored.ndim == logits.ndim else ignored.unsqueeze(1)).expand_as(logits)


@of_every_loss
def test_gives_a_scalar_and_its_named_terms(name, task):
    logits, target = batch(task)
    terms = loss_of(name, task)(logits.requires_grad_(), target)
    named = canonical(name).split("+")
    assert set(terms) == {"loss", *named}
    assert terms["loss"].requires_grad
    for term, value in terms.items():
        assert (value.shape, value.dtype) == ((), torch.float32)
        assert torch.isfinite(value)
        assert value > 0 or term in ("boundary", "db")
        assert term == "loss" or not value.requires_grad
    assert float(terms["loss"]) == pytest.approx(sum(float(terms[term]) for term in named), rel=1e-5)


@of_every_loss
@pytest.mark.parametrize("axes", [(3, 2), (2, 2, 2)], ids=["2d", "3d"])
def test_the_gradient_is_that_of_the_value(name, task, axes):
    logits, target = batch(task, axes, images=2, ignored=0.1)
    loss = loss_of(name, task)
    exact = logits.double().requires_grad_()
    assert loss(exact, target)["loss"].dtype == torch.float64
    assert torch.autograd.gradcheck(lambda values: loss(values, target)["loss"], exact, fast_mode=True)


@of_every_loss
def test_the_order_of_images_does_not_matter(name, task):
    logits, target = batch(task)
    order = torch.tensor([2, 0, 1])
    assert value_of(name, task, logits[order], target[order]) == pytest.approx(
        value_of(name, task, logits, target), rel=1e-5
    )


@of_every_loss
def test_the_order_of_classes_does_not_matter(name, task):
    """The loss is given the new id of the background."""
    logits, target = batch(task)
    order = {"multiclass": [2, 0, 3, 1], "binary": [0], "multilabel": [2, 0, 1]}[task]
    renamed = target[:, order] if task == "multilabel" else target.clone()
    if task == "multiclass":
        for new, old in enumerate(order):
            renamed[target == old] = new
    again = loss_of(name, task, background=order.index(0))(logits[:, order], renamed)["loss"]
    assert float(again) == pytest.approx(value_of(name, task, logits, target), rel=1e-5)


@of_every_loss
def test_ignored_pixels_have_no_influence_and_no_gradient(name, task):
    logits, target = batch(task)
    ignored = ignored_in(target, logits)
    random = torch.randn(logits.shape, generator=torch.Generator().manual_seed(9)) * 30
    changed = torch.where(ignored, random, logits).requires_grad_()
    value = loss_of(name, task)(changed, target)["loss"]
    value.backward()
    assert float(value) == pytest.approx(value_of(name, task, logits, target), rel=1e-5)
    assert ignored.any()
    assert (changed.grad[ignored] == 0).all()
    assert (changed.grad[~ignored] != 0).any()


@of_every_loss
def test_ignored_pixels_are_not_in_the_denominator(name, task):
    """More ignored pixels beside the image change nothing."""
    logits, target = batch(task)
    wider = torch.cat([logits, torch.randn(*logits.shape[:-1], 20, generator=torch.Generator().manual_seed(2))], -1)
    padded = torch.cat([target, torch.full((*target.shape[:-1], 20), IGNORE)], -1)
    assert value_of(name, task, wider, padded) == pytest.approx(value_of(name, task, logits, target), rel=1e-5)


@of_every_loss
def test_a_batch_of_ignored_pixels_has_loss_zero(name, task):
    logits, target = batch(task)
    logits.requires_grad_()
    value = loss_of(name, task)(logits, torch.full_like(target, IGNORE))["loss"]
    value.backward()
    assert value.item() == 0.0
    assert (logits.grad == 0).all()


@of_every_loss
def test_an_image_of_ignored_pixels_has_no_effect(name, task):
    logits, target = batch(task)
    target[1] = IGNORE
    kept = [0, 2]
    assert value_of(name, task, logits, target) == pytest.approx(
        value_of(name, task, logits[kept], target[kept]), rel=1e-5
    )


@of_every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_finite_whatever_the_batch_holds(name, task, dtype):
    """All background, all foreground, a class that is absent, an image of ignored pixels; logits to ±1e4."""
    logits, target = batch(task, images=2)
    present = torch.where(target == 1, 0, target)
    with_ignored = target.clone()
    with_ignored[0] = IGNORE
    loss = loss_of(name, task)
    for truth in (torch.zeros_like(target), torch.ones_like(target), present, with_ignored):
        for predicted in (confident(truth, task, 1e4), confident(truth, task, -1e4), logits * 1e4 / logits.abs().max()):
            given = predicted.detach().to(dtype, copy=True).requires_grad_()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                value = loss(given, truth)["loss"]
            value.backward()
            assert value.dtype == torch.float32
            assert torch.isfinite(value)
            assert torch.isfinite(given.grad).all()


@of_every_loss
def test_half_precision_is_computed_in_full(name, task):
    logits, target = batch(task)
    rounded = logits.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = value_of(name, task, rounded, target)
    assert value == value_of(name, task, rounded.float(), target)


@of_every_loss
def test_a_volume_of_one_slice_is_an_image(name, task):
    logits, target = batch(task)
    assert value_of(name, task, logits.unsqueeze(2), target.unsqueeze(-3)) == pytest.approx(
        value_of(name, task, logits, target), rel=1e-5
    )


@of_every_loss
def test_a_better_prediction_has_a_lower_loss(name, task):
    """Right, half right and wrong everywhere."""
    _, target = batch(task, ignored=0)
    wrong = (target + 1) % (4 if task == "multiclass" else 2)
    half = torch.where(torch.arange(5) < 3, target, wrong)
    right, between, all_wrong = (
        value_of(name, task, confident(predicted, task, 3.0), target) for predicted in (target, half, wrong)
    )
    assert right < between
    if name in ("ohem", "topk"):  # the hardest half of a batch is as hard as all of it
        assert between == pytest.approx(all_wrong, rel=1e-5)
    else:
        assert between < all_wrong


@pytest.mark.parametrize(("name", "task"), [pair for pair in MEMBERS if pair[0] != "boundary"])
def test_steps_along_the_gradient_lead_to_the_target(name, task):
    """The boundary loss alone does not: a pixel at the edge of a region has the distance 0."""
    logits, target = batch(task, images=2)
    logits.requires_grad_()
    marginal = name.endswith(("+KL", "+DB"))  # multilabel: without background, they are no divergence
    loss = loss_of(name, task, **({"alpha": 0.1} if marginal else {}))
    optimizer = torch.optim.Adam([logits], lr=1.0)
    for _ in range(25):
        optimizer.zero_grad()
        loss(logits, target)["loss"].backward()
        optimizer.step()
    predicted = logits.argmax(1) if task == "multiclass" else (logits > 0).long().reshape(target.shape)
    assert (predicted == target)[target != IGNORE].float().mean() > 0.95


@pytest.mark.parametrize(("name", "task"), [pair for pair in MEMBERS if pair[1] != "binary"])
def test_absent_classes_do_not_make_a_mistake_cheaper(name, task):
    """Two classes are present; more channels for absent classes, each with probability 0, leave the loss unchanged.

    A mean over pixels and channels (multilabel) includes the absent ones, and so do the class shares.
    """
    target = torch.tensor([[[0, 0, 1, 1]]])
    predicted = torch.tensor([[[0, 0, 0, 1]]])
    if task == "multilabel":
        target, predicted = (torch.stack([ids == 0, ids == 1], 1).long() for ids in (target, predicted))
    logits = confident(predicted, task, channels=2)
    more = torch.cat([logits, torch.full((1, 8, 1, 4), -60.0)], 1)
    wider = torch.cat([target, torch.zeros(1, 8, 1, 4, dtype=torch.long)], 1) if task == "multilabel" else target
    values = [value_of(name, task, *pair) for pair in ((logits, target), (more, wider))]
    terms = canonical(name).split("+")
    if set(terms) & {"l1", "kl", "db"} or (task == "multilabel" and not set(terms) <= PER_CLASS):
        assert values[1] <= values[0]
    else:
        assert values[1] == pytest.approx(values[0], rel=1e-4)


@of_every_loss
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_masks_of_any_integer_type(name, task, dtype):
    logits, target = batch(task)
    assert value_of(name, task, logits, target.to(dtype)) == value_of(name, task, logits, target)


@of_every_loss
def test_channels_last_changes_nothing(name, task):
    logits, target = batch(task)
    again = value_of(name, task, logits.contiguous(memory_format=torch.channels_last), target)
    assert again == pytest.approx(value_of(name, task, logits, target), rel=1e-5)


@of_every_loss
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_refuses_logits_that_are_not_finite(name, task, bad):
    logits, target = batch(task)
    logits[0, 0, 0, 0] = bad
    target[0] = IGNORE  # also in an ignored image
    with pytest.raises(LossError, match=f"logits must be finite, but 1 of {logits.numel()} are not"):
        loss_of(name, task)(logits, target)


@of_every_loss
def test_refuses_ids_that_are_no_class(name, task):
    logits, target = batch(task)
    target[0, 0, 0] = 7
    highest = 3 if task == "multiclass" else 1
    with pytest.raises(LossError, match=f"must be from 0 to {highest} or 255 .ignored., but they go from 0 to 7"):
        loss_of(name, task)(logits, target)


@of_every_loss
def test_an_output_and_a_target_stand_for_their_masks(name, task):
    logits, target = batch(task)
    presence = torch.zeros(len(logits), 2, dtype=torch.uint8)
    with_presence = loss_of(name, task)(SegOutput(logits, torch.zeros(len(logits), 2)), Target(target, presence))
    assert float(with_presence["loss"]) == value_of(name, task, logits, target)


@of_every_loss
def test_refuses_an_output_without_masks(name, task):
    logits, target = batch(task)
    with pytest.raises(LossError, match="compares masks, but the network tells only which classes are present: use"):
        loss_of(name, task)(SegOutput(presence=logits.mean((2, 3))), target)


SOFT = [
    (name, task)
    for name, task in MEMBERS
    if task != "multiclass" and all(TERMS[term].soft for term in canonical(name).split("+"))
]
HARD_ONLY = [pair for pair in MEMBERS if pair not in SOFT]
of_every_soft_loss = pytest.mark.parametrize(("name", "task"), SOFT)


def soft_batch(task: str, ignored: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch whose target has shares of 0, 1 and between."""
    logits, target = batch(task, ignored=ignored)
    shares = torch.randint(0, SOFT_SCALE + 1, target.shape, generator=torch.Generator().manual_seed(8))
    shares[..., 0], shares[..., 1] = 0, SOFT_SCALE
    return logits, torch.where(target == IGNORE, IGNORE, shares).to(torch.uint8)


def soft_value(name: str, task: str, logits: torch.Tensor, target: torch.Tensor) -> float:
    return float(loss_of(name, task, scale=SOFT_SCALE)(logits, target)["loss"])


@pytest.mark.parametrize(("name", "task"), HARD_ONLY)
def test_what_is_not_defined_on_soft_masks_refuses_them(name, task):
    message = "scale must be 1" if task == "multiclass" else "is not defined on soft masks: use a loss of ce, .*dice"
    with pytest.raises(LossError, match=message):
        loss_of(name, task, scale=SOFT_SCALE)


@of_every_soft_loss
def test_a_soft_mask_of_0_and_1_gives_the_hard_loss(name, task):
    logits, target = batch(task)
    soft = torch.where(target == IGNORE, IGNORE, target * SOFT_SCALE)
    values, gradients = [], []
    for scale, truth in ((1, target), (SOFT_SCALE, soft)):
        given = logits.double().requires_grad_()
        value = loss_of(name, task, scale=scale)(given, truth)["loss"]
        value.backward()
        values.append(float(value))
        gradients.append(given.grad)
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert torch.allclose(gradients[1], gradients[0], rtol=1e-6, atol=1e-9)


@of_every_soft_loss
def test_a_soft_loss_compares_the_shares(name, task):
    """It takes no threshold: between one half and one, a larger share gives another loss."""
    logits, _ = soft_batch(task)
    shape = logits.shape if task == "multilabel" else logits[:, 0].shape
    values = [soft_value(name, task, logits, torch.full(shape, share)) for share in (150, 200)]
    assert values[0] != pytest.approx(values[1], rel=1e-4)


@of_every_soft_loss
def test_the_gradient_of_a_soft_loss_is_that_of_its_value(name, task):
    logits, target = soft_batch(task)
    loss = loss_of(name, task, scale=SOFT_SCALE)
    exact = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: loss(values, target)["loss"], exact, fast_mode=True)


@of_every_soft_loss
def test_ignored_pixels_of_a_soft_mask_have_no_influence_and_no_gradient(name, task):
    logits, target = soft_batch(task)
    ignored = ignored_in(target, logits)
    random = torch.randn(logits.shape, generator=torch.Generator().manual_seed(9)) * 30
    changed = torch.where(ignored, random, logits).requires_grad_()
    value = loss_of(name, task, scale=SOFT_SCALE)(changed, target)["loss"]
    value.backward()
    assert float(value) == pytest.approx(soft_value(name, task, logits, target), rel=1e-5)
    assert (changed.grad[ignored] == 0).all()
    assert (changed.grad[~ignored] != 0).any()


@of_every_soft_loss
def test_a_soft_batch_of_ignored_pixels_has_loss_zero(name, task):
    logits, target = soft_batch(task)
    logits.requires_grad_()
    value = loss_of(name, task, scale=SOFT_SCALE)(logits, torch.full_like(target, IGNORE))["loss"]
    value.backward()
    assert value.item() == 0.0
    assert (logits.grad == 0).all()


@of_every_soft_loss
def test_a_soft_loss_is_finite_whatever_the_logits(name, task):
    logits, target = soft_batch(task)
    target[..., 2] = SOFT_SCALE // 2  # as a logit of 0 predicts
    for given in (logits * 1e4, logits * -1e4, torch.zeros_like(logits)):
        given = given.detach().requires_grad_()
        value = loss_of(name, task, scale=SOFT_SCALE)(given, target)["loss"]
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(given.grad).all()


@of_every_soft_loss
def test_the_order_of_images_does_not_matter_to_a_soft_loss(name, task):
    logits, target = soft_batch(task)
    order = torch.tensor([2, 0, 1])
    assert soft_value(name, task, logits[order], target[order]) == pytest.approx(
        soft_value(name, task, logits, target), rel=1e-5
    )


PRESENCE = [name for name, row in TERMS.items() if row.needs == "presence"]
of_every_presence_loss = pytest.mark.parametrize("name", PRESENCE)


def presence_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and presence of 4 images and 3 classes, some ignored."""
    random = torch.Generator().manual_seed(6)
    presence = torch.randint(0, 2, (4, 3), generator=random).to(torch.uint8)
    presence[0], presence[2, 1] = IGNORE, IGNORE
    return torch.randn(4, 3, generator=random) * 2, presence


def presence_terms(name: str, logits: torch.Tensor, presence: torch.Tensor, **given) -> dict[str, torch.Tensor]:
    mask = torch.zeros(len(logits), 2, 2, dtype=torch.long)
    return build_loss(name, task="multiclass", classes=4, **given)(SegOutput(presence=logits), Target(mask, presence))


@of_every_presence_loss
def test_a_presence_loss_gives_a_scalar_and_its_gradient(name):
    logits, presence = presence_batch()
    terms = presence_terms(name, logits, presence)
    assert set(terms) == {"loss", name}
    assert terms["loss"].shape == ()
    assert terms["loss"] > 0
    exact = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: presence_terms(name, given, presence)["loss"], exact, fast_mode=True)


@of_every_presence_loss
def test_ignored_presence_has_no_influence_and_no_gradient(name):
    logits, presence = presence_batch()
    ignored = presence == IGNORE
    changed = torch.where(ignored, 25.0, logits).requires_grad_()
    value = presence_terms(name, changed, presence)["loss"]
    value.backward()
    assert float(value) == pytest.approx(float(presence_terms(name, logits, presence)["loss"]), rel=1e-6)
    assert (changed.grad[ignored] == 0).all()
    assert (changed.grad[~ignored] != 0).all()


@of_every_presence_loss
def test_presence_that_is_all_ignored_has_loss_zero(name):
    logits, presence = presence_batch()
    logits.requires_grad_()
    value = presence_terms(name, logits, torch.full_like(presence, IGNORE))["loss"]
    value.backward()
    assert value.item() == 0.0
    assert (logits.grad == 0).all()


@of_every_presence_loss
def test_the_order_of_images_does_not_matter_to_a_presence_loss(name):
    logits, presence = presence_batch()
    order = torch.tensor([3, 1, 0, 2])
    assert float(presence_terms(name, logits[order], presence[order])["loss"]) == pytest.approx(
        float(presence_terms(name, logits, presence)["loss"]), rel=1e-6
    )


@of_every_presence_loss
def test_a_better_presence_has_a_lower_loss(name):
    _, presence = presence_batch()
    right = (presence == 1).float() * 6 - 3
    values = [float(presence_terms(name, logits, presence)["loss"]) for logits in (right, right * 0, -right)]
    assert values == sorted(values)


@of_every_presence_loss
def test_a_presence_loss_needs_logits_and_a_target_of_presence(name):
    logits, presence = presence_batch()
    mask = torch.zeros(4, 2, 2, dtype=torch.long)
    loss = build_loss(name, task="multiclass", classes=4)
    for output in (SegOutput(mask=torch.zeros(4, 4, 2, 2)), torch.zeros(4, 4, 2, 2)):
        with pytest.raises(LossError, match="but the network gives only masks: use a network with a presence head, or"):
            loss(output, Target(mask, presence))
    with pytest.raises(LossError, match="but the target is a mask alone: make it with .*target_of"):
        loss(SegOutput(presence=logits), mask)
    for wrong in (presence[:, :2], presence.float(), presence[:2]):
        with pytest.raises(LossError, match=r"the presence target must be integers of shape \(4, 3\), that of"):
            loss(SegOutput(presence=logits), Target(mask, wrong))
    with pytest.raises(LossError, match="presence logits must be floats N K, but got"):
        loss(SegOutput(presence=logits[0]), Target(mask, presence[0]))
    with pytest.raises(LossError, match="ids of a presence target must be from 0 to 1 or 255"):
        loss(SegOutput(presence=logits), Target(mask, presence.clamp(max=7)))
    with pytest.raises(LossError, match="logits must be finite"):
        loss(SegOutput(presence=logits * float("nan")), Target(mask, presence))


ARGUMENTS = {
    "smp/SoftCrossEntropyLoss": {"smooth_factor": 0.1},
    "toolbelt/BiTemperedLogisticLoss": {"t1": 0.8, "t2": 1.2},
    "toolbelt/BinaryBiTemperedLogisticLoss": {"t1": 0.8, "t2": 1.2},
}
"""Those that have no default that works."""
LIBRARY_MEMBERS = [(name, task) for name, entry in LIBRARY_LOSSES.items() for task in map(str, entry.tasks)]
CANNOT_IGNORE = {("smp/FocalLoss", "multilabel"), *(("toolbelt/JaccardLoss", task) for task in CLASSES)}
of_every_library_loss = pytest.mark.parametrize(("name", "task"), LIBRARY_MEMBERS)


def library_loss(name: str, task: str) -> torch.nn.Module:
    return build_loss(name, task=task, classes=CLASSES[task], arguments=ARGUMENTS.get(name, {}))


def test_every_library_loss_is_listed_for_a_task():
    assert {name for name, _ in LIBRARY_MEMBERS} == set(LIBRARY_LOSSES)
    assert {task for _, task in LIBRARY_MEMBERS} == set(CLASSES)
    assert set(LIBRARY_MEMBERS) >= CANNOT_IGNORE


@of_every_library_loss
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_library_loss_is_one_finite_number_with_a_gradient(name, task, layout):
    logits, target = batch(task, ignored=0.0)
    logits = logits.to(memory_format=layout).requires_grad_()
    terms = library_loss(name, task)(logits, target.to(torch.uint8))
    terms["loss"].backward()
    assert set(terms) == {"loss", name}
    assert (terms["loss"].shape, terms["loss"].dtype) == ((), torch.float32)
    assert torch.isfinite(terms["loss"])
    assert not terms[name].requires_grad
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.any()


@of_every_library_loss
def test_ignored_pixels_have_no_gradient_in_a_library_loss(name, task):
    logits, target = batch(task)
    logits.requires_grad_()
    loss = library_loss(name, task)
    if (name, task) in CANNOT_IGNORE:
        with pytest.raises(LossError, match="has no way to ignore pixels"):
            loss(logits, target)
        return
    loss(logits, target)["loss"].backward()
    ignored = ignored_in(target, logits)
    assert (logits.grad[ignored] == 0).all()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[~ignored] != 0).any()


@of_every_library_loss
def test_a_batch_of_ignored_pixels_has_loss_zero_in_a_library_loss(name, task):
    logits, target = batch(task)
    logits.requires_grad_()
    terms = library_loss(name, task)(logits, torch.full_like(target, IGNORE))
    terms["loss"].backward()
    assert set(terms) == {"loss", name}
    assert terms["loss"].item() == 0.0
    assert (logits.grad == 0).all()


@of_every_library_loss
def test_a_library_loss_is_computed_in_full_precision(name, task):
    logits, target = batch(task, ignored=0.0)
    rounded = logits.bfloat16()
    loss = library_loss(name, task)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(rounded, target)["loss"]
    assert float(value) == float(loss(rounded.float(), target)["loss"])


@of_every_library_loss
def test_a_library_loss_refuses_ids_that_are_no_class(name, task):
    logits, target = batch(task, ignored=0.0)
    target[0, 0, 0] = 7
    with pytest.raises(LossError, match="but they go from 0 to 7"):
        library_loss(name, task)(logits, target)


SOFT_LIBRARY = [(name, task) for name, task in LIBRARY_MEMBERS if task != "multiclass" and LIBRARY_LOSSES[name].soft]


@pytest.mark.parametrize(("name", "task"), SOFT_LIBRARY)
def test_a_soft_mask_of_0_and_1_gives_the_hard_library_loss(name, task):
    ignored = 0.0 if (name, task) in CANNOT_IGNORE else 0.3
    logits, target = batch(task, ignored=ignored)
    soft = torch.where(target == IGNORE, IGNORE, target * SOFT_SCALE)
    given = {"task": task, "classes": CLASSES[task], "arguments": ARGUMENTS.get(name, {})}
    value = build_loss(name, scale=SOFT_SCALE, **given)(logits, soft)["loss"]
    assert float(value) == pytest.approx(float(library_loss(name, task)(logits, target)["loss"]), rel=1e-6)


@pytest.mark.parametrize(("name", "task"), SOFT_LIBRARY)
def test_a_library_loss_compares_the_shares_of_a_soft_mask(name, task):
    logits, _ = batch(task, ignored=0.0)
    shape = logits.shape if task == "multilabel" else logits[:, 0].shape
    loss = build_loss(name, task=task, classes=CLASSES[task], scale=SOFT_SCALE, arguments=ARGUMENTS.get(name, {}))
    values = []
    for share in (150, 200):
        given = logits.clone().requires_grad_()
        target = torch.full(shape, share)
        target[..., 0] = 0  # a correlation needs targets that differ
        value = loss(given, target)["loss"]
        value.backward()
        assert torch.isfinite(given.grad).all()
        values.append(float(value))
    assert values[0] != pytest.approx(values[1], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "task"), [pair for pair in LIBRARY_MEMBERS if pair[1] != "multiclass" and pair not in SOFT_LIBRARY]
)
def test_a_library_loss_that_is_not_defined_on_soft_masks_refuses_them(name, task):
    with pytest.raises(LossError, match=f"{name}' is not defined on soft masks: use a loss of .*smp/DiceLoss"):
        build_loss(name, task=task, classes=CLASSES[task], scale=SOFT_SCALE, arguments=ARGUMENTS.get(name, {}))


BOTH = [(name, task) for name, task in MEMBERS if name in TERMS and TERMS[name].presence]
of_every_loss_of_both = pytest.mark.parametrize(("name", "task"), BOTH)


def both_outputs(task: str) -> tuple[SegOutput, Target]:
    """Masks and presence of 3 images, the last without any class."""
    logits, mask = batch(task)
    mask[2] = torch.where(mask[2] == IGNORE, IGNORE, 0)
    names = tuple("abcd"[: {"multiclass": 4, "binary": 2, "multilabel": 3}[task]])
    labels = LabelSpace(names=names, background=None if task == "multilabel" else 0, task=Task(task))
    presence = torch.randn(3, len(labels.presence_names), generator=torch.Generator().manual_seed(5))
    return SegOutput(logits.double(), presence.double()), target_of(mask, labels)


def value_of_both(name: str, task: str, output: SegOutput, target: Target, weight: float = 0.3) -> torch.Tensor:
    return loss_of(name, task, presence_weight=weight)(output, target)["loss"]


@of_every_loss_of_both
def test_the_gradient_of_a_loss_of_both_outputs_is_that_of_its_value(name, task):
    output, target = both_outputs(task)
    given = [part.requires_grad_() for part in output]
    assert torch.autograd.gradcheck(
        lambda *parts: value_of_both(name, task, SegOutput(*parts), target), given, fast_mode=True
    )


@of_every_loss_of_both
def test_an_ignored_image_has_no_effect_on_a_loss_of_both_outputs(name, task):
    output, target = both_outputs(task)
    mask, presence = target.mask.clone(), target.presence.clone()
    mask[1], presence[1] = IGNORE, IGNORE
    given = SegOutput(*(part.requires_grad_() for part in output))
    value = value_of_both(name, task, given, Target(mask, presence))
    value.backward()
    kept = [0, 2]
    alone = SegOutput(*(part.detach()[kept] for part in output))
    wanted = value_of_both(name, task, alone, Target(mask[kept], presence[kept]))
    assert float(value) == pytest.approx(float(wanted), rel=1e-6)
    for part in given:
        assert not part.grad[1].any()
        assert part.grad[kept].any()


@of_every_loss_of_both
def test_a_batch_of_ignored_images_gives_a_loss_of_both_outputs_of_zero(name, task):
    output, target = both_outputs(task)
    nothing = Target(*(torch.full_like(part, IGNORE) for part in target))
    given = SegOutput(*(part.requires_grad_() for part in output))
    value = value_of_both(name, task, given, nothing)
    value.backward()
    assert value.item() == 0
    assert not any(part.grad.any() for part in given)


@of_every_loss_of_both
def test_the_order_of_images_does_not_matter_to_a_loss_of_both_outputs(name, task):
    order = [2, 0, 1]
    output, target = both_outputs(task)
    again = value_of_both(name, task, SegOutput(*(p[order] for p in output)), Target(*(p[order] for p in target)))
    assert float(again) == pytest.approx(float(value_of_both(name, task, output, target)), rel=1e-6)


@of_every_loss_of_both
def test_a_presence_of_weight_zero_has_a_gradient_of_zero(name, task):
    """Not none at all, which several devices would wait for."""
    output, target = both_outputs(task)
    given = SegOutput(*(part.requires_grad_() for part in output))
    value_of_both(name, task, given, target, weight=0).backward()
    assert given.presence.grad is not None
    assert not given.presence.grad.any()


@of_every_loss_of_both
def test_without_a_presence_head_a_loss_of_both_outputs_needs_the_weight_zero(name, task):
    output, target = both_outputs(task)
    alone = value_of_both(name, task, SegOutput(output.mask), target, weight=0)
    assert float(alone) == pytest.approx(float(value_of_both(name, task, output, target, weight=0)), rel=1e-6)
    with pytest.raises(LossError, match="compares which classes are present, but the network gives only masks"):
        value_of_both(name, task, SegOutput(output.mask), target)
