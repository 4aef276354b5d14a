"""How alpha goes over the epochs."""

import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.module import alpha_at

PUBLISHED = [0.1, 0.5, 0.5, 2.5, 2.5, 12.5, 12.5, 62.5, 62.5, 100, 100, 100]
"""After epochs 0 … 11, from 0.1, times 5 each 2 epochs."""


def test_steps_as_published():
    after = [alpha_at(epoch + 1, "step", 0.1, every=2, factor=5.0, limit=100.0, start=0, over=1) for epoch in range(12)]
    assert after == pytest.approx(PUBLISHED)


@pytest.mark.parametrize(
    ("schedule", "given", "wanted"),
    [
        ("constant", {}, [2, 2, 2, 2, 2, 2]),
        ("linear", {"start": 0.0, "over": 4}, [0, 0.5, 1, 1.5, 2, 2]),
        ("linear", {"start": 0.5, "over": 2}, [1, 1.5, 2, 2, 2, 2]),
        ("linear", {"start": 2.0, "over": 2}, [4, 3, 2, 2, 2, 2]),
        ("cosine", {"start": 0.0, "over": 4}, [0, 2 * 0.146447, 1, 2 * 0.853553, 2, 2]),
        ("step", {"every": 2, "factor": 0.5, "limit": 100.0}, [2, 2, 1, 1, 0.5, 0.5]),
        ("step", {"every": 1, "factor": 10.0, "limit": 100.0}, [2, 20, 100, 100, 100, 100]),
    ],
)
def test_by_hand(schedule, given, wanted):
    assert [alpha_at(epoch, schedule, 2, **given) for epoch in range(6)] == pytest.approx(wanted, abs=1e-6)


def test_steps_of_many_epochs_do_not_overflow():
    assert alpha_at(100_000, "step", 0.1, every=1, factor=5.0, limit=100.0) == 100.0
    assert alpha_at(100_000, "step", 0.0, every=1, factor=1.5, limit=100.0) == 0.0


def test_each_term_may_have_its_own():
    loss = build_loss(
        "ce+dice+l1", task="multiclass", classes=3, alpha=[0.5, 2], schedule=["constant", "linear"], over=2
    )
    alphas = []
    for epoch in range(3):
        loss.set_epoch(epoch)
        alphas.append(loss.alphas())
    assert alphas == [(0.5, 0.0), (0.5, 1.0), (0.5, 2.0)]


def test_the_epoch_alone_decides():
    """What was computed before has no effect, so a resumed run needs no state."""
    batch = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 3, 3, dtype=torch.long)
    given = {"task": "multiclass", "classes": 2, "schedule": "step", "every": 1, "factor": 2.0}
    gone, resumed = build_loss("ce+l1", **given), build_loss("ce+l1", **given)
    for epoch in range(3):
        gone.set_epoch(epoch)
        gone(*batch)
    resumed.set_epoch(2)
    terms = resumed(*batch)
    assert float(gone(*batch)["loss"]) == float(terms["loss"])
    assert float(terms["loss"]) == pytest.approx(float(terms["ce"] + 4 * terms["l1"]), rel=1e-6)


def test_an_epoch_before_the_first_is_refused():
    with pytest.raises(ValueError, match="epoch must be 0 or more, but got -1"):
        build_loss("ce", task="multiclass", classes=3).set_epoch(-1)
