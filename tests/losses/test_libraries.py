"""Losses of libraries by name: signatures as the libraries have them, values as the libraries give them, errors."""

import inspect
import subprocess
import sys
import warnings

import pytest
import segmentation_models_pytorch.losses as smp
import torch

from rarepix.config import load_recipe, parse_settings, updated
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.libraries import LIBRARY_LOSSES, NO_MASK_LOSSES, REQUIRED, signature
from rarepix.losses.settings import LossConfig
from rarepix.search.nni.enqueued import default_parameters
from rarepix.search.nni.space import check_space
from rarepix.settings import ConfigError
from tests.house.source import CHECKOUT

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import pytorch_toolbelt.losses as toolbelt

IGNORE = 255
LIBRARIES = {"smp": smp, "toolbelt": toolbelt}
CLASSES = {"multiclass": 4, "binary": 1, "multilabel": 3}


def class_of(name: str) -> type:
    library, _, kind = name.partition("/")
    return getattr(LIBRARIES[library], kind)


def batch(task: str, ignored: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    classes = CLASSES[task]
    logits = torch.randn(2, classes, 6, 5, generator=random) * 2
    shape = logits.shape if task == "multilabel" else (2, 6, 5)
    target = torch.randint(0, 4 if task == "multiclass" else 2, shape, generator=random)
    target[torch.rand(shape, generator=random) < ignored] = IGNORE
    return logits, target


def value(name: str, task: str, given: tuple[torch.Tensor, torch.Tensor], **arguments) -> float:
    loss = build_loss(name, task=task, classes=CLASSES[task], arguments=arguments)
    return float(loss(*given)["loss"])


def test_every_loss_that_the_libraries_export_is_listed():
    exported = {
        f"{library}/{name}"
        for library, module in LIBRARIES.items()
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, torch.nn.Module)
    }
    assert exported == {*LIBRARY_LOSSES, *NO_MASK_LOSSES}


@pytest.mark.parametrize("name", LIBRARY_LOSSES)
def test_the_signature_that_is_read_is_the_one_of_the_class(name):
    parameters = list(inspect.signature(class_of(name)).parameters.values())
    assert dict(signature(name)) == {
        parameter.name: REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default
        for parameter in parameters
    }


