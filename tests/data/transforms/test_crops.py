"""Windows: where each kind lies, and what is shown of an image smaller than its window."""

import numpy as np
import pytest

from rarepix.choices import ChoiceError
from rarepix.data.source import DataError
from rarepix.data.transforms.crops import (
    MAX_TRIES,
    build_crop,
    class_centred_window,
    class_pixels,
    count_classes,
    cut,
    foreground_window,
    mixed_window,
    random_window,
)
from rarepix.data.transforms.settings import CropConfig
from rarepix.labels import LabelSpace, Task
from rarepix.seeding import generator

SIZE = (4, 6)
NAMES = ("ground", "a", "b")
IDS = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
CLASS_CHANNELS = np.zeros((2, 3, 5), np.uint8)
CLASS_CHANNELS[0, 0, [0, 2]] = 1
CLASS_CHANNELS[1, 1, 2] = 1
CLASS_CHANNELS[1, 2] = 255
CLASS_CHANNELS[0, 2, 4] = 255


def windows(choose, mask: np.ndarray, count: int = 300, size=SIZE, **parameters) -> list[tuple[int, int]]:
    return [choose(mask, size, generator(seed, "test"), **parameters) for seed in range(count)]


def test_random_lies_everywhere_inside():
    result = windows(random_window, np.zeros((6, 9), np.uint8))
    assert set(result) == {(row, column) for row in range(3) for column in range(4)}
    shares = np.bincount([row for row, _ in result]) / len(result)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.11)  # 4 standard errors


def test_an_image_smaller_than_its_window_lies_everywhere_inside_it():
    assert set(windows(random_window, np.zeros((3, 4), np.uint8))) == {(-r, -c) for r in range(2) for c in range(3)}
    assert set(windows(random_window, np.zeros((5, 4), np.uint8))) == {(r, -c) for r in range(2) for c in range(3)}


def test_foreground_holds_one_of_the_pixels_wherever_in_the_window():
    mask = np.zeros((20, 30), np.uint8)
    mask[9, 14] = 1
    result = windows(foreground_window, mask, probability=1.0, classes=(1, 2), count=600)
    assert {(9 - row, 14 - column) for row, column in result} == {(r, c) for r in range(4) for c in range(6)}


def test_foreground_draws_pixels_and_not_classes():
    mask = np.zeros((4, 40), np.uint8)
    mask[0, :9] = 1
    mask[0, 39] = 2
    result = windows(foreground_window, mask, probability=1.0, classes=(1, 2))
    assert sum(column > 30 for _, column in result) / 300 == pytest.approx(0.1, abs=0.07)


def test_foreground_at_a_border_stays_inside():
    mask = np.zeros((6, 9), np.uint8)
    mask[5, 8] = 1
    assert set(windows(foreground_window, mask, probability=1.0, classes=(1,))) == {(2, 3)}


@pytest.mark.parametrize("probability", [0.0, 1 / 3])
def test_foreground_is_forced_as_often_as_it_is_said_to_be(probability):
    mask = np.zeros((40, 60), np.uint8)
    mask[39, 59] = 1
    result = windows(foreground_window, mask, probability=probability, classes=(1,))
    held = sum((row, column) == (36, 54) for row, column in result) / 300
    assert held == pytest.approx(probability, abs=0.11)


def test_class_centred_draws_classes_and_not_pixels():
    mask = np.zeros((20, 40), np.uint8)
    mask[5:15, 5:25] = 1
    mask[10, 35] = 2
    result = windows(class_centred_window, mask, probability=1.0, classes=(1, 2))
    assert sum(place == (8, 32) for place in result) / 300 == pytest.approx(0.5, abs=0.12)
    assert all(mask[row + 2, column + 3] for row, column in result)


def test_class_centred_stays_inside():
    for pixel, place in {(0, 0): (0, 0), (19, 39): (16, 34), (1, 38): (0, 34)}.items():
        mask = np.zeros((20, 40), np.uint8)
        mask[pixel] = 1
        assert set(windows(class_centred_window, mask, 3, probability=1.0, classes=(1,))) == {place}


