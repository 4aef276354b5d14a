"""Parts: who trains, validates and tests, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from rarepix.data.parts import divide
from rarepix.data.settings import DataConfig
from rarepix.data.source import DataError
from rarepix.data.sources import open_source


def parts_of(root, seed: int = 0, cache=None, **config):
    return divide(
        open_source("voc", root), DataConfig(root=str(root), **({"folds": 3} | config)), seed=seed, cache=cache
    )


def ids(part) -> list[str]:
    return [item.id for item in part.items]


def test_folds_cut_the_training_list_and_nothing_else(tiny_voc):
    parts = [parts_of(tiny_voc, fold=fold) for fold in range(3)]
    everything = [f"img{number:02}" for number in range(18)]
    assert sorted(name for part in parts for name in ids(part.by_name["val"])) == everything
    for fold, part in enumerate(parts):
        train, val = ids(part.by_name["train"]), ids(part.by_name["val"])
        assert sorted(train + val) == everything
        assert val == sorted(val)
        assert set(val) == set(part.folds.index[part.folds == fold])
        assert ids(part.by_name["test"]) == [f"img{number:02}" for number in range(18, 24)]


def test_inventories_are_in_the_order_of_the_items(tiny_voc):
    for part in parts_of(tiny_voc).by_name.values():
        assert part.inventory.index.tolist() == ids(part)


def test_the_rare_class_is_in_every_fold(tiny_voc):
    for fold in range(3):
        part = parts_of(tiny_voc, fold=fold).by_name["val"]
        assert (part.inventory["dot"] > 0).sum() == 1


def test_another_seed_cuts_otherwise(tiny_voc):
    assert ids(parts_of(tiny_voc, 0).by_name["val"]) != ids(parts_of(tiny_voc, 1).by_name["val"])
    assert ids(parts_of(tiny_voc, 1).by_name["val"]) == ids(parts_of(tiny_voc, 1).by_name["val"])


def test_the_cache_changes_nothing(tiny_voc, tmp_path):
    plain, stored, read = (parts_of(tiny_voc, cache=cache) for cache in (None, tmp_path, tmp_path))
    assert plain.inventory.equals(stored.inventory)
    assert stored.inventory.equals(read.inventory)


def test_listed(tiny_voc):
    parts = parts_of(tiny_voc, split="listed", val_list="val", test_list=None)
    assert set(parts.by_name) == {"train", "val"}
    assert ids(parts.by_name["val"]) == [f"img{number:02}" for number in range(18, 24)]
    assert parts.folds.value_counts().to_dict() == {1: 18, 0: 6}
    assert (parts.folds.name, parts.folds.index.name) == ("fold", "image")


def test_no_test_list_no_test(tiny_voc):
    assert set(parts_of(tiny_voc, test_list=None).by_name) == {"train", "val"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"test_list": "train"},
            "must be in one list only, but 'img00' is in the train and the test list: take it out",
        ),
        ({"split": "listed", "val_list": "val"}, "but 'img18' is in the val and the test list"),
        ({"train_list": "trian"}, r"trian\.txt must exist, but does not: this dataset has the lists train, val"),
        ({"split": "randm"}, "unknown data.split 'randm': did you mean 'random'"),
        ({"folds": 19}, "folds must be from 2 to the number of images, 18, but got 19"),
    ],
)
def test_refuses(tiny_voc, config, message):
    with pytest.raises(ValueError, match=message):
        parts_of(tiny_voc, **config)


def test_a_class_in_no_training_image(damaged_voc):
    for number in (2, 8, 14):
        file = damaged_voc / "SegmentationClass" / f"img{number:02}.png"
        ids = np.array(Image.open(file))
        Image.fromarray(np.where(ids == 3, 0, ids).astype(np.uint8)).save(file)
    message = (
        r"every class must be in at least one training image, but fold 1 of split 'multilabel' has none of: dot: "
        r"use more images, fewer folds, another fold or seed, correct the classes in dataset.json, "
        r"or accept it with data.allow_absent=\['dot'\]"
    )
    with pytest.raises(DataError, match=message):
        parts_of(damaged_voc, fold=1)
    assert not parts_of(damaged_voc, fold=1, allow_absent=("dot",)).inventory["dot"].any()