# each by hand: what the library's class is given, and how the project is asked for the same
BY_HAND = [
    ("smp/TverskyLoss", "multiclass", {"alpha": 0.3, "beta": 0.7, "smooth": 1.0, "class_weights": [1, 2, 3, 4]},
     lambda z, y: smp.TverskyLoss("multiclass", alpha=0.3, beta=0.7, smooth=1.0, ignore_index=IGNORE,
                                  class_weights=[1, 2, 3, 4])(z, y)),
    ("smp/DiceLoss", "multiclass", {"classes": [1, 3], "log_loss": True},
     lambda z, y: smp.DiceLoss("multiclass", classes=[1, 3], log_loss=True, ignore_index=IGNORE)(z, y)),
    ("toolbelt/DiceLoss", "multilabel", {"classes": [0, 2]},
     lambda z, y: toolbelt.DiceLoss("multilabel", classes=torch.tensor([0, 2]), ignore_index=IGNORE)(z, y)),
    ("smp/JaccardLoss", "multilabel", {}, lambda z, y: smp.JaccardLoss("multilabel", ignore_index=IGNORE)(z, y)),
    ("smp/FocalLoss", "binary", {"alpha": 0.25, "normalized": True},
     lambda z, y: smp.FocalLoss("binary", alpha=0.25, normalized=True, ignore_index=IGNORE)(z, y)),
    ("smp/LovaszLoss", "multiclass", {"per_image": True},
     lambda z, y: smp.LovaszLoss("multiclass", per_image=True, ignore_index=IGNORE)(z, y)),
    ("smp/SoftBCEWithLogitsLoss", "multilabel", {"pos_weight": [1.0, 2.0, 5.0], "smooth_factor": 0.1},
     lambda z, y: smp.SoftBCEWithLogitsLoss(ignore_index=IGNORE, smooth_factor=0.1,
                                            pos_weight=torch.tensor([1.0, 2.0, 5.0]).view(3, 1, 1))(z, y.float())),
    ("smp/SoftCrossEntropyLoss", "multiclass", {"smooth_factor": 0.1},
     lambda z, y: smp.SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=IGNORE)(z, y)),
    ("toolbelt/BinaryFocalLoss", "multiclass", {"alpha": 0.3, "class_weights": [1.0, 2.0, 3.0, 4.0]},
     lambda z, y: toolbelt.BinaryFocalLoss(alpha=0.3, ignore_index=IGNORE, class_weights=[1.0, 2.0, 3.0, 4.0])(z, y)),
    ("toolbelt/BinaryFocalLoss", "binary", {"reduction": "sum"},
     lambda z, y: toolbelt.BinaryFocalLoss(ignore_index=IGNORE, reduction="sum")(z, y.unsqueeze(1).float())),
    ("toolbelt/LovaszLoss", "multiclass", {}, lambda z, y: toolbelt.LovaszLoss(ignore=IGNORE)(z.softmax(1), y)),
    ("toolbelt/SoftBCEWithLogitsLoss", "binary", {},
     lambda z, y: toolbelt.SoftBCEWithLogitsLoss(ignore_index=IGNORE)(z, y.unsqueeze(1).float())),
    ("toolbelt/BalancedBCEWithLogitsLoss", "binary", {"gamma": 0.5},
     lambda z, y: toolbelt.BalancedBCEWithLogitsLoss(0.5, ignore_index=IGNORE)(z, y.unsqueeze(1).float())),
    ("toolbelt/CrossEntropyFocalLoss", "multiclass", {"class_weights": [1.0, 2.0, 3.0, 4.0]},
     lambda z, y: toolbelt.CrossEntropyFocalLoss(ignore_index=IGNORE, class_weights=torch.arange(1.0, 5.0))(z, y)),
    ("toolbelt/QualityFocalLoss", "multilabel", {"beta": 3},
     lambda z, y: toolbelt.QualityFocalLoss(beta=3)(z[y != IGNORE], y[y != IGNORE])),
    ("smp/MCCLoss", "binary", {},
     lambda z, y: smp.MCCLoss()(z[:, 0][y != IGNORE].sigmoid()[None], y[y != IGNORE].float()[None])),
    ("toolbelt/BiTemperedLogisticLoss", "multiclass", {"t1": 0.8, "t2": 1.2},
     lambda z, y: toolbelt.BiTemperedLogisticLoss(0.8, 1.2)(z.movedim(1, -1)[y != IGNORE], y[y != IGNORE])),
    ("toolbelt/FocalCosineLoss", "multiclass", {"xent": 0.5},
     lambda z, y: toolbelt.FocalCosineLoss(xent=0.5)(z.movedim(1, -1)[y != IGNORE], y[y != IGNORE])),
    ("toolbelt/SoftF1Loss", "multiclass", {},
     lambda z, y: toolbelt.SoftF1Loss()(z.movedim(1, -1)[y != IGNORE], y[y != IGNORE])),
]  # fmt: skip


@pytest.mark.parametrize("ignored", [0.0, 0.3])
@pytest.mark.parametrize(("name", "task", "arguments", "by_hand"), BY_HAND)
def test_the_value_is_the_one_of_the_library(name, task, arguments, by_hand, ignored):
    logits, target = batch(task, ignored)
    assert value(name, task, (logits, target), **arguments) == float(by_hand(logits, target))


@pytest.mark.parametrize(
    ("name", "task", "arguments"),
    [
        ("smp/FocalLoss", "multilabel", {}),
        ("toolbelt/JaccardLoss", "binary", {}),
        ("toolbelt/JaccardLoss", "multiclass", {}),
        ("smp/DiceLoss", "multiclass", {"ignore_index": 0}),  # 0 is ignored instead
        ("toolbelt/BinaryFocalLoss", "binary", {"gamma": 2.5}),  # or the gradient is not a number
    ],
)
def test_ignored_pixels_are_refused_where_the_library_cannot_ignore_them(name, task, arguments):
    assert value(name, task, batch(task), **arguments) > 0
    with pytest.raises(
        LossError, match=rf"loss '{name}' has .*, but the target has ignored pixels \(255\): use a loss"
    ):
        value(name, task, batch(task, ignored=0.3), **arguments)


