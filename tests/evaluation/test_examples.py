"""Which images the picture of examples shows, and what is in it."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.sources import open_source
from rarepix.evaluation import examples
from rarepix.inference.predictor import Predictor
from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.metrics.settings import EvaluateConfig
from rarepix.viz.error_map import FALSE_ALARM
from rarepix.viz.overlays import class_colors, overlay
from rarepix.viz.style import IGNORED


def shown(choice: examples.Choice) -> list[str]:
    """Return the ids of the chosen images."""
    return [image for image, _ in choice.examples]


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
def test_for_each_class_the_image_with_most_of_it(rows, expected):
    assert shown(examples.most_of_each_class(COUNTS, rows)) == expected


def test_without_any_class_the_first_images_are_shown():
    assert shown(examples.most_of_each_class(COUNTS[["kite"]], 2)) == ["a", "b"]


def test_no_image_is_chosen_twice():
    alone = pd.DataFrame({"sky": [10, 1], "car": [5, 0]}, index=["a", "b"])
    assert shown(examples.most_of_each_class(alone)) == ["a", "b"]


def test_the_worst_images_have_the_lowest_mean_iou_of_their_classes():
    nan = float("nan")
    rows = [("a", 0.9), ("a", 0.1), ("b", 0.4), ("b", nan), ("c", nan), ("c", nan), ("d", 0.6), ("d", 0.7)]
    table = pd.DataFrame(rows, columns=["image", "iou"])
    assert examples.lowest_mean_iou(table, 2).examples == [("b", "mean IoU 0.400"), ("a", "mean IoU 0.500")]
    assert shown(examples.lowest_mean_iou(table)) == ["b", "a", "d"]


def scored(rows: list[tuple[str, str, int, int, int]]) -> pd.DataFrame:
    """A table of image, class, tp, fp, fn."""
    return pd.DataFrame(rows, columns=["image", "class", "tp", "fp", "fn"])


POLES = [("a", "pole", 9, 0, 1), ("b", "pole", 1, 5, 4), ("c", "pole", 5, 0, 5), ("d", "pole", 0, 9, 0)]


def test_worst_and_median_image_of_a_rare_class():
    choice = examples.worst_and_median(scored(POLES), ["pole"])
    assert choice.examples == [("b", "pole, worst of 3: IoU 0.100"), ("c", "pole, median of 3: IoU 0.500")]
    assert choice.notes == ()


def test_of_two_middle_images_the_upper_is_the_median():
    choice = examples.worst_and_median(scored([*POLES, ("e", "pole", 2, 0, 8)]), ["pole"])
    assert shown(choice) == ["b", "c"]


def test_of_two_images_both_are_shown():
    assert shown(examples.worst_and_median(scored(POLES[:2]), ["pole"])) == ["b", "a"]


def test_classes_that_cannot_be_shown_are_named():
    names = [f"class{number}" for number in range(6)]
    rows = scored([(image, name, 1, 0, 1) for name in names[1:] for image in ("a", "b")])
    choice = examples.worst_and_median(rows, names)
    assert len(choice.examples) == 8
    assert choice.notes == ("class0: in no image", "class5: no room")


def test_a_class_in_one_image_is_shown_once():
    choice = examples.worst_and_median(scored([("a", "kite", 1, 0, 3)]), ["kite"])
    assert choice.examples == [("a", "kite, the only image: IoU 0.250")]


def test_if_no_image_holds_a_rare_class_others_are_shown_with_a_note():
    choice = examples.choose_examples(scored([("d", "kite", 0, 3, 0)]), COUNTS, ["kite"])
    assert shown(choice) == shown(examples.most_of_each_class(COUNTS))
    assert choice.notes == ("kite: in no image",)


@pytest.mark.parametrize(
    ("rare", "named", "expected"),
    [
        (("sky", "pole"), (), ["pole", "sky"]),  # the dataset's, rarest by images first
        (("sky",), ("car",), ["car"]),  # the configuration's before the dataset's
        ((), (), ["car", "pole"]),  # in two images each; kite is in none, and sky in all
    ],
)
def test_classes_to_show(rare, named, expected):
    labels = LabelSpace(names=("sky", "car", "pole", "kite"), rare=rare)
    assert examples.classes_to_show(COUNTS, labels, EvaluateConfig(rare=named)) == expected


def test_the_background_is_not_shown_for_want_of_rare_classes():
    labels = LabelSpace(names=("sky", "car", "pole", "kite"), background=1)
    assert examples.classes_to_show(COUNTS, labels, EvaluateConfig()) == ["pole", "sky"]


class Constant(nn.Module):
    """A network that predicts class 1 everywhere."""

    device = torch.device("cpu")
    stride = 32

    def forward(self, image):
        logits = torch.zeros(len(image), 4, *image.shape[2:])
        logits[:, 1] = 1
        return logits

    @property
    def model(self):
        return self

    def predict(self, batch):
        labels = LabelSpace(names=("sky", "car", "pole", "kite"))
        return Predictor(EvaluateConfig(), labels).predict(self, batch)


def test_the_picture_holds_image_truth_prediction_and_errors(tiny_voc, tmp_path):
    source = open_source("voc", tiny_voc)
    dataset = SegmentationDataset(source.items("train"))
    held = {sample["id"]: np.bincount(sample["mask"].flatten(), minlength=256) for sample in dataset}
    image = next(name for name, counts in held.items() if counts[1] == 0)  # so that all of the answer is wrong
    path, rare = tmp_path / "examples.png", [source.labels.names[1]]
    choice = examples.Choice([(image, "why")], ("pole: in no image",))
    examples.draw_examples(Constant(), dataset, choice, source.labels, path, rare=rare)
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    colour = class_colors(source.labels)[1]
    quarter, tall = pixels.shape[1] // 4, slice(100, 220)
    columns = [pixels[tall, start + 20 : start + quarter - 20] for start in range(0, 4 * quarter, quarter)]
    assert (columns[2] == colour).all()  # the prediction is all of class 1
    assert not (columns[0] == colour).all(axis=2).any()
    seen = {tuple(pixel) for pixel in columns[3].reshape(-1, 3).tolist()}
    assert FALSE_ALARM in seen
    assert seen <= {FALSE_ALARM, IGNORED}


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTILABEL])
def test_a_soft_truth_is_shown_where_its_share_is_above_one_half(task):
    background = 0 if task is Task.BINARY else None
    labels = LabelSpace(names=("one", "other"), background=background, task=task, scale=SOFT_SCALE)
    values = torch.tensor([[0, 127, 128, 254, 255]], dtype=torch.uint8)
    mask = values if task is Task.BINARY else torch.stack([torch.zeros_like(values), values])
    image, truth = examples.image_and_mask({"image": torch.zeros(3, 1, 5, dtype=torch.uint8), "mask": mask}, labels)
    assert (image.shape, truth.shape) == ((1, 5, 3), (1, 5) if task is Task.BINARY else (1, 5, 2))
    assert (truth if task is Task.BINARY else truth[..., 1]).tolist() == [[0, 0, 1, 1, 255]]
    table = class_colors(labels)
    shown_colours = overlay(np.full((1, 5, 3), 100, np.uint8), truth, labels)[0]
    assert (shown_colours[:2] == 100).all()
    assert (shown_colours[2:4] == (0.55 * 100 + 0.45 * table[1]).astype(np.uint8)).all()
