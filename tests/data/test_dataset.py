"""Samples: the same from memory and from disk, and errors that name their file."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from rarepix.data.augment import build_augment
from rarepix.data.dataset import SegmentationDataset, check_crop, decoded_gib
from rarepix.data.samplers import Draw
from rarepix.data.settings import AugmentConfig
from rarepix.data.source import DataError
from rarepix.data.sources import open_source


@pytest.fixture(scope="module")
def items(tiny_voc):
    return open_source("voc", tiny_voc).items("train")


@pytest.fixture(scope="module")
def augment():
    return build_augment(AugmentConfig(flip=0.5, rotate=20, crop=(32, 64)), ignore=255)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_sample_is_what_the_files_hold(items, in_memory):
    sample = SegmentationDataset(items, in_memory=in_memory)[2]
    image, mask = np.asarray(Image.open(items[2].image)), np.asarray(Image.open(items[2].mask))
    assert sample["id"] == "img02"
    assert (sample["image"].dtype, sample["mask"].dtype) == (torch.uint8, torch.uint8)
    assert (sample["image"].permute(1, 2, 0).numpy() == image).all()
    assert (sample["mask"].numpy() == mask).all()


def test_memory_and_disk_agree_and_memory_stays_as_it_was(items, augment):
    lazy, held = (SegmentationDataset(items, augment=augment, in_memory=in_memory) for in_memory in (False, True))
    before = [(image.copy(), mask.copy()) for image, mask in held.decoded]
    for seed in range(10):
        draw = Draw(seed % 4, seed)
        one, other = lazy[draw], held[draw]
        assert (one["image"] == other["image"]).all()
        assert (one["mask"] == other["mask"]).all()
        one["image"].zero_()
    for (image, mask), (image_before, mask_before) in zip(held.decoded, before, strict=True):
        assert (image == image_before).all()
        assert (mask == mask_before).all()


def test_a_plain_index_is_not_augmented(items, augment):
    assert SegmentationDataset(items, augment=augment)[0]["image"].shape == (3, 64, 96)
    assert SegmentationDataset(items, augment=augment)[Draw(0, 1)]["image"].shape == (3, 32, 64)


def test_length(items):
    assert len(SegmentationDataset(items)) == 18


def test_decoded_gib_is_three_channels_and_a_mask():
    assert decoded_gib(np.array([1024, 512]), np.array([1024, 1024])) == (1024 * 1024 + 512 * 1024) * 4 / 2**30
    assert decoded_gib(np.array([50_000], np.int32), np.array([50_000], np.int32)) == pytest.approx(9.313, abs=1e-3)


@pytest.mark.parametrize("crop", [None, (64, 96), (32, 32)])
def test_a_crop_that_fits(items, crop):
    check_crop(items, np.full(18, 64), np.full(18, 96), crop)


@pytest.mark.parametrize(("crop", "wanted"), [((96, 96), "96×96"), ((64, 128), "64×128")])
def test_a_crop_that_does_not(items, crop, wanted):
    heights, widths = np.full(18, 128), np.full(18, 128)
    heights[[3, 5]], widths[[3, 5]] = 64, 96
    message = (
        f"every image must be at least as large as augment.crop = {wanted} (rows × columns), but "
        f"{items[3].image} is 64×96 (2 such images): use a smaller crop or augment.crop=null"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        check_crop(items, heights, widths, crop)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_truncated_image_is_named(damaged_voc, in_memory):
    items = open_source("voc", damaged_voc).items("train")
    items[1].image.write_bytes(items[1].image.read_bytes()[:900])
    message = r"img01\.jpg must be a readable image, but: .*truncated.*: repair it, or take it out of the list"
    with pytest.raises(DataError, match=message):
        SegmentationDataset(items, in_memory=in_memory)[1]
