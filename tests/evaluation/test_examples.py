"""Which images a picture shows, and what stands in it."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.sources import open_source
from rarepix.evaluation import examples
from rarepix.labels import LabelSpace, Task
from rarepix.viz import contact_sheet, error_map


def shown(choice: examples.Choice) -> list[str]:
    """The ids of the images that were chosen."""
    return [example.image for example in choice.examples]


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
    assert shown(examples.choose(COUNTS, rows)) == expected


def test_images_without_anything_are_shown_all_the_same():
    assert shown(examples.choose(COUNTS[["kite"]], 2)) == ["a", "b"]


def test_no_image_is_chosen_twice():
    alone = pd.DataFrame({"sky": [10, 1], "car": [5, 0]}, index=["a", "b"])
    assert shown(examples.choose(alone)) == ["a", "b"]


def test_the_worst_have_the_lowest_mean_over_the_classes_that_they_have():
    nan = float("nan")
    rows = [("a", 0.9), ("a", 0.1), ("b", 0.4), ("b", nan), ("c", nan), ("c", nan), ("d", 0.6), ("d", 0.7)]
    table = pd.DataFrame(rows, columns=["image", "iou"])
    assert examples.worst(table, 2).examples == [("b", "mean IoU 0.400"), ("a", "mean IoU 0.500")]
    assert shown(examples.worst(table)) == ["b", "a", "d"]


def scored(rows: list[tuple[str, str, int, int, int]]) -> pd.DataFrame:
    """A table of image, class, tp, fp, fn."""
    return pd.DataFrame(rows, columns=["image", "class", "tp", "fp", "fn"])


POLES = [("a", "pole", 9, 0, 1), ("b", "pole", 1, 5, 4), ("c", "pole", 5, 0, 5), ("d", "pole", 0, 9, 0)]


def test_of_a_rare_class_the_worst_and_the_median_of_the_images_that_hold_it():
    found = examples.worst_and_median(scored(POLES), ["pole"])
    assert found.examples == [("b", "pole, worst of 3: IoU 0.100"), ("c", "pole, median of 3: IoU 0.500")]
    assert found.notes == ()


def test_of_an_even_number_the_upper_one_is_the_median():
    found = examples.worst_and_median(scored([*POLES, ("e", "pole", 2, 0, 8)]), ["pole"])
    assert shown(found) == ["b", "c"]


def test_of_two_images_both_are_shown():
    assert shown(examples.worst_and_median(scored(POLES[:2]), ["pole"])) == ["b", "a"]


def test_what_cannot_be_shown_is_named():
    names = [f"class{number}" for number in range(6)]
    rows = scored([(image, name, 1, 0, 1) for name in names[1:] for image in ("a", "b")])
    found = examples.worst_and_median(rows, names)
    assert len(found.examples) == 8
    assert found.notes == ("class0: in no image", "class5: no room")


def test_a_class_in_one_image_is_shown_once():
    found = examples.worst_and_median(scored([("a", "kite", 1, 0, 3)]), ["kite"])
    assert found.examples == [("a", "kite, the only image: IoU 0.250")]


def test_without_a_rare_class_in_any_image_other_images_are_shown_and_it_is_said():
    found = examples.choose_examples(scored([("d", "kite", 0, 3, 0)]), COUNTS, ["kite"])
    assert shown(found) == shown(examples.choose(COUNTS))
    assert found.notes == ("kite: in no image",)


@pytest.mark.parametrize(
    ("rare", "named", "expected"),
    [
        (("sky", "pole"), (), ["pole", "sky"]),  # the dataset's, rarest by images first
        (("sky",), ("car",), ["car"]),  # the configuration's before the dataset's
        ((), (), ["car", "pole"]),  # in two images each; kite is in none, and sky in all
    ],
)
def test_which_classes_are_the_rare_ones(rare, named, expected):
    labels = LabelSpace(names=("sky", "car", "pole", "kite"), rare=rare)
    assert examples.rare_classes(COUNTS, labels, named) == expected


def test_the_background_is_never_taken_for_rare():
    labels = LabelSpace(names=("sky", "car", "pole", "kite"), background=1)
    assert examples.rare_classes(COUNTS, labels) == ["pole", "sky"]


def test_layers_are_painted_the_smallest_on_top():
    labels = LabelSpace(names=("disc", "spot"), palette=((1, 2, 3), (4, 5, 6)), task=Task.MULTILABEL)
    mask = np.zeros((2, 3, 2), np.uint8)
    mask[:, :2, 0] = 1
    mask[0, 0, 1] = 1
    mask[1, 2, 1] = 255
    found = contact_sheet.colorize(mask, labels)
    assert found[0].tolist() == [[4, 5, 6], [1, 2, 3], list(contact_sheet.NOTHING)]
    assert found[1].tolist() == [[1, 2, 3], [1, 2, 3], list(contact_sheet.IGNORED)]


def test_what_is_no_class_stays_clear_under_the_veil():
    image = np.full((1, 2, 3), 100, np.uint8)
    binary = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
    found = contact_sheet.overlay(image, np.array([[0, 1]], np.uint8), binary)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() != [100, 100, 100]
    layers = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
    found = contact_sheet.overlay(image, np.array([[[0, 0], [0, 1]]], np.uint8), layers)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() != [100, 100, 100]


def test_colours_are_the_palette_and_ignored_is_grey():
    labels = LabelSpace(names=("sky", "car"), palette=((1, 2, 3), (4, 5, 6)))
    table = contact_sheet.class_colors(labels)
    assert table[0].tolist() == [1, 2, 3]
    assert table[1].tolist() == [4, 5, 6]
    assert tuple(table[255]) == contact_sheet.IGNORED


def test_classes_without_a_palette_get_colours_that_differ():
    table = contact_sheet.class_colors(LabelSpace(names=tuple("abcdefghijkl")))
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


def test_the_picture_holds_image_truth_prediction_and_errors(tiny_voc, tmp_path):
    source = open_source("voc", tiny_voc)
    dataset = SegmentationDataset(source.items("train"))
    held = {sample["id"]: np.bincount(sample["mask"].flatten(), minlength=256) for sample in dataset}
    image = next(name for name, counts in held.items() if counts[1] == 0)  # so that all of the answer is wrong
    path, rare = tmp_path / "examples.png", [source.labels.names[1]]
    choice = examples.Choice([examples.Example(image, "why")], ("pole: in no image",))
    examples.draw_examples(Constant(), dataset, choice, source.labels, path, rare=rare, threshold=0.5)
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    colour = contact_sheet.class_colors(source.labels)[1]
    quarter, tall = pixels.shape[1] // 4, slice(100, 220)
    columns = [pixels[tall, start + 20 : start + quarter - 20] for start in range(0, 4 * quarter, quarter)]
    assert (columns[2] == colour).all()  # the prediction is all of class 1
    assert not (columns[0] == colour).all(axis=2).any()
    seen = {tuple(pixel) for pixel in columns[3].reshape(-1, 3).tolist()}
    assert error_map.FALSE_ALARM in seen
    assert seen <= {error_map.FALSE_ALARM, contact_sheet.IGNORED}


def test_a_remark_makes_the_legend_taller():
    labels, tile = LabelSpace(names=("sky", "car")), contact_sheet.Tile(np.zeros((40, 40, 3), np.uint8))
    plain = contact_sheet.contact_sheet([[tile]], labels, side=240)
    said = contact_sheet.contact_sheet(
        [[tile]], labels, side=240, more=[("not shown: a class with a very long name", None)]
    )
    headed = contact_sheet.contact_sheet([[tile]], labels, side=240, headings=["image"])
    assert said.height > plain.height
    assert headed.height == plain.height + contact_sheet.LINE
