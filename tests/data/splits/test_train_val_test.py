"""Parts: who trains, validates and tests, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from rarepix.data.settings import DataConfig
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.splits.clusters import assign
from rarepix.data.splits.train_val_test import make_splits


def parts_of(root, seed: int = 0, cache=None, **config):
    return make_splits(
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


THIN = {"classes": ["stripe"], "keep": 0.5}


@pytest.mark.parametrize("split", [{}, {"split": "listed", "val_list": "val", "test_list": None}])
def test_the_training_list_is_thinned_before_it_is_cut(tiny_voc, split):
    """A stripe is in every third of the 18 images; the other lists stay whole."""
    parts = parts_of(tiny_voc, scarcity=THIN, **split)
    assert len(parts.thinned) == 3
    assert set(parts.thinned) < {f"img{number:02}" for number in range(0, 18, 3)}
    assert list(parts.thinned) == sorted(parts.thinned)
    assert not set(parts.thinned) & ({*parts.inventory.index} | {*parts.folds.index})
    left = [name for part in parts.by_name.values() for name in ids(part)]
    assert sorted([*left, *parts.thinned]) == [f"img{number:02}" for number in range(24)]
    assert len(parts.by_name["val" if split else "test"].items) == 6


def test_which_images_are_missing_is_the_dataset_and_not_the_block(tiny_voc):
    one, other = parts_of(tiny_voc, 0, scarcity=THIN), parts_of(tiny_voc, 1, fold=2, scarcity=THIN)
    assert one.thinned == other.thinned
    assert one.thinned != parts_of(tiny_voc, scarcity=THIN | {"seed": 1}).thinned
    assert parts_of(tiny_voc).thinned == ()


def test_nearly_equal_images_are_not_divided_where_groups_are_found(damaged_voc):
    """Three images of the training list are bright or cut versions of others, which have other names."""
    copies = {"img00": "img09", "img01": "img10", "img02": "img11"}
    random = np.random.default_rng(0)
    for number in range(18):  # the images of the fixture are nearly equal themselves
        coarse = Image.fromarray(random.integers(0, 255, (6, 9, 3), dtype=np.uint8)).resize((96, 64))
        coarse.save(damaged_voc / "JPEGImages" / f"img{number:02}.jpg", quality=95)
    for original, copy in copies.items():
        with Image.open(damaged_voc / "JPEGImages" / f"{original}.jpg") as image:
            image.save(damaged_voc / "JPEGImages" / f"{copy}.jpg", quality=40)
    for seed in range(4):
        folds = parts_of(damaged_voc, seed=seed, groups="auto", split="random").folds
        assert all(folds[original] == folds[copy] for original, copy in copies.items())
        assert folds.nunique() == 3
    free = [parts_of(damaged_voc, seed=seed, split="random").folds for seed in range(4)]
    assert any(folds[original] != folds[copy] for folds in free for original, copy in copies.items())


def test_groups_are_read_from_the_dataset_and_not_divided(damaged_voc):
    rows = [f"JPEGImages/img{number:02}.jpg,{number // 3}" for number in range(18)]
    (damaged_voc / "groups.csv").write_text("\n".join(["image,scene", *rows]))
    parts = [parts_of(damaged_voc, fold=fold, groups={"file": "groups.csv", "column": "scene"}) for fold in range(3)]
    for part in parts:
        scenes = [{int(name[3:]) // 3 for name in ids(part.by_name[each])} for each in ("train", "val")]
        assert not scenes[0] & scenes[1]
    assert sorted(name for part in parts for name in ids(part.by_name["val"])) == [f"img{n:02}" for n in range(18)]


def test_clusters_of_what_is_left_come_with_the_parts(tiny_voc):
    parts = parts_of(tiny_voc, split="proportion_cluster", scarcity=THIN)
    assert parts.centroids.columns.tolist() == ["block", "stripe", "dot"]  # the ground tells no images apart
    counts = parts.inventory.loc[parts.folds.index, ["ground", "block", "stripe", "dot"]]
    result = assign(counts, parts.centroids)
    assert result.nunique() == len(parts.centroids) > 1
    shares = counts.div(counts.sum(axis=1), axis=0)[parts.centroids.columns].groupby(result).mean()
    assert shares.to_numpy() == pytest.approx(parts.centroids.to_numpy())
    assert parts_of(tiny_voc).centroids is None


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
        ({"scarcity": {"classes": ["strip"], "keep": 0.5}}, "'strip' is not: did you mean 'stripe'"),
        ({"scarcity": {"classes": ["stripe"], "keep": 0.5}, "folds": 16}, "to the number of images, 15, but got 16"),
        ({"groups": {"file": "scenes.csv", "column": "scene"}}, r"scenes\.csv must exist, but does not"),
    ],
)
def test_refuses(tiny_voc, config, message):
    with pytest.raises(ValueError, match=message):
        parts_of(tiny_voc, **config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"folds": 19}, "folds must be from 2 to the number of images, 18, but got 19"),
        ({"scarcity": {"classes": ["strip"], "keep": 0.5}}, "'strip' is not: did you mean 'stripe'"),
        ({"groups": {"file": "groups.csv", "column": "scene"}}, "at most the number of groups, 2, but got 3"),
    ],
)
def test_what_the_data_do_not_allow_is_an_error_of_the_data(damaged_voc, config, message):
    (damaged_voc / "groups.csv").write_text("\n".join(["image,scene", *(f"img{n:02},{n % 2}" for n in range(18))]))
    with pytest.raises(DataError, match=message):
        parts_of(damaged_voc, **config)


def test_thinning_may_take_the_last_image_of_a_class_that_may_be_absent(tiny_voc):
    """One of 14 images with a block stays, and all dots are in such images."""
    scarcity = {"classes": ["block"], "keep": 0.01, "seed": 1}
    with pytest.raises(DataError, match="none is left of dot after block with keep=0.01 and seed=1"):
        parts_of(tiny_voc, scarcity=scarcity)
    parts = parts_of(tiny_voc, scarcity=scarcity, allow_absent=("dot", "block"))
    assert len(parts.thinned) == 13
    assert not parts.by_name["train"].inventory["dot"].any()


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
