"""The classes of the parameters of losses: of a term, of a sum, of a library's loss; and what adding a term takes."""

import pytest
import torch
from pydantic import Field, ValidationError

from rarepix.losses import build_loss
from rarepix.losses.parameters import LibraryParameters, SumParameters, parameters_class
from rarepix.losses.pixelwise import Focal
from rarepix.losses.registry import TERMS
from rarepix.losses.settings import LossConfig
from rarepix.losses.term import Term
from rarepix.settings import Settings


def test_a_term_alone_has_the_class_of_its_parameters():
    chosen = LossConfig(name="Focal", gamma=1.5).chosen()
    assert isinstance(chosen, Focal)
    assert (chosen.gamma, chosen.balance, chosen.published) == (1.5, None, False)
    assert parameters_class("lovasz") is TERMS["lovasz"].parameters


def test_a_sum_has_the_parameters_of_its_terms_and_the_weights_of_the_terms():
    kind = parameters_class("focal+tversky")
    assert issubclass(kind, SumParameters)
    assert set(kind.model_fields) == {
        *SumParameters.model_fields,
        *TERMS["focal"].parameters.model_fields,
        *TERMS["tversky"].parameters.model_fields,
    }
    chosen = LossConfig(name="focal+tversky", alpha=[0.5], fn_weight=0.9).chosen()
    assert (chosen.alpha, chosen.gamma, chosen.fn_weight, chosen.fp_weight) == ((0.5,), 2.0, 0.9, 0.3)


def test_a_parameter_of_two_terms_must_be_within_the_bounds_of_both():
    assert parameters_class("focal")(gamma=2.0).gamma == 2.0
    assert parameters_class("focal+unified_focal")(gamma=0.75).gamma == 0.75
    for name in ("focal+unified_focal", "unified_focal+focal", "unified_focal"):
        with pytest.raises(ValidationError, match="must be at most 1 for unified_focal"):
            parameters_class(name)(gamma=2.0)
        with pytest.raises(ValidationError, match="greater than or equal to 0"):
            parameters_class(name)(gamma=-1.0)


def test_a_default_that_two_terms_dispute_must_be_given():
    with pytest.raises(ValidationError, match="loss.smooth must be given .* 0.0 for dice, 1.0 for dice_plus"):
        parameters_class("dice+dice_plus")()
    assert parameters_class("dice+dice_plus")(smooth=0.0).smooth == 0.0


@pytest.mark.parametrize(
    ("name", "has"), [("ce", True), ("ce+l1", True), ("ce+tversky", False), ("tversky", False), ("poly1+l1", False)]
)
def test_only_what_was_published_may_be_published(name, has):
    assert ("published" in parameters_class(name).model_fields) == has


def test_a_library_loss_has_its_arguments():
    kind = parameters_class("smp/TverskyLoss")
    assert issubclass(kind, LibraryParameters)
    assert kind(arguments={"alpha": 0.3}).arguments == {"alpha": 0.3}
    assert kind().arguments == {}
    with pytest.raises(ValidationError, match="has no argument 'alpa'"):
        kind(arguments={"alpa": 0.3})


def test_every_term_has_a_class_of_parameters_with_keys_of_its_own():
    for term, row in TERMS.items():
        assert issubclass(row.parameters, Settings), term
        assert not set(row.parameters.model_fields) & {*SumParameters.model_fields, "published", "name"}, term


class Hinge(Settings):
    """Parameters of the term of the test below."""

    margin: float = Field(1.0, gt=0)


def hinge(batch, *, margin):
    """Return the mean hinge of each channel."""
    return batch.mean((margin + batch.flip_sign_(batch.logits.clone())).relu())


def test_a_new_term_is_a_function_a_class_of_parameters_and_a_row(monkeypatch):
    monkeypatch.setitem(TERMS, "hinge", Term(hinge, Hinge, tasks=("binary",)))
    config = LossConfig(name="ce+hinge", margin=2.0, alpha=0.5)
    assert config.parameters()["margin"] == 2.0
    with pytest.raises(ValidationError, match="greater than 0"):
        LossConfig(name="hinge", margin=0.0)
    terms = build_loss("ce+hinge", task="binary", classes=1, **config.given())(
        torch.tensor([[[[0.5, -0.5]]]]), torch.tensor([[[1, 1]]])
    )
    assert float(terms["hinge"]) == pytest.approx(((2 - 0.5) + (2 + 0.5)) / 2)
    assert float(terms["loss"]) == pytest.approx(float(terms["ce"] + 0.5 * terms["hinge"]))
