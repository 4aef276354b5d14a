"""Gates at work: worked out by hand on small masks of every task, in the images' own size."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from rarepix.gates import Gate, conditions, logit, probability_of
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.settings import EvaluateConfig
from rarepix.models.outputs import Prediction, SegOutput

BINARY = LabelSpace(names=("nothing", "crack"), background=0, task=Task.BINARY)
MULTICLASS = LabelSpace(names=("block", "nothing", "dot"), background=1)
MULTILABEL = LabelSpace(names=("block", "dot"), task=Task.MULTILABEL)


def logits_of(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def predict(labels: LabelSpace, mask: Tensor | None, gate: Gate | None, *, presence=None, sizes=None, **more):
    """Predict with a network that says *mask* (logits N C H W) and *presence*, whatever the image."""
    number, (rows, columns) = len(presence if mask is None else mask), (32, 32) if mask is None else mask.shape[-2:]
    sizes = sizes or [(rows, columns)] * number
    given = {"image": torch.zeros(number, 3, rows, columns), "image_size": sizes, "mask_size": sizes}
    given |= {"mask": torch.zeros(number, rows, columns)} | more
    return Predictor(EvaluateConfig(), labels, gate=gate).predict(lambda _: SegOutput(mask, presence), given)


def cracks(*areas: int, probability: float = 0.9) -> Tensor:
    """Return binary logits N 1 4 8 with the first pixels of each image at *probability*, and 0.1 elsewhere."""
    logits = torch.full((len(areas), 1, 32), logits_of(0.1))
    for image, area in zip(logits, areas, strict=True):
        image[0, :area] = logits_of(probability)
    return logits.view(-1, 1, 4, 8)


def found(prediction: Prediction) -> list[int]:
    """Return the foreground pixels of each image."""
    return prediction.mask.flatten(1).sum(dim=1).tolist()


def test_the_area_must_be_reached():
    gate = Gate(kind="area", classes=("crack",), area=(5,))
    assert found(predict(BINARY, cracks(4, 5, 32), gate)) == [0, 5, 32]


def test_some_pixel_must_be_certain_and_the_mask_is_taken_lower():
    gate = Gate(kind="pixels", classes=("crack",), pixels=(0.8,), mask=0.05)
    assert found(predict(BINARY, cracks(0, 1, 3, probability=0.85), gate)) == [0, 32, 32]
    gate = gate.model_copy(update={"mask": 0.7})
    assert found(predict(BINARY, cracks(0, 1, 3, probability=0.75), gate)) == [0, 0, 0]
    assert found(predict(BINARY, cracks(2, probability=0.85), gate.model_copy(update={"mask": None}))) == [2]


def test_the_presence_head_must_be_above_the_threshold_of_the_class():
    gate = Gate(kind="presence+area", classes=("crack",), presence=(0.25,), area=(2,))
    presence = torch.tensor([[logits_of(0.3)], [logits_of(0.2)], [logits_of(0.9)]])
    prediction = predict(BINARY, cracks(3, 3, 1), gate, presence=presence)
    assert found(prediction) == [3, 0, 0]
    assert prediction.ungated.flatten(1).sum(dim=1).tolist() == [3, 3, 1]
    torch.testing.assert_close(prediction.output.mask, cracks(3, 3, 1))  # the output stays that of the network


def test_a_classifier_takes_the_place_of_the_head():
    gate = Gate(kind="classifier", classes=("crack",), presence=(0.5,))
    given = {"classifier": torch.tensor([[-1.0], [1.0]])}
    assert found(predict(BINARY, cracks(3, 3), gate, presence=torch.tensor([[9.0], [-9.0]]), **given)) == [0, 3]


def test_padding_is_not_looked_at():
    logits = cracks(0, 0)
    logits[:, :, 2:, 4:] = logits_of(0.99)  # 8 pixels, all in the padding of the second image
    gate = Gate(kind="pixels+area", classes=("crack",), pixels=(0.95,), area=(6,))
    prediction = predict(BINARY, logits, gate, sizes=[(4, 8), (2, 8)])
    assert found(prediction) == [8, 0]
    assert found(predict(BINARY, logits, gate, sizes=[(4, 8), (4, 5)])) == [8, 0]  # 2 of its 8 pixels are inside


def test_an_emptied_class_becomes_the_background_and_the_others_stay():
    logits = torch.full((2, 3, 2, 4), -5.0)
    ids = torch.tensor([[[0, 0, 0, 1], [1, 1, 2, 2]], [[0, 2, 2, 2], [1, 1, 1, 1]]])
    logits.scatter_(1, ids[:, None], 5.0)
    prediction = predict(MULTICLASS, logits, Gate(kind="area", classes=("block", "dot"), area=(2, 3)))
    assert prediction.mask.tolist() == [[[0, 0, 0, 1], [1, 1, 1, 1]], [[1, 2, 2, 2], [1, 1, 1, 1]]]
    assert torch.equal(prediction.ungated, ids)


def test_a_multiclass_mask_at_a_threshold_takes_the_largest_class_above_it():
    probabilities = torch.tensor([[0.3, 0.4, 0.3 - 1e-3], [0.2, 0.1, 0.7], [0.28, 0.43, 0.29]])  # pixel × class
    logits = probabilities.log().T.reshape(1, 3, 1, 3)
    gate = Gate(kind="pixels", classes=("block", "dot"), pixels=(0.0, 0.0), mask=0.25)
    assert predict(MULTICLASS, logits, gate).mask.tolist() == [[[0, 2, 2]]]
    assert predict(MULTICLASS, logits, gate.model_copy(update={"mask": None})).mask.tolist() == [[[1, 2, 1]]]


def test_multilabel_layers_are_emptied_by_themselves():
    logits = torch.full((1, 2, 2, 2), 3.0)
    gate = Gate(kind="presence", classes=("block", "dot"), presence=(0.5, 0.5))
    prediction = predict(MULTILABEL, logits, gate, presence=torch.tensor([[1.0, -1.0]]))
    assert prediction.mask.tolist() == [[[[1, 1], [1, 1]], [[0, 0], [0, 0]]]]


def test_a_network_without_masks_has_a_threshold_for_each_class():
    presence = torch.tensor([[logits_of(0.6), logits_of(0.6)], [logits_of(0.1), logits_of(0.8)]])
    gate = Gate(kind="presence", classes=("block", "dot"), presence=(0.05, 0.7))
    prediction = predict(MULTICLASS, None, gate, presence=presence)
    assert prediction.presence.tolist() == [[True, False], [True, True]]
    assert prediction.ungated.tolist() == [[True, True], [False, True]]
    assert prediction.mask is None


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_the_greatest_probability_is_that_of_the_softmax(scale):
    logits = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0)) * scale
    given = {"image": torch.zeros(2, 3, 5, 6), "mask": torch.zeros(2, 5, 6), "image_size": [(5, 6), (4, 3)]}
    predictor = Predictor(EvaluateConfig(), MULTICLASS, evidence_at=(None, 0.5))
    evidence = predictor.predict(lambda _: logits, given | {"mask_size": given["image_size"]}).evidence
    for number, (rows, columns) in enumerate(given["image_size"]):
        image = logits[number, :, :rows, :columns].double()
        others = [image[[other for other in range(3) if other != id_]].logsumexp(dim=0) for id_ in (0, 2)]
        expected = [float((image[id_] - rest).max()) for id_, rest in zip((0, 2), others, strict=True)]
        np.testing.assert_allclose(evidence.greatest[number], np.clip(expected, -20, 20), atol=1e-4)
        ids = image.argmax(dim=0)
        assert evidence.areas[number, 0].tolist() == [int((ids == 0).sum()), int((ids == 2).sum())]


def test_logits_and_probabilities_are_each_others_inverse():
    values = np.array([-20.0, -3.0, 0.0, 0.5, 12.0, 20.0])
    np.testing.assert_allclose(logit(probability_of(values)), values, rtol=1e-8)
    assert logit(np.array([0.0, 1.0])).tolist() == [-np.inf, np.inf]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "presence"}, "must have presence of each class"),
        ({"kind": "area", "area": (3,)}, "must have area of each class"),
        ({"kind": "area", "area": (3, 3), "pixels": (0.5, 0.5)}, "must have pixels left out"),
        ({"kind": "area+area", "area": (3, 3)}, "a sum of different conditions"),
        ({"kind": "size"}, "out of classifier, presence, pixels, area"),
    ],
)
def test_a_gate_has_what_its_kind_asks_for(fields, message):
    with pytest.raises(ValidationError, match=message):
        Gate(classes=("block", "dot"), **fields)
    with pytest.raises(ValueError, match="exclude each other"):
        conditions("classifier+presence")
