import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.sources import open_source
from rarepix.evaluation import examples, sheets
from rarepix.labels import LabelSpace

COUNTS = pd.DataFrame(
    {"sky": [50, 40, 30, 20], "car": [5, 9, 0, 0], "pole": [1, 0, 3, 0], "kite": [0, 0, 0, 0]},
    index=["a", "b", "c", "d"],
)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (1, ["b"]),  # car and pole are in two images each; car comes first, and b shows most of it
        (2, ["b", "c"]),
        (3, ["b", "c", "a"]),  # sky is in all: a shows most of what is left; kite is in none
        (9, ["b", "c", "a"]),
    ],
)
def test_of_each_class_the_image_that_shows_most_of_it(rows, expected):
    assert examples.choose(COUNTS, rows) == expected


def test_no_image_is_chosen_twice():
    alone = pd.DataFrame({"sky": [10, 1], "car": [5, 0]}, index=["a", "b"])
    assert examples.choose(alone) == ["a", "b"]


def test_colours_are_the_palette_and_ignored_is_grey():
    labels = LabelSpace(names=("sky", "car"), palette=((1, 2, 3), (4, 5, 6)))
    table = sheets.colours(labels)
    assert table[0].tolist() == [1, 2, 3]
    assert table[1].tolist() == [4, 5, 6]
    assert tuple(table[255]) == sheets.IGNORED


def test_classes_without_a_palette_get_colours_that_differ():
    table = sheets.colours(LabelSpace(names=tuple("abcdefghijkl")))
    assert len({tuple(colour) for colour in table[:12]}) == 12


class Constant(nn.Module):
    """Answers class 1 everywhere."""

    device = torch.device("cpu")

    def forward(self, image):
        logits = torch.zeros(len(image), 4, *image.shape[2:])
        logits[:, 1] = 1
        return logits


def test_the_picture_holds_image_truth_and_prediction(tiny_voc, tmp_path):
    source = open_source("voc", tiny_voc)
    dataset = SegmentationDataset(source.items("train"))
    counts = pd.DataFrame(
        [np.bincount(sample["mask"].flatten(), minlength=256)[: source.labels.count] for sample in dataset],
        index=[item.id for item in dataset.items],
        columns=source.labels.names,
    )
    examples.draw_examples(Constant(), dataset, counts, source.labels, tmp_path / "examples.png")
    with Image.open(tmp_path / "examples.png") as picture:
        pixels = np.asarray(picture)
    colour = sheets.colours(source.labels)[1]
    predicted = (pixels == colour).all(axis=2)
    third = pixels.shape[1] // 3
    assert predicted[100:250, -third + 20 : -20].all()  # the first prediction is all of class 1
    assert not predicted[100:250, : third - 20].all()