def test_a_fractional_gamma_is_refused_for_a_reason():
    logits, target = batch("binary", ignored=0.3)
    logits.requires_grad_()
    toolbelt.BinaryFocalLoss(gamma=2.5, ignore_index=IGNORE)(logits, target.unsqueeze(1).float()).backward()
    assert torch.isnan(logits.grad).any()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("smp/TverskyLos", {}, r"unknown loss 'smp/TverskyLos': did you mean 'smp/TverskyLoss'\? valid: smp/"),
        ("toolbelt/WingLoss", {}, "unknown loss 'toolbelt/WingLoss'"),
        ("kornia/DiceLoss", {}, "unknown loss 'kornia/DiceLoss'"),
        ("ce+smp/DiceLoss", {}, "loss 'ce.smp/DiceLoss' must not be a sum: a loss of a library stands alone"),
        ("smp/TverskyLoss", {"arguments": {"alfa": 1}}, r"no argument 'alfa': did you mean 'alpha'\? valid: classes, "),
        ("smp/TverskyLoss", {"arguments": {"alpha": "x"}}, "arguments.alpha of loss .* must be a number, but got 'x'"),
        ("smp/TverskyLoss", {"arguments": {"alpha": True}}, "alpha of loss .* must be a number, but got True"),
        ("smp/TverskyLoss", {"arguments": {"alpha": float("nan")}}, "alpha of loss .* must be a number, but got nan"),
        ("smp/TverskyLoss", {"arguments": {"log_loss": 1}}, "log_loss of loss .* must be true or false, but got 1"),
        ("smp/TverskyLoss", {"arguments": {"class_weights": ["a"]}}, "class_weights of loss .* or a list of numbers"),
        ("smp/TverskyLoss", {"arguments": {"mode": "binary"}}, "arguments.mode must be left out .* it is the task"),
        ("smp/TverskyLoss", {"arguments": {"from_logits": False}}, "from_logits of loss .* must be true: networks"),
        ("smp/TverskyLoss", {"arguments": 3}, "arguments: Input should be a valid dictionary, but got 3"),
        ("smp/TverskyLoss", {"alpha": 0.3}, "has no parameter 'alpha'; it takes arguments, arguments"),
        ("smp/TverskyLoss", {"alpha": 1.0}, "'smp/TverskyLoss' has no parameter 'alpha'"),
        ("smp/MCCLoss", {}, "'smp/MCCLoss' is defined for binary masks, but the task is 'multiclass'"),
        ("smp/SoftCrossEntropyLoss", {}, "needs arguments.smooth_factor, which has no default that works"),
        ("toolbelt/BiTemperedLogisticLoss", {"arguments": {"t1": 0.5}}, "needs arguments.t2"),
        ("smp/DiceLoss", {"task": "binary", "classes": 1, "arguments": {"classes": [0]}},
         "'smp/DiceLoss' of segmentation_models_pytorch refuses the arguments .*: Masking classes is not supported"),
        ("ce", {"arguments": {"alpha": 1}}, "loss 'ce' has no parameter 'arguments'"),
        ("ce+dice", {"arguments": {}}, "loss 'ce.dice' has no parameter 'arguments'"),
    ],
)  # fmt: skip
def test_refuses(name, given, message):
    with pytest.raises(LossError, match=message):
        build_loss(name, **({"task": "multiclass", "classes": 4} | given))


def test_refuses_what_only_the_computation_shows():
    logits, target = batch("multiclass")
    for name, arguments, message in [
        (
            "toolbelt/CrossEntropyFocalLoss",
            {"reduction": "none"},
            r"must give one number, but gave the shape \(2, 6, 5\)",
        ),
        ("smp/DiceLoss", {"classes": [7]}, "failed with the arguments .*'classes': .7.*: index 7 is out of bounds"),
    ]:
        loss = build_loss(name, task="multiclass", classes=4, arguments=arguments)
        with pytest.raises(LossError, match=f"loss '{name}' {message}"):
            loss(logits, target)
    with pytest.raises(LossError, match=r"is for images N 4 H W, but got \(2, 4, 1, 6, 5\)"):
        value("smp/DiceLoss", "multiclass", (logits.unsqueeze(2), target.unsqueeze(1)))


def test_any_case_and_the_printed_form():
    loss = build_loss("SMP/tverskyloss", task="binary", classes=1, arguments={"alpha": 0.3})
    assert loss.name == LossConfig(name="SMP/tverskyloss").name == "smp/TverskyLoss"
    loss.set_epoch(3)
    assert repr(loss) == (
        "LibraryLoss(smp/TverskyLoss, binary, classes=1, "
        "{'mode': 'binary', 'from_logits': True, 'ignore_index': 255, 'alpha': 0.3})"
    )
    assert "BinaryFocalLoss" in repr(
        torch.nn.Sequential(build_loss("toolbelt/BinaryFocalLoss", task="binary", classes=1))
    )