@pytest.mark.parametrize("choose", [foreground_window, class_centred_window])
def test_without_any_of_the_classes_a_window_is_random(choose):
    mask = np.full((6, 9), 255, np.uint8)
    assert set(windows(choose, mask, probability=1.0, classes=(1, 2))) == set(windows(random_window, mask))


def test_mixed_refuses_windows_that_one_class_fills():
    mask = np.zeros((12, 60), np.uint8)
    mask[:, 24:36] = 1
    result = windows(mixed_window, mask, ratio=0.75, ignore=255)
    shares = np.array([(mask[row : row + 4, column : column + 6] == 1).mean() for row, column in result])
    accepted = (shares >= 0.25 - 1e-9) & (shares <= 0.75 + 1e-9)
    each = np.mean([0.25 <= (mask[0, column : column + 6] == 1).mean() <= 0.75 for column in range(55)])
    assert accepted.mean() == pytest.approx(1 - (1 - each) ** MAX_TRIES, abs=0.1)
    assert each < 0.2 < accepted.mean()


def test_mixed_counts_labelled_pixels_only():
    """One row of class 0 and one of class 1 on an ignored ground: half and half of what is labelled."""
    mask = np.full((4, 600), 255, np.uint8)
    mask[0, :6], mask[1, :6] = 0, 1
    result = windows(mixed_window, mask[:, :12], ratio=0.5, ignore=255)
    assert sum(column == 6 for _, column in result) == 0  # there nothing is labelled
    assert {column for _, column in result} == set(range(6))


def test_mixed_takes_the_last_where_none_is_mixed():
    assert set(windows(mixed_window, np.zeros((6, 9), np.uint8), ratio=0.75, ignore=255)) == {
        (row, column) for row in range(3) for column in range(4)
    }


def test_cut_is_a_window():
    mask = np.arange(54, dtype=np.uint8).reshape(6, 9)
    image = np.stack([mask, mask + 1, mask + 2], axis=-1)
    found_image, found_mask = cut(image, mask, (1, 2), SIZE, ignore=255)
    assert (found_mask == mask[1:5, 2:8]).all()
    assert (found_image == image[1:5, 2:8]).all()


def test_cut_fills_with_ignore_and_never_with_background():
    mask = np.arange(1, 7, dtype=np.uint8).reshape(2, 3)
    image = np.repeat(mask[..., None], 3, 2) * 10
    found_image, found_mask = cut(image, mask, (-1, -3), SIZE, ignore=9)
    expected = np.full(SIZE, 9)
    expected[1:3, 3:6] = mask
    assert (found_mask == expected).all()
    assert (found_image[..., 1] == np.where(expected == 9, 0, expected * 10)).all()


def test_cut_of_an_image_longer_one_way_and_shorter_the_other():
    mask = np.arange(20, dtype=np.uint8).reshape(10, 2)
    _, result = cut(np.zeros((10, 2, 3), np.uint8), mask, (5, -1), SIZE, ignore=255)
    assert (result[:, 1:3] == mask[5:9]).all()
    assert (result[:, [0, 3, 4, 5]] == 255).all()


def forced(labels: LabelSpace, *classes: str) -> set[int]:
    """The ids that a centred window is put on, in an image of all."""
    config = CropConfig(size=(32, 32), kind="class_centred", classes=classes or None)
    mask = np.arange(labels.count, dtype=np.uint8).repeat(33 * 33).reshape(labels.count * 33, 33)
    choose = build_crop(config, labels)
    places = [choose(mask, (33, 33), generator(seed, "test")) for seed in range(60)]
    return {int(mask[row + 16, 0]) for row, _ in places}


def test_forced_are_all_but_the_background():
    assert forced(LabelSpace(names=NAMES, background=0)) == {1, 2}
    assert forced(LabelSpace(names=NAMES, background=0, rare=("b",))) == {1, 2}


