"""Losses by name: how they are built, and what is refused."""

import pytest
import torch
from pydantic import ValidationError

from rarepix.labels import Task
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.names import KNOWN, REGISTRY, canonical, needs_class_pixels, terms_of
from rarepix.losses.parameters import parameters_of
from rarepix.losses.proposed import OF_FOCAL
from rarepix.losses.registry import TERMS
from rarepix.losses.settings import LossConfig
from rarepix.models.outputs import SegOutput, Target
from tests.house.source import CHECKOUT

BATCH = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)), torch.zeros(2, 4, 4, dtype=torch.long)
OTHER = {
    "class_weights": [1.0, 2.0, 3.0], "balance": 0.25, "foreground_only": True, "marginal": "batch", "published": True,
    "edge_kernel": 3, "min_kept": 1.0, "pixel": "focal",
}  # fmt: skip


def defaults_of(term: str) -> dict[str, object]:
    """Parameter → default of a term."""
    return {key: field.default for key, field in TERMS[term].parameters.model_fields.items()}


@pytest.mark.parametrize("name", [name for name, row in TERMS.items() if row.needs == "mask"])
def test_given_parameters_reach_the_loss(name):
    """Each parameter, changed alone, changes the loss."""
    task = "multiclass" if "multiclass" in TERMS[name].tasks else "binary"
    whole = name if name in KNOWN else f"ce+{name}"
    random = torch.Generator().manual_seed(3)
    logits = torch.randn(3, 3 if task == "multiclass" else 1, 12, 12, generator=random)
    target = (torch.rand(3, 12, 12, generator=random) < 0.3).long()
    target[0, :2] = 2 if task == "multiclass" else 1
    pixels = {"class_pixels": [70, 20, 10]} if needs_class_pixels(whole) else {}
    output = SegOutput(logits, logits.mean((2, 3))[:, 1:])
    presence = torch.stack([(target == number).flatten(1).any(1) for number in (1, 2)], 1).to(torch.uint8)

    def value_with(**given) -> float:
        config = LossConfig(name=whole, **given)
        return float(build_loss(whole, task=task, classes=logits.shape[1], **pixels, **config.parameters())(
            output, Target(target, presence[:, : logits.shape[1] - 1])
        )["loss"])  # fmt: skip

    for key, default in defaults_of(name).items():
        value = OTHER[key] if key in OTHER else default / 2 + 0.1 if isinstance(default, float) else default + 1
        others = {"pixel": "focal"} if "pixel" in defaults_of(name) and key in OF_FOCAL else {}
        assert value_with(**others, **{key: value}) != pytest.approx(value_with(**others), rel=1e-6), key


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("CE", "ce"), ("Focal", "focal"), ("DICE", "dice"), ("DiceLoss", "dice"), ("LogDiceLoss", "log_dice"),
        ("CE+LogDice", "ce+log_dice"), ("GDiceLoss", "gdice"), ("FocalLoss", "focal"),
        ("focal-tversky", "focal_tversky"),
        ("ce + l1", "ce+l1"), ("FocalTverskyLoss", "focal_tversky"), ("asymmetric_unified_focal", "unified_focal"),
        ("nonsense", "nonsense"),
    ],
)  # fmt: skip
def test_spellings(name, wanted):
    assert canonical(name) == wanted
    assert canonical(wanted) == wanted


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
@pytest.mark.parametrize("name", REGISTRY)
def test_the_names_of_the_registry_in_any_case(name, task):
    for spelling in (name, name.lower(), name.upper()):
        loss = build_loss(spelling, task=task, classes=1 if task == "binary" else 3, alpha=1.0, temperature=1.0)
        assert loss.name == canonical(name)
        assert not loss.published


def test_every_term_and_its_parameters_are_in_the_document():
    text = (
        (CHECKOUT / "docs" / "reference" / "losses.md")
        .read_text(encoding="utf-8")
        .partition("## Terms")[2]
        .partition("\n## ")[0]
    )
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert set(rows) == set(TERMS)
    for term in TERMS:
        documented = (
            rows[term] + rows["tversky"] * ("as `tversky`" in rows[term]) + rows["l1"] * ("as `l1`" in rows[term])
        )
        assert [key for key in defaults_of(term) if f"`{key}`" not in documented] == []


