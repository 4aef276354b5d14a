"""Every option of the public full-background code has a key here that works, or is refused; none is ignored."""

import pytest

from rarepix.config import TrialConfig, updated
from rarepix.settings import ConfigError

BASE = TrialConfig(data={"root": "somewhere"})
WORK = {
    "seed": {"seed": 2019},
    "lr, n_epoch, batch_size": {"optim.lr": 5e-4, "engine.epochs": 37, "engine.batch_size": 16},
    "tgt_size": {"data.resize": [384, 384]},
    "optim.type, optim.weight_decay": {"optim.name": "radam", "optim.weight_decay": 1e-4},
    "scheduler cosine, lr_min": {"optim.schedule": "cosine", "optim.min_lr": 1e-6},
    "scheduler plateau": {"optim.schedule": "plateau", "optim.factor": 0.25, "optim.patience": 4},
    "scheduler milestones": {"optim.schedule": "step", "optim.every": 10, "optim.factor": 0.1},
    "scheduler exponential": {"optim.schedule": "step", "optim.every": 1, "optim.factor": 0.99},
    "balanced_sampler, sampling_mode under": {"sampling.kind": "under"},
    "pos_ratio_range": {"sampling.kind": "mixed", "sampling.positive_ratio": [0.8, 0.22]},
    "remove_bg_only": {"sampling.kind": "foreground_only"},
    "freeze_encoder": {"optim.encoder_ratio": 0},
    "epoch_per_val": {"engine.validate_every": 2},
    "tta": {"evaluate.flips": ["horizontal"]},
    "loss.alpha, loss.beta": {
        "loss": {"_name": "proposed", "dice_weight": 0.1, "presence_weight": 0.01},
        "model.presence": "encoder",
    },
}
"""Published option → what stands for it."""
REFUSED = [
    ({"optim.name": "radam", "optim.momentum": 0.9}, "optim.momentum belongs to optim.name sgd, but that is 'radam'"),
    ({"optim.schedule": "onecycle"}, "unknown optim.schedule 'onecycle'"),
    ({"optim.schedule": "cosine", "optim.tmul": 2}, "unknown key 'optim.tmul'"),
    ({"augment.mixup": 0.2}, "unknown key 'augment.mixup'"),
    ({"engine.grad_acc": 2}, "unknown key 'engine.grad_acc'"),
    ({"engine.ema": True}, "unknown key 'engine.ema'"),
    ({"model.freeze_bn": True}, "unknown key 'model.freeze_bn'"),
    ({"engine.start_val_on_epoch": 3}, "unknown key 'engine.start_val_on_epoch'"),
    ({"sampling.shuffle": False}, "unknown key 'sampling.shuffle'"),
    ({"sampling.kind": "uniform", "sampling.positive_ratio": [0.5, 0.5]}, "has no parameter 'positive_ratio'"),
    ({"loss": {"_name": "proposed"}}, "use another loss, .* such as model.presence=encoder, or loss.presence_weight=0"),
]


@pytest.mark.parametrize("parameters", WORK.values(), ids=WORK.keys())
def test_what_works(parameters):
    assert updated(BASE, parameters) != BASE


@pytest.mark.parametrize(("parameters", "message"), REFUSED)
def test_what_is_refused(parameters, message):
    with pytest.raises(ConfigError, match=message):
        updated(BASE, parameters)


@pytest.mark.parametrize("presence", ["none", "encoder"])
def test_a_presence_weight_of_zero_goes_with_and_without_a_head(presence):
    """The released networks have the head and do not train it."""
    for loss in ({"_name": "proposed", "presence_weight": 0}, {"_name": "proposed_published"}):
        assert updated(BASE, {"loss": loss, "model.presence": presence}).loss.needs == ("mask",)