def test_forced_are_the_rare_ones_where_there_is_no_background():
    assert forced(LabelSpace(names=NAMES, rare=("b",))) == {2}


def test_forced_are_those_that_are_named():
    assert forced(LabelSpace(names=NAMES, background=0), "a") == {1}
    assert forced(LabelSpace(names=NAMES), "ground", "b", "b") == {0, 2}


@pytest.mark.parametrize("kind", ["foreground", "class_centred"])
def test_nothing_says_what_is_forced(kind):
    message = "give crop.classes, or background or rare_classes in its dataset.json"
    with pytest.raises(DataError, match=message):
        build_crop(CropConfig(size=(32, 32), kind=kind), LabelSpace(names=NAMES))


def test_an_unknown_class_is_named_with_the_nearest():
    config = CropConfig(size=(32, 32), kind="foreground", classes=("grund",))
    with pytest.raises(ChoiceError, match="unknown class in crop.classes 'grund': did you mean 'ground'"):
        build_crop(config, LabelSpace(names=NAMES))


LESIONS = LabelSpace(names=NAMES, task=Task.MULTILABEL)


def layers_of(mask: np.ndarray, count: int) -> np.ndarray:
    """Ids 1 to *count* as layers."""
    return np.stack([mask == number for number in range(1, count + 1)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("choose", [foreground_window, class_centred_window])
@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_windows_of_layers_are_those_of_ids(choose, count):
    mask = np.random.default_rng(0).choice(count + 1, (20, 30), p=[0.91, *[0.09 / count] * count]).astype(np.uint8)
    by_id = windows(choose, mask, 60, probability=0.8, classes=tuple(range(1, count + 1)))
    assert windows(choose, layers_of(mask, count), 60, probability=0.8, classes=tuple(range(count))) == by_id


def test_mixed_windows_of_layers_are_those_of_ids_with_a_background():
    mask = np.zeros((12, 60), np.uint8)
    mask[:, 24:30], mask[:, 30:36], mask[3, :] = 1, 2, 255
    layers = layers_of(mask, 2)
    layers[mask == 255] = 255
    by_id = windows(mixed_window, mask, 60, ratio=0.6, ignore=255)
    assert windows(mixed_window, layers, 60, ratio=0.6, ignore=255) == by_id


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_cut_fills_every_layer_with_ignore(count):
    _, result = cut(np.ones((2, 3, 3), np.uint8), np.ones((2, 3, count), np.uint8), (-1, -3), SIZE, ignore=9)
    expected = np.full((*SIZE, count), 9)
    expected[1:3, 3:6] = 1
    assert (result == expected).all()


def test_forced_are_all_classes_of_a_multilabel_task():
    choose = build_crop(CropConfig(size=(32, 32), kind="class_centred"), LESIONS)
    mask = np.zeros((3 * 33, 33, 3), np.uint8)
    for number in range(3):
        mask[number * 33 : number * 33 + 33, :, number] = 1
    places = [choose(mask, (33, 33), generator(seed, "test")) for seed in range(60)]
    assert {int(mask[row + 16, 0].argmax()) for row, _ in places} == {0, 1, 2}


def test_class_pixels_of_ids():
    assert class_pixels(IDS, (1, 2)).astype(bool).tolist() == [[False, True, True], [True, False, True]]
    assert count_classes(IDS)[[0, 1, 2, 3, 255]].tolist() == [1, 2, 2, 0, 1]
    assert count_classes(IDS, ignore=255)[[0, 1, 2, 3, 255]].tolist() == [1, 2, 2, 0, 0]


def test_class_pixels_of_channels():
    assert class_pixels(CLASS_CHANNELS, (2,)).tolist() == [[True, False, False], [False, True, False]]
    assert class_pixels(CLASS_CHANNELS, (0, 4)).tolist() == [[True, False, False], [False, False, False]]
    assert count_classes(CLASS_CHANNELS, ignore=255).tolist() == [
        1,
        0,
        2,
        0,
        0,
        2,
    ]  # the last one counts pixels of no class
