"""The drawn dataset keeps its promises: seeded, exact, imbalanced as said, and never half there."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarepix.data.synthetic import voc
from rarepix.data.synthetic.voc import PRESENCE, RARE_CLASSES, assign_classes, draw_voc
from rarepix.data.synthetic.voc_files import palette
from rarepix.seeding import generator

TINY = {"images": 12, "size": (64, 80)}
IGNORE = 255


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The dataset at its default size."""
    return draw_voc(tmp_path_factory.mktemp("default") / "demo")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return draw_voc(tmp_path_factory.mktemp("tiny") / "demo", **TINY)


def ids(root: Path, name: str) -> list[str]:
    return (root / "ImageSets" / "Segmentation" / f"{name}.txt").read_text().split()


def labels(root: Path, name: str) -> np.ndarray:
    """Masks of a list, (N, H, W)."""
    return np.stack([np.asarray(Image.open(root / "SegmentationClass" / f"{i}.png")) for i in ids(root, name)])


def presence(masks: np.ndarray) -> np.ndarray:
    """Share of images that show each object class, (5,), in the order of PRESENCE."""
    return np.array([(masks == k).any(axis=(1, 2)).mean() for k in range(1, len(PRESENCE) + 1)])


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_same_seed_gives_the_same_bytes(tiny, tmp_path):
    assert contents(draw_voc(tmp_path / "again", **TINY)) == contents(tiny)


def test_other_seed_gives_other_pictures(tiny, tmp_path):
    other = contents(draw_voc(tmp_path / "other", seed=1, **TINY))
    same = [path for path, data in contents(tiny).items() if path.endswith(".jpg") and other[path] == data]
    assert same == []


def test_masks_are_palette_images_of_class_ids(tiny):
    mask = Image.open(next((tiny / "SegmentationClass").iterdir()))
    assert mask.mode == "P"
    assert mask.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    assert set(np.unique(labels(tiny, "trainval"))) <= {*range(len(PRESENCE) + 1), IGNORE}


def test_palette_is_that_of_voc():
    colours = palette()
    assert colours[5].tolist() == [128, 0, 128]
    assert colours[255].tolist() == [224, 224, 192]


def test_pictures_match_masks_and_description(tiny):
    description = json.loads((tiny / "dataset.json").read_text())
    assert description["classes"] == ["background", *PRESENCE]
    assert description["num_classes"] == len(description["palette"]) == 6
    assert description["rare_classes"] == list(RARE_CLASSES)
    for name in ids(tiny, "trainval"):
        picture = Image.open(tiny / "JPEGImages" / f"{name}.jpg")
        assert list(picture.size) == description["image_size"] == [80, 64]
        assert Image.open(tiny / "SegmentationClass" / f"{name}.png").size == picture.size


def test_classes_fall_off_and_the_rarest_is_rare(demo):
    masks = labels(demo, "trainval")
    shares = presence(masks)
    pixels = np.array([(masks == k).mean() for k in range(1, len(PRESENCE) + 1)])
    assert (np.diff(shares) < 0).all()
    assert (np.diff(pixels) < 0).all()
    assert 0.035 <= shares[-1] < 0.05
    assert pixels[-1] < 0.002
    assert tuple(PRESENCE)[-2:] == RARE_CLASSES


def test_every_class_is_in_both_lists_in_the_same_proportion(demo):
    train, test = labels(demo, "train"), labels(demo, "val")
    np.testing.assert_allclose(presence(train), presence(test), atol=0.01)
    beacon = len(PRESENCE)
    assert (train == beacon).any(axis=(1, 2)).sum() >= 8
    assert (test == beacon).any(axis=(1, 2)).sum() >= 3


def test_objects_stay_large_enough_to_learn(demo):
    masks = labels(demo, "trainval")
    beacons = (masks == len(PRESENCE)).sum(axis=(1, 2))
    assert beacons[beacons > 0].min() >= 100


def test_empty_images_exist_and_have_no_border(demo):
    masks = labels(demo, "trainval")
    objects = ((masks > 0) & (masks < IGNORE)).any(axis=(1, 2))
    border = (masks == IGNORE).any(axis=(1, 2))
    assert 0.06 <= 1 - objects.mean() <= 0.10
    assert (border == objects).all()


def test_a_border_parts_objects_from_background(demo):
    """No object pixel touches a pixel of another class, background included."""
    masks = labels(demo, "val")
    for one, next_to in ((masks[:, 1:], masks[:, :-1]), (masks[:, :, 1:], masks[:, :, :-1])):
        assert ((one == next_to) | (one == IGNORE) | (next_to == IGNORE)).all()


def test_lists_partition_the_images(demo):
    train, test, both = (set(ids(demo, name)) for name in ("train", "val", "trainval"))
    assert (len(train), len(test)) == (240, 80)
    assert not train & test
    assert train | test == both == {path.stem for path in (demo / "JPEGImages").iterdir()}


@pytest.mark.parametrize("count", [1, 9, 45, 240])
def test_dealt_classes_meet_their_quotas(count):
    quotas = {"tree": round(0.6 * count), "kite": max(1, round(0.1 * count)), "beacon": 1}
    hands = assign_classes(generator(0, "test"), quotas, count)
    assert len(hands) == count
    assert {name: sum(name in hand for hand in hands) for name in quotas} == quotas
    assert all(len(set(hand)) == len(hand) for hand in hands)


@pytest.mark.parametrize("images", [60, 61, 64, 75, 100, 200])
def test_the_rarest_stays_rare_and_in_both_lists_from_60_images(images):
    lists, shown = voc._plan(images, seed=3)
    beacons = {index for index, hand in shown.items() if "beacon" in hand}
    assert len(beacons) < 0.05 * images
    assert beacons & set(lists["train"])
    assert beacons & set(lists["val"])


def test_second_call_rewrites_nothing(tiny):
    before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*")}
    assert draw_voc(tiny, **TINY) == tiny
    assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*")} == before


def test_other_parameters_are_refused(tiny):
    with pytest.raises(FileExistsError, match=r"'seed': 7.*holds other files.*'seed': 0.*choose another folder"):
        draw_voc(tiny, seed=7, **TINY)


@pytest.mark.parametrize("name", ["notes.txt", "dataset.json"])
def test_a_foreign_folder_is_refused_and_kept(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match="no readable dataset.json"):
        draw_voc(tmp_path, **TINY)
    assert contents(tmp_path) == {name: b"mine"}


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    drawn = []

    def breaks_down(*arguments):
        drawn.append(arguments)
        if len(drawn) > 3:
            raise KeyboardInterrupt
        return paint_scene(*arguments)

    paint_scene = voc.paint_scene
    monkeypatch.setattr(voc, "paint_scene", breaks_down)
    with pytest.raises(KeyboardInterrupt):
        draw_voc(tmp_path / "demo", **TINY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"images": 3}, {"size": (64, 32)}])
def test_too_little_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="must be at least"):
        draw_voc(tmp_path / "demo", **wrong)
