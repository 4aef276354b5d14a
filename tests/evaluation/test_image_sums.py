"""The sums of a finished trial, against predictions made and counted without our code."""

import numpy as np
import pandas as pd
import pytest
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix

from rarepix.evaluation.image_sums import ImageSums, class_counts, image_table, split_sums
from rarepix.labels import LabelSpace, Task
from rarepix.record_splits import ANY_CLASS, ClassCounts, PresenceHistogram
from rarepix.scores import IMAGE_DICE_KINDS, KINDS, SOFT_KINDS, SURFACE_KINDS
from rarepix.scores.presence_bins import BINS

LABELS = LabelSpace(names=("a", "b"), rare=("b",))
VAL = ImageSums(
    ["x", "y"],
    {
        "pixels": np.array([[[5, 2, 1, 3], [3, 1, 2, 5]], [[4, 0, 0, 0], [0, 0, 0, 4]]]),
        "confusion": np.array([[[9, 1], [2, 3]]]),  # of both images
        "presence": np.array([[[1, 0, 0, 0], [1, 0, 0, 0]], [[1, 0, 0, 0], [0, 0, 0, 1]]]),
    },
)
SPLITS = {"val": VAL, "test": ImageSums(["z"], {"pixels": np.array([[[0, 1, 9, 1], [1, 9, 1, 0]]])})}


def test_image_table_by_hand():
    expected = [
        ("val", "x", "a", 5, 2, 1, 3), ("val", "x", "b", 3, 1, 2, 5),
        ("val", "y", "a", 4, 0, 0, 0), ("val", "y", "b", 0, 0, 0, 4),
        ("test", "z", "a", 0, 1, 9, 1), ("test", "z", "b", 1, 9, 1, 0),
    ]  # fmt: skip
    table = image_table(SPLITS, LABELS)
    assert table.columns.tolist() == ["split", "image", "class", "tp", "fp", "fn", "tn"]
    assert list(table.itertuples(index=False, name=None)) == expected
    assert all(pd.api.types.is_integer_dtype(table[kind]) for kind in ("tp", "fp", "fn", "tn"))


def test_a_record_keeps_the_sums_over_all_images():
    counts = {name: tuple(each.model_dump().values()) for name, each in class_counts(VAL, LABELS).items()}
    assert counts == {"a": (9, 2, 1, 3), "b": (3, 1, 2, 9)}
    sums = split_sums(VAL, LABELS)
    assert sums.confusion == ((9, 1), (2, 3))
    presence = {name: tuple(each.model_dump().values()) for name, each in sums.presence.items()}
    assert presence == {"a": (2, 0, 0, 0), "b": (1, 0, 0, 1)}
    assert sums.soft is sums.surface is None


def test_sums_of_soft_masks_and_outlines_have_their_names():
    layers = LabelSpace(names=("a",), task=Task.MULTILABEL)
    given = {"soft": np.arange(6.0).reshape(1, 1, 6), "surface": np.arange(4.0).reshape(1, 1, 4)}
    sums = split_sums(ImageSums(["x"], given), layers)
    assert sums.soft == {"a": dict(zip(SOFT_KINDS, range(6), strict=True))}
    assert sums.surface == {"a": dict(zip(SURFACE_KINDS, range(4), strict=True))}
    assert sums.confusion is sums.presence is None


def test_sums_of_empty_images_have_their_names():
    """Of a histogram the bins with images are kept."""
    layers = LabelSpace(names=("a",), task=Task.MULTILABEL)
    histogram = np.zeros((2, 2, BINS, 2), int)  # of two batches
    histogram[0, 0, 7] = 1, 2
    histogram[1, 0, 7] = 3, 0
    histogram[1, 1, 0] = 4, 0
    given = {
        "foreground": np.array([[1, 0, 0, 0], [0, 0, 0, 1]]),
        "positive_pixels": np.array([[[1, 2, 3, 4]], [[0, 0, 0, 0]]]),
        "image_dice": np.array([[[0.25, 1, 0, 0]], [[0, 0, 1, 1]]]),
        "presence_histogram": histogram,
    }
    sums = split_sums(ImageSums(["x", "y"], given), layers)
    assert sums.foreground == ClassCounts(tp=1, fp=0, fn=0, tn=1)
    assert sums.positive_pixels == {"a": ClassCounts(tp=1, fp=2, fn=3, tn=4)}
    assert sums.image_dice == {"a": dict(zip(IMAGE_DICE_KINDS, (0.25, 1, 1, 1), strict=True))}
    assert sums.presence_histogram == {
        "a": PresenceHistogram(bins=(7,), negatives=(4,), positives=(2,)),
        ANY_CLASS: PresenceHistogram(bins=(0,), negatives=(4,), positives=(0,)),
    }


