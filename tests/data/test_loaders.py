"""Loaders: equal sizes in a batch, padding that does not count, and the order that was asked for."""

import cv2
import numpy as np
import pytest
import torch

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.loaders import Collate, build_loader, worker_count
from rarepix.data.samplers import EpochSampler
from rarepix.data.sources import open_source
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import build_paste
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.labels import LabelSpace
from tests.conftest import CLASSES

PLAIN = {"ignore": 255, "workers": 0, "pin_memory": False}


def sample(rows: int, columns: int, name: str = "x") -> dict:
    return {
        "image": torch.full((3, rows, columns), 7, dtype=torch.uint8),
        "mask": torch.ones(rows, columns, dtype=torch.uint8),
        "id": name,
    }


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(64, 96)], (64, 96)),
        ([(64, 97)], (64, 128)),
        ([(1, 1)], (32, 32)),
        ([(64, 32), (33, 64)], (64, 64)),
        ([(500, 375), (375, 500)], (512, 512)),
    ],
)
def test_padded_to_the_largest_and_the_stride(sizes, expected):
    batch = Collate(255)([sample(*size) for size in sizes])
    assert batch["image"].shape == (len(sizes), 3, *expected)
    assert batch["mask"].shape == (len(sizes), *expected)
    for position, (rows, columns) in enumerate(sizes):
        mask, image = batch["mask"][position], batch["image"][position]
        assert (mask[:rows, :columns] == 1).all()
        assert (image[:, :rows, :columns] == 7).all()
        assert int((mask == 255).sum()) == mask.numel() - rows * columns
        assert int((image == 0).sum()) == 3 * (mask.numel() - rows * columns)


def test_padding_is_the_ignore_id_of_the_dataset():
    assert set(Collate(9)([sample(10, 10)])["mask"].unique().tolist()) == {1, 9}


def test_layers_are_padded_with_the_ignore_id():
    batch = Collate(255)([sample(32, 20) | {"mask": torch.ones(5, 32, 20, dtype=torch.uint8)}])
    assert batch["mask"].shape == (1, 5, 32, 32)
    assert (batch["mask"] == 255).sum(dim=(2, 3)).tolist() == [[32 * 12] * 5]


def test_sizes_before_padding():
    batch = Collate(255)([sample(10, 40), sample(33, 8)])
    assert batch["image_size"] == batch["mask_size"] == [(10, 40), (33, 8)]


@pytest.mark.parametrize("layers", [(), (5,)])
def test_masks_of_another_size_than_their_images_are_padded_to_the_largest_of_them(layers):
    masks = [torch.ones(*layers, rows, columns, dtype=torch.uint8) for rows, columns in ((100, 50), (70, 90))]
    batch = Collate(255)([sample(20, 40) | {"mask": masks[0]}, sample(70, 90) | {"mask": masks[1]}])
    assert batch["image"].shape == (2, 3, 96, 96)
    assert batch["mask"].shape == (2, *layers, 100, 90)
    assert batch["mask_size"] == [(100, 50), (70, 90)]
    assert batch["image_size"] == [(20, 40), (70, 90)]
    assert (batch["mask"][0, ..., 50:] == 255).all()
    assert (batch["mask"][0, ..., :50] == 1).all()


def test_names_keep_their_place():
    assert Collate(255)([sample(32, 32, "b"), sample(32, 32, "a")])["id"] == ["b", "a"]


def test_what_became_of_the_pastes_is_one_tensor():
    batch = Collate(255)([sample(32, 32) | {"paste": outcome} for outcome in (1, 0, 4)])
    assert batch["paste"].tolist() == [1, 0, 4]
    assert batch["paste"].dtype == torch.int64
    assert "paste" not in Collate(255)([sample(32, 32)])


@pytest.fixture(scope="module")
def items(tiny_voc):
    return open_source("voc", tiny_voc).items("train")


def test_evaluation_sees_every_image_once_in_order(items):
    loader = build_loader(SegmentationDataset(items), batch_size=4, **PLAIN)
    batches = [batch["id"] for batch in loader]
    assert [len(batch) for batch in batches] == [4, 4, 4, 4, 2]
    assert [name for batch in batches for name in batch] == [item.id for item in items]


def test_training_leaves_out_what_fills_no_batch(items):
    sampler = EpochSampler(np.full(18, 1 / 18), 18, mode="shuffled", seed=0)
    loader = build_loader(SegmentationDataset(items), batch_size=4, sampler=sampler, **PLAIN)
    assert [len(batch["id"]) for batch in loader] == [4] * 4 == [4] * len(loader)


def test_workers_change_nothing(items):
    labels = LabelSpace(names=CLASSES, background=0)
    augment = build_augment(AugmentConfig(rotate=20), CropConfig(size=(32, 64)), labels=labels)
    counts = take_inventory(items, labels)[[*CLASSES]]
    batches = []
    for workers in (0, 2):
        sampler = EpochSampler(np.full(18, 1 / 18), 8, mode="drawn", seed=0)
        sampler.set_epoch(3)
        paste = build_paste(PasteConfig(kind="copy_paste"), counts, labels=labels)
        dataset = SegmentationDataset(items, augment=augment, paste=paste, in_memory=True)
        batches.append(list(build_loader(dataset, batch_size=4, sampler=sampler, **PLAIN | {"workers": workers})))
    for one, other in zip(*batches, strict=True):
        assert one["id"] == other["id"]
        assert (one["image"] == other["image"]).all()
        assert (one["mask"] == other["mask"]).all()
        assert (one["paste"] == other["paste"]).all()


class Threads(torch.utils.data.Dataset):
    """Tells the threads that OpenCV and torch may use where it is read."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        cv2.GaussianBlur(LARGE, (5, 5), 1.0)
        return sample(32, 32, f"{cv2.getNumThreads()} {torch.get_num_threads()}")


LARGE = np.zeros((2000, 2000, 3), np.uint8)


def test_a_loader_process_keeps_to_one_thread_even_if_opencv_had_more():
    """Told so in the loader process itself, OpenCV waits for ever for threads that were not forked."""
    cv2.setNumThreads(4)
    cv2.GaussianBlur(LARGE, (5, 5), 1.0)
    loader = build_loader(Threads(), batch_size=2, **PLAIN | {"workers": 1})
    loader.timeout = 60
    (batch,) = loader
    assert batch["id"] == ["1 1", "1 1"]


@pytest.mark.parametrize(("wanted", "gpu", "count"), [(0, True, 0), (3, False, 3), ("auto", False, 0)])
def test_worker_count(wanted, gpu, count):
    assert worker_count(wanted, gpu=gpu) == count


def test_worker_count_on_a_gpu_is_that_of_the_cores_up_to_eight():
    assert 1 <= worker_count("auto", gpu=True) <= 8


@pytest.mark.parametrize(("stride", "expected"), [(32, (64, 64)), (128, (128, 128)), (1, (33, 40))])
def test_images_are_padded_to_the_stride_of_the_network(stride, expected):
    batch = Collate(255, stride)([sample(10, 40), sample(33, 8)])
    assert tuple(batch["image"].shape[-2:]) == tuple(batch["mask"].shape[-2:]) == expected
