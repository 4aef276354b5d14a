"""Samples: the same from memory and from disk, and errors that name their file."""

import numpy as np
import pytest
import torch
from PIL import Image

from rarepix.data.dataset import SegmentationDataset, decoded_gib
from rarepix.data.inventory import take_inventory
from rarepix.data.masks import LayerMask
from rarepix.data.samplers import SampleIndex
from rarepix.data.source import DataError, Item
from rarepix.data.sources import open_source
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import PasteOutcome, build_paste
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.labels import LabelSpace
from tests.conftest import CLASSES
from tests.layouts import write_lesions

LABELS = LabelSpace(names=CLASSES, background=0)


@pytest.fixture(scope="module")
def items(tiny_voc):
    return open_source("voc", tiny_voc).items("train")


@pytest.fixture(scope="module")
def augment():
    return build_augment(AugmentConfig(rotate=20), CropConfig(size=(32, 64)), labels=LABELS)


def pasting(items, augment, kind, *, in_memory):
    counts = take_inventory(items, LABELS)[[*LABELS.names]]
    paste = build_paste(PasteConfig(kind=kind, probability=1.0), counts, labels=LABELS)
    return SegmentationDataset(items, augment=augment, paste=paste, in_memory=in_memory)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_sample_is_what_the_files_hold(items, in_memory):
    sample = SegmentationDataset(items, in_memory=in_memory)[2]
    image, mask = np.asarray(Image.open(items[2].image)), np.asarray(Image.open(items[2].mask.path))
    assert sample["id"] == "img02"
    assert (sample["image"].dtype, sample["mask"].dtype) == (torch.uint8, torch.uint8)
    assert (sample["image"].permute(1, 2, 0).numpy() == image).all()
    assert (sample["mask"].numpy() == mask).all()


def test_memory_and_disk_agree_and_memory_stays_as_it_was(items, augment):
    lazy, held = (SegmentationDataset(items, augment=augment, in_memory=in_memory) for in_memory in (False, True))
    before = [(image.copy(), mask.copy()) for image, mask in held.decoded]
    for seed in range(10):
        draw = SampleIndex(seed % 4, seed)
        one, other = lazy[draw], held[draw]
        assert (one["image"] == other["image"]).all()
        assert (one["mask"] == other["mask"]).all()
        one["image"].zero_()
    for (image, mask), (image_before, mask_before) in zip(held.decoded, before, strict=True):
        assert (image == image_before).all()
        assert (mask == mask_before).all()


def test_a_plain_index_is_not_augmented(items, augment):
    assert SegmentationDataset(items, augment=augment)[0]["image"].shape == (3, 64, 96)
    assert SegmentationDataset(items, augment=augment)[SampleIndex(0, 1)]["image"].shape == (3, 32, 64)


def test_length(items):
    assert len(SegmentationDataset(items)) == 18


def test_decoded_gib_is_three_channels_and_a_mask():
    assert decoded_gib(np.array([1024, 512]), np.array([1024, 1024])) == (1024 * 1024 + 512 * 1024) * 4 / 2**30
    assert decoded_gib(np.array([50_000], np.int32), np.array([50_000], np.int32)) == pytest.approx(9.313, abs=1e-3)


@pytest.mark.parametrize("kind", ["copy_paste", "classmix", "cutmix"])
def test_memory_and_disk_agree_about_what_is_pasted(items, augment, kind):
    lazy, held = (pasting(items, augment, kind, in_memory=in_memory) for in_memory in (False, True))
    before = [(image.copy(), mask.copy()) for image, mask in held.decoded]
    plain = SegmentationDataset(items, augment=augment)
    changed = 0
    for seed in range(8):
        draw = SampleIndex(seed, seed)
        one, other = lazy[draw], held[draw]
        assert (one["image"] == other["image"]).all()
        assert (one["mask"] == other["mask"]).all()
        assert one["paste"] == other["paste"]
        changed += bool((one["mask"] != plain[draw]["mask"]).any())
    assert changed > 3
    for (image, mask), (image_before, mask_before) in zip(held.decoded, before, strict=True):
        assert (image == image_before).all()
        assert (mask == mask_before).all()


def test_only_what_is_drawn_tells_what_became_of_its_paste(items, augment):
    dataset = pasting(items, augment, "cutmix", in_memory=False)
    assert dataset[SampleIndex(0, 1)]["paste"] == PasteOutcome.PASTED
    assert "paste" not in dataset[0]
    assert "paste" not in SegmentationDataset(items, augment=augment)[SampleIndex(0, 1)]


def test_a_mixed_in_donor_is_shown_as_images_are_and_a_copied_one_as_it_lies_on_disk(items, augment):
    """The flip, resize and crop of the target do not touch the region that is copied."""
    asked = []

    class Spy:
        donors, whole_donors = None, True

        def __call__(self, image, mask, read, seed):
            asked.append(read(5)[0].shape)
            return image, mask, PasteOutcome.PASTED

    spy = Spy()
    for spy.whole_donors in (True, False):
        SegmentationDataset(items, augment=augment, paste=spy)[SampleIndex(0, 1)]
    assert asked == [(32, 64, 3), (64, 96, 3)]