@pytest.fixture(scope="module")
def predicted(finished, tiny_voc) -> dict[str, np.ndarray]:
    """Image id → confusion counts of the best checkpoint: predicted one by one, counted with scikit-learn."""
    state = torch.load(finished.folder / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    network = smp.Unet("tu-lcnet_035", encoder_weights=None, classes=4, decoder_channels=[16, 16, 8, 8, 8]).eval()
    network.load_state_dict({name.removeprefix("model."): value for name, value in state.items()})
    actual = {}
    for file in sorted((tiny_voc / "JPEGImages").iterdir()):
        image = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)[None] / 255
        image = (image - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
            3, 1, 1
        )
        with torch.no_grad():
            prediction = network(image).argmax(1)[0].numpy()
        truth = np.asarray(Image.open(tiny_voc / "SegmentationClass" / f"{file.stem}.png"))
        actual[file.stem] = confusion_matrix(truth[truth != 255], prediction[truth != 255], labels=range(4))
    return actual


def test_counts_of_every_image_are_those_of_the_best_checkpoint(finished, predicted):
    table = pd.read_parquet(finished.folder / "images.parquet")
    assert sorted(table["split"].unique()) == ["test", "val"]
    off = 0
    for (_, image), rows in table.groupby(["split", "image"]):
        confusion = predicted[image]
        rows = rows.set_index("class").loc[["ground", "block", "stripe", "dot"]]
        expected = {"tp": confusion.diagonal(), "fp": confusion.sum(0) - confusion.diagonal()}
        for kind, values in expected.items():
            off += int(np.abs(rows[kind].to_numpy() - values).sum())
        assert (rows["tp"] + rows["fn"]).tolist() == confusion.sum(1).tolist()
    assert off <= 4  # pixels at which two classes tie to the last bit may fall either way in another batch


def test_the_record_has_the_confusion_matrix_and_the_presence_of_every_part(finished, predicted):
    table = pd.read_parquet(finished.folder / "images.parquet")
    for split, sums in finished.record.sums.items():
        images = table.loc[table["split"] == split, "image"].unique()
        confusion = sum(predicted[image] for image in images)
        assert np.abs(np.array(sums.confusion) - confusion).sum() <= 8  # ties, as above
        assert list(sums.presence) == ["block", "stripe", "dot"]
        for number, counts in enumerate(sums.presence.values(), start=1):
            present = np.array([predicted[image][number].sum() > 0 for image in images])
            assert (counts.tp + counts.fn, counts.fp + counts.tn) == (present.sum(), (~present).sum())
    assert set(finished.record.sums) == {"val", "test"}


def test_the_record_has_sums_of_empty_images_that_the_counts_of_each_image_give(finished):
    table = pd.read_parquet(finished.folder / "images.parquet")
    for split, sums in finished.record.sums.items():
        rows = table[(table["split"] == split) & (table["class"] != "ground")].set_index(["image", "class"])
        has, found = rows["tp"] + rows["fn"] > 0, rows["tp"] + rows["fp"] > 0
        any_has, any_found = (each.groupby("image").any() for each in (has, found))
        pairs = [(True, True), (False, True), (True, False), (False, False)]
        expected = [int(((any_has == one) & (any_found == other)).sum()) for one, other in pairs]
        assert list(sums.foreground.model_dump().values()) == expected
        positive = rows[any_has.reindex(rows.index.get_level_values("image")).to_numpy()]
        dice = (2 * rows["tp"] / (2 * rows["tp"] + rows["fp"] + rows["fn"])).where(has)
        for name in ("block", "stripe", "dot"):
            assert sums.positive_pixels[name].model_dump() == positive.xs(name, level="class")[[*KINDS]].sum().to_dict()
            of_class = dice.xs(name, level="class")
            actual = sums.image_dice[name]
            assert (actual["dice"], actual["positives"]) == pytest.approx((of_class.sum(), of_class.count()))
            histogram, counts = sums.presence_histogram[name], sums.presence[name]
            assert sum(histogram.positives) == counts.tp + counts.fn == actual["positives"]
            assert sum(histogram.negatives) == counts.fp + counts.tn == actual["negatives"]
            assert counts.tn == actual["true_negatives"]
