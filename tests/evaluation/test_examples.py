import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.sources import open_source
from rarepix.evaluation import examples, sheets
from rarepix.labels import LabelSpace, Task

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


def test_images_without_anything_are_shown_all_the_same():
    assert examples.choose(COUNTS[["kite"]], 2) == ["a", "b"]


def test_no_image_is_chosen_twice():
    alone = pd.DataFrame({"sky": [10, 1], "car": [5, 0]}, index=["a", "b"])
    assert examples.choose(alone) == ["a", "b"]


def test_the_worst_have_the_lowest_mean_over_the_classes_that_they_have():
    nan = float("nan")
    rows = [("a", 0.9), ("a", 0.1), ("b", 0.4), ("b", nan), ("c", nan), ("c", nan), ("d", 0.6), ("d", 0.7)]
    table = pd.DataFrame(rows, columns=["image", "iou"])
    assert examples.worst(table, 2) == ["b", "a"]
    assert examples.worst(table) == ["b", "a", "d"]


def test_layers_are_painted_the_smallest_on_top():
    labels = LabelSpace(names=("disc", "spot"), palette=((1, 2, 3), (4, 5, 6)), task=Task.MULTILABEL)
    mask = np.zeros((2, 3, 2), np.uint8)
    mask[:, :2, 0] = 1
    mask[0, 0, 1] = 1
    mask[1, 2, 1] = 255
    found = sheets.painted(mask, labels)
    assert found[0].tolist() == [[4, 5, 6], [1, 2, 3], list(sheets.NOTHING)]
    assert found[1].tolist() == [[1, 2, 3], [1, 2, 3], list(sheets.IGNORED)]


def test_what_is_no_class_stays_clear_under_the_veil():
    image = np.full((1, 2, 3), 100, np.uint8)
    binary = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
    found = sheets.veiled(image, np.array([[0, 1]], np.uint8), binary)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() != [100, 100, 100]
    layers = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
    found = sheets.veiled(image, np.array([[[0, 0], [0, 1]]], np.uint8), layers)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() != [100, 100, 100]


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

    def infer(self, network, batch):
        return network(batch["image"])


def test_the_picture_holds_image_truth_and_prediction(tiny_voc, tmp_path):
    source = open_source("voc", tiny_voc)
    dataset = SegmentationDataset(source.items("train"))
    counts = pd.DataFrame(
        [np.bincount(sample["mask"].flatten(), minlength=256)[: source.labels.count] for sample in dataset],
        index=[item.id for item in dataset.items],
        columns=source.labels.names,
    )
    names = examples.choose(counts)
    examples.draw_examples(Constant(), dataset, names, source.labels, tmp_path / "examples.png", threshold=0.5)
    with Image.open(tmp_path / "examples.png") as picture:
        pixels = np.asarray(picture)
    colour = sheets.colours(source.labels)[1]
    predicted = (pixels == colour).all(axis=2)
    third = pixels.shape[1] // 3
    assert predicted[100:250, -third + 20 : -20].all()  # the first prediction is all of class 1
    assert not predicted[100:250, : third - 20].all()