def test_arguments_in_settings_and_search_spaces():
    base = load_recipe("label_marginal/retinal_512_bce")
    dotted = {"loss.arguments.alpha": 0.1, "loss.name": "smp/TverskyLoss", "loss.arguments.beta": 0.9}
    nested = {"loss": {"_name": "smp/TverskyLoss", "arguments": {"alpha": 0.1, "beta": 0.9}}}
    sampled = {"loss": {"_name": "smp/TverskyLoss", "arguments.alpha": 0.1, "arguments.beta": 0.9}}
    for parameters in (dotted, nested, sampled):
        config = updated(base, parameters)
        assert config.loss.given() == {"arguments": {"alpha": 0.1, "beta": 0.9}}
        assert updated(config, {"loss.arguments.alpha": 0.2}).loss.arguments == {"alpha": 0.2, "beta": 0.9}
        assert updated(config, {"loss.name": "smp/DiceLoss"}).loss.arguments == {}  # another loss, other arguments
        assert updated(config, {"loss.name": "ce"}) == base
        assert updated(config, {"loss.arguments.alpha": None}).loss.arguments == {"beta": 0.9}  # the library's default
    filled = updated(base, sampled).loss.parameters()
    assert (filled["arguments.alpha"], filled["arguments.smooth"]) == (0.1, 0.0)
    with pytest.raises(ConfigError, match="loss 'ce' has no parameter 'arguments'"):
        updated(base, {"loss.arguments.alpha": 0.1})


def test_search_spaces_of_arguments():
    """Nested and flat: every corner is checked, and the default trial has the library's default where none is given."""
    base = updated(load_recipe("label_marginal/retinal_512_bce"), {"loss.name": "smp/TverskyLoss"})
    beta = {"_type": "uniform", "_value": [0.5, 0.9]}
    nested = {"loss": {"_type": "choice", "_value": [{"_name": "smp/TverskyLoss", "arguments.beta": beta}]}}
    for space, default in [
        (nested, {"loss": {"_name": "smp/TverskyLoss", "arguments.beta": 0.5}}),
        ({"loss.arguments.beta": beta}, {"loss.arguments.beta": None}),
    ]:
        check_space(space, base)
        assert default_parameters(space, base) == default
        assert build_loss("smp/TverskyLoss", task="binary", classes=1, **updated(base, default).loss.given())
    wrong = {"loss": {"_type": "choice", "_value": [{"_name": "smp/TverskyLoss", "arguments.betta": beta}]}}
    with pytest.raises(ConfigError, match="'smp/TverskyLoss' has no argument 'betta': did you mean 'beta'"):
        check_space(wrong, base)


def test_a_configuration_without_arguments_is_written_as_before():
    assert "arguments" not in LossConfig().model_dump()
    assert LossConfig(name="smp/DiceLoss", arguments={"smooth": 1.0}).model_dump()["arguments"] == {"smooth": 1.0}


def test_the_published_configuration_in_the_document_is_one():
    text = (CHECKOUT / "docs" / "reference" / "losses.md").read_text(encoding="utf-8")
    command = text.partition("## Losses of other libraries")[2].partition("```sh\n")[2].partition("```")[0]
    words = command.replace("\\\n", " ").split()
    recipe = words[words.index("--recipe") + 1]
    settings = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    config = updated(load_recipe(recipe), parse_settings(settings))
    assert config.loss.name == "smp/TverskyLoss"
    assert config.loss.arguments == {"alpha": 0.1, "beta": 0.9, "smooth": 1.0}
    logits, target = batch("binary")
    ours = build_loss("tversky", task="binary", classes=1, fp_weight=0.1, fn_weight=0.9, smooth=1.0)(logits, target)
    assert value(config.loss.name, "binary", (logits, target), **config.loss.arguments) == pytest.approx(
        float(ours["loss"]), rel=1e-5
    )


LIGHT = """
import sys
from rarepix.config import load_recipe, updated
updated(load_recipe("demo"), {"loss": {"_name": "toolbelt/BinaryFocalLoss", "arguments.gamma": 3.0}})
print(*[name for name in ("torch", "segmentation_models_pytorch", "pytorch_toolbelt") if name in sys.modules])
"""


def test_a_configuration_is_checked_without_importing_the_libraries(environment):
    ended = subprocess.run([sys.executable, "-c", LIGHT], env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.split()) == (0, []), ended.stderr