def test_any_sum_of_terms_is_a_loss():
    loss = build_loss("focal+tversky+boundary+kl", task=Task.MULTICLASS, classes=3, alpha=(0.5, 0.1, 2.0))
    terms = loss(*BATCH)
    weighted = [1 * terms["focal"], 0.5 * terms["tversky"], 0.1 * terms["boundary"], 2 * terms["kl"]]
    assert float(terms["loss"]) == pytest.approx(float(sum(weighted)), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("dise", {}, r"unknown loss 'dise': did you mean 'dice'\? valid: .*ce\+l1, .*unified_focal"),
        ("ce+dise", {}, r"unknown loss 'dise': did you mean 'dice'\? valid: background_weighted_bce, .*l1"),
        ("", {}, "unknown loss ''"),
        ("ce+", {}, "unknown loss ''"),
        (None, {}, "the name of a loss must be text, but got None"),
        ("l1", {}, "loss 'l1' must begin with a term that compares single pixels .* write ce[+]l1"),
        ("ce+ce", {}, "must name each term once"),
        ("ce", {"smooth": 1.0}, "loss 'ce' has no parameter 'smooth'; it takes label_smoothing, class_weights,"),
        ("ce", {"gama": 1.0}, "unknown key 'gama': did you mean 'gamma'"),
        ("ce", {"alpha": -0.5}, "alpha: Input should be greater than or equal to 0"),
        ("ce", {"temperature": 0.0}, "temperature: Input should be greater than 0"),
        ("ce", {"classes": "3"}, "classes must be an integer, but got '3'"),
        ("ce", {"classes": True}, "classes must be an integer, but got True"),
        ("ce", {"ignore_index": None}, "ignore_index must be an integer, but got None"),
        ("ce", {"task": "binary", "classes": 1, "published": True, "class_weights": [1, 9]}, "has no class_weights"),
        ("ce", {"task": "multilabel", "published": True, "label_smoothing": 0.1}, "has no label_smoothing: leave"),
        ("ce+l1", {"alpha": -1}, "alpha: Input should be greater than or equal to 0.*, but got -1"),
        ("ce+l1", {"alpha": float("nan")}, "alpha: .* finite"),
        ("ce+l1", {"alpha": [1, 2]}, "alpha must be one value or one for each of the 1 further terms of 'ce[+]l1'"),
        ("ce+l1", {"temperature": 0}, "temperature: Input should be greater than 0, but got 0"),
        ("ce+l1", {"temperature": "10"}, "temperature: a number must be a number"),
        ("ce+l1", {"factor": 2.0}, "factor belongs to schedule=step, but that is constant"),
        ("ce+l1", {"schedule": "steps"}, "schedule"),
        ("focal", {"gamma": -1}, "gamma: Input should be greater than or equal to 0, but got -1"),
        ("focal+focal_tversky", {}, "gamma must be given .* 2.0 for focal, 0.75 for focal_tversky"),
        ("unified_focal", {"gamma": 2.0}, "gamma: must be at most 1 for unified_focal, but got 2.0"),
        ("box_aware_bce", {"edge_kernel": 4, "task": "binary", "classes": 1}, "edge_kernel: must be odd, but got 4"),
        ("ce", {"class_weights": [1, 2]}, "class_weights must be 3 numbers, one for each class, but got 2"),
        ("ce", {"class_weights": [0, 0, 0]}, "class_weights must not all be 0"),
        ("ce", {"class_weights": [1, -1, 1]}, "class_weights"),
        ("ce", {"class_weights": [1, 1, 1], "task": "binary", "classes": 1}, "be 2 numbers, one for background and"),
        ("ce", {"classes": 1}, "must be 2 or more for a multiclass task, but got 1: .* task binary"),
        ("ce", {"task": "binary"}, "must be 1 for a binary task, but got 3"),
        ("ce", {"task": "panoptic"}, "task must be one of binary, multiclass, multilabel, but got 'panoptic'"),
        ("ce", {"ignore_index": 2}, "ignore_index must not be an id of a class .0 to 2., but got 2"),
        ("dice", {"background": 3}, "background must be an id from 0 to 2 or None, but got 3"),
        ("dice", {"foreground_only": True, "background": None}, "foreground_only .* no background is given"),
        ("dice", {"foreground_only": True, "task": "binary", "classes": 1}, "only .* a binary task has none"),
        ("softmax_focal", {"task": "multilabel"}, "'softmax_focal' is defined for multiclass masks, but the task is"),
        ("box_aware_bce", {}, "'box_aware_bce' is defined for binary and multilabel masks"),
        ("logit_adjustment", {}, "needs class_pixels, the 3 pixel counts of the training part, but got"),
        ("logit_adjustment", {"class_pixels": [1, 2]}, r"needs class_pixels, the 3 .* but got \[1.0, 2.0\]"),
        ("inverse_frequency_ce", {"task": "multilabel", "class_pixels": [1, 2, 9, 5]}, "a class has more"),
    ],
)  # fmt: skip
def test_refuses(name, given, message):
    with pytest.raises(LossError, match=message):
        build_loss(name, **({"task": "multiclass", "classes": 3} | given))


def test_a_parameter_without_effect_is_warned_about():
    plain = build_loss("ce", task="multiclass", classes=3)
    with pytest.warns(UserWarning, match="loss 'ce' has no use for temperature=10"):
        loss = build_loss("ce", task="multiclass", classes=3, alpha=1.0, temperature=10.0)
    assert float(loss(*BATCH)["loss"]) == float(plain(*BATCH)["loss"])


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
@pytest.mark.parametrize("ignore_index", [300, -100])
def test_an_ignore_index_outside_the_dtype_ignores_nothing(task, ignore_index):
    """300 and -100 are 44 and 156 in eight bits."""
    classes = {"binary": 1, "multilabel": 3, "multiclass": 3}[task]
    target = torch.full((1, classes, 2, 2), ignore_index % 256, dtype=torch.uint8)
    loss = build_loss("ce", task=task, classes=classes, ignore_index=ignore_index)
    with pytest.raises(LossError, match="ids of a .* target must be from 0 to"):
        loss(torch.zeros(1, classes, 2, 2), target if task != "multiclass" else target[:, 0])