def test_a_paste_goes_without_augmentation(items):
    sample = SegmentationDataset(items, paste=pasting(items, None, "cutmix", in_memory=False).paste)[SampleIndex(0, 3)]
    assert sample["image"].shape == (3, 64, 96)
    assert sample["paste"] == PasteOutcome.PASTED


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_truncated_image_is_named(damaged_voc, in_memory):
    items = open_source("voc", damaged_voc).items("train")
    items[1].image.write_bytes(items[1].image.read_bytes()[:900])
    message = r"img01\.jpg must be a readable image, but: .*truncated.*: repair it, or take it out of the list"
    with pytest.raises(DataError, match=message):
        SegmentationDataset(items, in_memory=in_memory)[1]


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    return open_source("lesions", write_lesions(tmp_path_factory.mktemp("lesions") / "eyes"))


@pytest.mark.parametrize("in_memory", [False, True])
def test_layers_come_first(lesions, in_memory):
    sample = SegmentationDataset(lesions.items("train"), in_memory=in_memory)[0]
    assert (sample["mask"].shape, sample["mask"].dtype) == ((3, 24, 32), torch.uint8)
    assert sample["mask"].sum(dim=(1, 2)).tolist() == [4 * 6, 6 * 6, 0]


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize(("resize", "size"), [((40, 48), (40, 48)), (48, (32, 48)), (192, (128, 192))])
def test_an_evaluated_image_is_resized_and_its_mask_is_not(items, augment, in_memory, resize, size):
    for given in ({}, {"augment": augment}):
        sample = SegmentationDataset(items, in_memory=in_memory, resize=resize, **given)[2]
        assert sample["image"].shape == (3, *size)
        assert (sample["mask"].numpy() == np.asarray(Image.open(items[2].mask.path))).all()


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_training_sample_is_resized_whole_before_anything_else(items, in_memory):
    resized = SegmentationDataset(items, in_memory=in_memory, resize=48)[SampleIndex(2, 0)]
    assert (resized["image"].shape, resized["mask"].shape) == ((3, 32, 48), (32, 48))
    mask = np.asarray(Image.open(items[2].mask.path))
    assert (resized["mask"].numpy() == mask[1::2, 1::2]).mean() > 0.95
    cropped = build_augment(AugmentConfig(flip=0), CropConfig(size=(32, 64)), labels=LABELS)
    shown = SegmentationDataset(items, augment=cropped, in_memory=in_memory, resize=48)[SampleIndex(2, 0)]
    assert shown["mask"].shape == (32, 64)
    assert (shown["mask"] == LABELS.ignore).sum() > 32 * 16  # the window is wider than the image has become


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_soft_mask_is_resized_with_its_training_image_alone(tmp_path, in_memory):
    grey = np.array([[40, 80, 0, 0], [0, 120, 0, 255]], np.uint8)
    for name in ("image.png", "layer.png"):
        Image.fromarray(grey).save(tmp_path / name)
    item = Item("x", tmp_path / "image.png", LayerMask((tmp_path / "layer.png",), soft=True))
    dataset = SegmentationDataset([item], in_memory=in_memory, resize=(1, 2), soft=True)
    assert dataset[0]["mask"].tolist() == [[[40, 80, 0, 0], [0, 120, 0, 254]]]
    assert dataset[SampleIndex(0, 0)]["mask"].tolist() == [[[60, 64]]]  # 63.5


def test_donors_are_resized_too(items):
    asked = []

    class Spy:
        donors, whole_donors = None, False

        def __call__(self, image, mask, read, seed):
            asked.extend(array.shape[:2] for array in (image, mask, *read(5)))
            return image, mask, PasteOutcome.PASTED

    for in_memory in (False, True):
        SegmentationDataset(items, paste=Spy(), resize=48, in_memory=in_memory)[SampleIndex(0, 1)]
    assert asked == [(32, 48)] * 8


def test_resized_layers(lesions):
    sample = SegmentationDataset(lesions.items("train"), resize=(12, 16))[SampleIndex(0, 0)]
    assert sample["mask"].shape == (3, 12, 16)
    assert sample["mask"].sum(dim=(1, 2)).tolist() == [2 * 3, 3 * 3, 0]


def test_decoded_gib_of_what_is_kept():
    sides = np.array([1024, 512]), np.array([1024, 1024])
    native, small = 1024 * 1024 + 512 * 1024, 512 * 512 + 256 * 512
    assert decoded_gib(*sides, layers=5) == native * 8 / 2**30
    assert decoded_gib(*sides, resize=512) == small * 4 / 2**30
    assert decoded_gib(*sides, resize=(64, 64), layers=2) == 2 * 64 * 64 * 5 / 2**30
    assert decoded_gib(*sides, resize=512, layers=2, native_masks=True) == (small * 3 + native * 2) / 2**30
