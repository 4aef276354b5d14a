"""Crop, batch and length, by the sizes of the images and by the machine."""

import pandas as pd
import pytest

from rarepix.starter.machine import Machine
from rarepix.starter.training import plan_training

LAPTOP, SERVER = Machine(0, 16 * 2**30, 8), Machine(1, 16 * 2**30, 8)


def sizes(*of_images: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(of_images, columns=["height", "width"])


@pytest.mark.parametrize(
    ("images", "machine", "crop"),
    [
        (sizes((180, 240)), LAPTOP, (160, 224)),  # down to multiples of 32
        (sizes((1080, 1920)), LAPTOP, (256, 256)),
        (sizes((1080, 1920)), SERVER, (512, 512)),
        (sizes((20, 31)), SERVER, (32, 32)),  # smaller images are padded
        (sizes((100, 100), (300, 200), (400, 400)), SERVER, (288, 192)),  # the median side
    ],
)
def test_a_crop_fits_half_of_the_images(images, machine, crop):
    assert plan_training(images, 100, machine).crop == crop


def test_whether_the_crop_covers_the_image():
    assert plan_training(sizes((180, 240)), 100, LAPTOP).covers  # 160·224 of 180·240: 83 %
    assert not plan_training(sizes((356, 536)), 100, LAPTOP).covers


def test_large_images_are_validated_in_windows():
    assert plan_training(sizes((512, 512)), 100, LAPTOP).window is None  # four crops
    assert plan_training(sizes((512, 513)), 100, LAPTOP).window == (256, 256)


@pytest.mark.parametrize(
    ("machine", "images", "batch"),
    [
        (SERVER, 100, 8),  # half of 16 GiB holds 8 crops of 512 · 512 · 4 KiB = 1 GiB
        (Machine(1, 80 * 2**30, 8), 100, 16),
        (Machine(1, 3 * 2**30, 8), 100, 2),  # never one alone, which batch normalisation cannot take
        (SERVER, 7, 4),  # an incomplete batch would be dropped
        (LAPTOP, 100, 4),
    ],
)
def test_a_batch_fits_the_memory_and_the_images(machine, images, batch):
    assert plan_training(sizes((1024, 1024)), images, machine).batch == batch


def test_epochs_make_the_updates_of_the_budget():
    small = plan_training(sizes((180, 240)), 60, LAPTOP)
    assert (small.batch, small.epochs, small.steps_per_epoch) == (4, 40, None)  # 15 batches · 40 = 600
    large = plan_training(sizes((180, 240)), 6000, LAPTOP)
    assert (large.epochs, large.steps_per_epoch) == (20, 30)  # a part of the images in each epoch
    tiny = plan_training(sizes((180, 240)), 5, LAPTOP)
    assert (tiny.epochs, tiny.steps_per_epoch) == (100, 6)  # 24 images an epoch: each about five times


def test_trials_share_the_cores_or_have_a_gpu_each():
    assert plan_training(sizes((64, 64)), 9, LAPTOP)[-3:-1] == (2, 4)
    assert plan_training(sizes((64, 64)), 9, Machine(0, 2**30, 1))[-3:-1] == (1, 1)
    assert plan_training(sizes((64, 64)), 9, Machine(4, 2**34, 64))[-3:-1] == (4, 0)