@pytest.mark.parametrize("name", ["ce", "dice"])
def test_values_that_change_nothing_may_be_given_to_any_loss(name):
    loss = build_loss(name, task="multiclass", classes=3, alpha=1.0, temperature=1.0, gamma=2.0, class_weights=None)
    assert float(loss(*BATCH)["loss"]) == float(build_loss(name, task="multiclass", classes=3)(*BATCH)["loss"])


def test_a_configuration_has_one_spelling_and_says_what_is_wrong():
    assert LossConfig(name="CE+LogDice").name == "ce+log_dice"
    assert LossConfig(name="CE+L1", alpha=0.5).parameters()["alpha"] == 0.5
    for name, message in [("ce+dise", "unknown loss.name 'dise'"), ("l1", "loss.name 'l1' must begin with a term")]:
        with pytest.raises(ValidationError, match=message):
            LossConfig(name=name)


def test_parameters_of_sums():
    assert parameters_of("CE+L1") == {
        "alpha": 1.0, "schedule": "constant", "every": 1, "factor": 5.0, "limit": 100.0, "start": 0.0, "over": 10,
        "label_smoothing": 0.0, "class_weights": None, "temperature": 1.0, "marginal": "image",
        "foreground_only": False, "published": False,
    }  # fmt: skip
    assert terms_of("Focal+Tversky+boundary") == ("focal", "tversky", "boundary")
    assert "published" not in parameters_of("ce+tversky")
    assert needs_class_pixels("logit_adjustment+dice")
    assert not needs_class_pixels("ce+dice")


@pytest.mark.parametrize(
    ("task", "logits", "target", "message"),
    [
        ("multiclass", (2, 2, 4, 4), (2, 4, 4), r"logits must be N 3 H W or N 3 D H W, but got \(2, 2, 4, 4\)"),
        ("multiclass", (2, 3, 4), (2, 4), "logits must be N 3 H W"),
        ("multiclass", (0, 3, 4, 4), (0, 4, 4), "at least one image"),
        ("multiclass", (2, 3, 4, 4), (2, 5, 4), r"multiclass task must be integer ids of shape \(2, 4, 4\), but got"),
        ("multiclass", (2, 3, 4, 4), (2, 1, 4, 4), r"of shape \(2, 4, 4\), but got torch.int64 \(2, 1, 4, 4\)"),
        ("multilabel", (2, 3, 4, 4), (2, 4, 4), r"of shape \(2, 3, 4, 4\), but got torch.int64 \(2, 4, 4\)"),
        ("binary", (2, 1, 4, 4), (2, 2, 4, 4), r"of shape \(2, 4, 4\) or \(2, 1, 4, 4\)"),
    ],
)
def test_refuses_shapes(task, logits, target, message):
    loss = build_loss("ce", task=task, classes=1 if task == "binary" else 3)
    with pytest.raises(LossError, match=message):
        loss(torch.zeros(logits), torch.zeros(target, dtype=torch.long))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_refuses_targets_that_are_not_integers(dtype):
    with pytest.raises(LossError, match=f"must be integer ids of shape .2, 4, 4., but got {dtype}"):
        build_loss("ce", task="multiclass", classes=3)(BATCH[0], BATCH[1].to(dtype))


def test_refuses_logits_that_are_not_floats():
    with pytest.raises(LossError, match="logits must be floats, but got torch.int64"):
        build_loss("ce", task="multiclass", classes=3)(BATCH[0].long(), BATCH[1])


def test_values_are_not_checked_where_checks_are_off():
    """The engine looks at the loss one step later, so it does not wait for the GPU."""
    loss = build_loss("ce", task="multiclass", classes=3, check_values=False)
    assert torch.isnan(loss(BATCH[0] * float("nan"), BATCH[1])["loss"])


def test_a_binary_target_may_have_its_channel():
    loss = build_loss("ce+dice", task="binary", classes=1)
    logits, target = BATCH[0][:, :1], (BATCH[0][:, 0] > 0).long()
    assert float(loss(logits, target)["loss"]) == float(loss(logits, target.unsqueeze(1))["loss"])


def test_a_parameter_with_two_defaults_must_be_given_and_then_reaches_both():
    assert parameters_of("focal+focal_tversky")["gamma"] is None
    terms = build_loss("focal+focal_tversky", task="multiclass", classes=3, gamma=1.5)(*BATCH)
    for term in ("focal", "focal_tversky"):
        assert float(terms[term]) == float(build_loss(term, task="multiclass", classes=3, gamma=1.5)(*BATCH)["loss"])
