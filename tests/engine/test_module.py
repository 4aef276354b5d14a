"""The module: input of the network, sums, and that a loss which is not finite ends the training."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torchvision.transforms.v2.functional import normalize, to_dtype

from rarepix.engine.module import NonFiniteLoss
from rarepix.engine.settings import OptimConfig
from rarepix.models.outputs import Prediction, SegOutput, Target, target_of
from tests.engine.conftest import (
    CLASSES,
    IGNORE,
    LABELS,
    CrossEntropy,
    Dot,
    batches,
    loader,
    module_of,
    steady,
    trainer_of,
)


class Same(torch.nn.Identity):
    """Returns the input of a network."""


def test_images_are_normalised_as_imagenet_weights_expect():
    image = batches(1)[0]["image"]
    expected = normalize(to_dtype(image, torch.float32, scale=True), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert torch.allclose(module_of(model=Same())(image).mask, expected, atol=1e-5)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_format(channels_last):
    module = module_of(model=Same(), channels_last=channels_last)
    given = module(batches(1)[0]["image"]).mask
    assert given.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert torch.allclose(given, module_of(model=Same(), channels_last=not channels_last)(batches(1)[0]["image"]).mask)


def test_normalisation_is_not_in_the_state_dict():
    assert set(module_of().state_dict()) == {f"model.{name}" for name in Dot().state_dict()}


def test_validation_sums_are_pooled_over_all_batches(fit):
    val = batches(3, seed=5)
    val[0]["mask"][:, :3] = IGNORE
    seen = []

    def scorer(sums: dict[str, np.ndarray]) -> dict[str, float]:
        seen.append(sums)
        return steady(sums)

    _, module = fit(module_of(scorer), val=val, epochs=1)
    with torch.no_grad():
        predicted = torch.cat([module(batch["image"]).mask.argmax(1) for batch in val])
    truth = torch.cat([batch["mask"] for batch in val])
    counted = truth != IGNORE
    table = confusion_matrix(truth[counted], predicted[counted], labels=range(CLASSES))
    (sums,) = seen
    pixels = sums["pixels"]
    assert sums["confusion"].tolist() == table.tolist()
    assert pixels[:, 0].tolist() == table.diagonal().tolist()
    assert pixels[:, [0, 1]].sum(1).tolist() == table.sum(0).tolist()  # predicted
    assert pixels[:, [0, 2]].sum(1).tolist() == table.sum(1).tolist()  # true
    assert pixels.dtype == sums["confusion"].dtype == np.int64
    present = torch.stack([(truth == number).flatten(1).any(1) for number in range(CLASSES)], 1).sum(0)
    assert sums["presence"][:, [0, 2]].sum(1).tolist() == present.tolist()
    assert sums["presence"].sum(1).tolist() == [len(truth)] * CLASSES


def test_evaluation_uses_the_given_predictor(fit):
    """One that predicts class 2 everywhere is right where class 2 is, and its logits reach the loss."""
    val = batches(2, seed=5)
    sure = torch.tensor([0.0, 0.0, 9.0]).view(1, 3, 1, 1)

    def predict(network, batch: dict) -> Prediction:
        output = SegOutput(network(batch["image"]).mask * 0 + sure)
        return Prediction(output, output.mask.argmax(1), None)

    _, module = fit(module_of(predict=predict), val=val, epochs=1)
    truth = torch.cat([batch["mask"] for batch in val])
    assert module.scores["objective"] == pytest.approx(float((truth == 2).float().mean()))
    wrong = float((truth != 2).float().mean())
    assert module.scores["val_loss"] == pytest.approx(9 * wrong, abs=0.01)


def test_the_loss_is_told_each_epoch(fit):
    epochs = []

    class Recording(CrossEntropy):
        def set_epoch(self, epoch: int) -> None:
            epochs.append(epoch)

    fit(module_of(loss=Recording()), epochs=3)
    assert epochs == [0, 1, 2]


def test_a_checkpoint_has_the_metadata(fit, tmp_path):
    fit(module_of(metadata={"labels": {"names": ["a", "b"]}}), epochs=1)
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["rarepix"] == {"labels": {"names": ["a", "b"]}}


def test_scores_hold_the_means_of_the_losses(fit):
    class Numbered(CrossEntropy):
        """Terms that count the calls: 0, 1, 2 … in training, then in validation."""

        calls = 0

        def forward(self, logits, target):
            terms = super().forward(logits, target)
            terms["first"] = torch.tensor(float(self.calls))
            terms["loss"] = terms["loss"] * 0 + self.calls
            self.calls += 1
            return terms

    _, module = fit(module_of(loss=Numbered()), epochs=1)
    assert module.scores["train_first"] == module.scores["train_loss"] == (0 + 1 + 2 + 3) / 4
    assert module.scores["val_loss"] == (4 + 5) / 2
    assert {"objective", "train_second"} <= set(module.scores)


def test_training_means_are_those_of_one_epoch(fit):
    _, one = fit(module_of(optim=OptimConfig(lr=1e-12)), epochs=1)
    _, three = fit(module_of(optim=OptimConfig(lr=1e-12)), epochs=3)
    assert three.scores["train_loss"] == pytest.approx(one.scores["train_loss"], rel=1e-4)


class Breaks(CrossEntropy):
    """A loss with a term that is not finite at one step."""

    def __init__(self, step: int, term: str, value: float) -> None:
        super().__init__()
        self.step, self.term, self.value, self.calls = step, term, value, 0

    def forward(self, logits, target):
        terms = super().forward(logits, target)
        if self.calls == self.step:
            terms[self.term] = terms[self.term] * self.value
        self.calls += 1
        return terms


@pytest.mark.parametrize("step", [0, 2, 3])  # the first, one in between, and the last before a validation
@pytest.mark.parametrize(
    ("term", "value", "text"), [("second", float("nan"), "second = nan"), ("loss", float("inf"), "loss = inf")]
)
def test_a_loss_that_is_not_finite_is_named_with_its_step(fit, step, term, value, text):
    message = rf"the loss must be finite, but at step {step} {text}: use a smaller optim.lr, or engine.precision=fp32"
    with pytest.raises(NonFiniteLoss, match=message):
        fit(module_of(loss=Breaks(step, term, value)), epochs=2)


def test_the_last_loss_is_checked_without_a_validation_after_it(fit):
    with pytest.raises(NonFiniteLoss, match="at step 11"):
        fit(module_of(loss=Breaks(8 + 2 + 3, "loss", float("nan"))), epochs=3, validate_every=2)


def test_no_checkpoint_is_written_after_a_loss_that_is_not_finite(fit, tmp_path):
    with pytest.raises(NonFiniteLoss, match="at step 7"):
        fit(module_of(loss=Breaks(4 + 2 + 3, "loss", float("nan"))), epochs=3)  # after 4 steps and 2 validation batches
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["epoch"] == 0
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


def test_random_numbers_differ_between_epochs_and_repeat_between_runs(fit):
    class Noisy(Dot):
        """Records the random numbers that it draws."""

        drawn: list[float]

        def forward(self, x):
            if self.training:
                self.drawn.append(float(torch.rand(())))
            return super().forward(x)

    runs = []
    for state in (5, 6):
        net = Noisy()
        net.drawn = []
        module = module_of(model=net)
        torch.manual_seed(state)  # the state before the training must not matter
        fit(module, epochs=2)
        runs.append(net.drawn)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 8


def test_learning_rates_follow_the_schedule(fit):
    trainer, _ = fit(module_of(optim=OptimConfig(lr=0.1, encoder_ratio=0.5, schedule="poly", power=1.0)), epochs=2)
    groups = {group["name"]: group for group in trainer.optimizers[0].param_groups}
    assert {name: group["initial_lr"] for name, group in groups.items()} == {"encoder": 0.05, "decoder": 0.1}
    assert [group["lr"] for group in groups.values()] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert trainer.global_step == 8


def test_testing_collects_the_sums_of_each_image(fit):
    trainer, module = fit(module_of(), epochs=1)
    loaders = [batches(2, seed=8), batches(3, images=1, seed=9)]
    trainer.test(module, [loader(given) for given in loaders], verbose=False)
    assert list(module.collected) == [0, 1]
    for position, given in enumerate(loaders):
        for batch, (names, sums) in zip(given, module.collected[position], strict=True):
            assert names == batch["id"]
            assert sums["pixels"].shape == (len(names), CLASSES, 4)
            assert (sums["pixels"].sum(dim=2) == 64).all()
            assert sums["confusion"].shape == (1, CLASSES, CLASSES)  # those of each image would be large
            assert sums["confusion"].sum() == 64 * len(names)


class Presence(Dot):
    """A network that only says which classes are in an image: the mean of each channel."""

    def forward(self, x: torch.Tensor) -> SegOutput:
        return SegOutput(presence=super().forward(x).mean(dim=(2, 3)))


class PresenceLoss(CrossEntropy):
    """The binary cross-entropy of presence."""

    def forward(self, output: SegOutput, target: Target) -> dict[str, torch.Tensor]:
        value = torch.nn.functional.binary_cross_entropy_with_logits(output.presence, target.presence.float())
        return {"loss": value, "first": value.detach()}


def test_a_network_without_masks_trains_on_the_presence_of_classes(tmp_path):
    """Class 2 is in one image of two, and only that image is bright."""
    given = batches(4)
    for batch in given:
        batch["mask"] = torch.zeros_like(batch["mask"])
        batch["mask"][0, :4] = 2
        batch["image"] = torch.zeros_like(batch["image"])
        batch["image"][0] = 200

    def predict(network, batch: dict) -> Prediction:
        output = network(batch["image"])
        return Prediction(output, None, output.presence > 0)

    seen = []

    def scorer(sums: dict[str, np.ndarray]) -> dict[str, float]:
        seen.append(sums)
        return {"objective": float(sums["presence"][2, 0])}

    parts = {"predict": predict, "target_of": lambda mask: target_of(mask, LABELS), "loss": PresenceLoss()}
    module = module_of(scorer, model=Presence(), optim=OptimConfig(lr=0.1, weight_decay=0), **parts)
    trainer = trainer_of(tmp_path, epochs=8)
    trainer.fit(module, loader(given), loader(given))
    assert [set(sums) for sums in seen] == [{"presence", "foreground", "presence_histogram"}] * 8
    assert seen[-1]["presence"].tolist() == [[8, 0, 0, 0], [0, 0, 0, 8], [4, 0, 0, 4]]
    assert module.scores["val_loss"] < 0.3
