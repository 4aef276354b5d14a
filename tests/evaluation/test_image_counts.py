"""The counts of a finished trial, against predictions made and counted without our code."""

import numpy as np
import pandas as pd
import pytest
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix

from rarepix.evaluation.image_counts import ImageCounts, image_table
from rarepix.labels import LabelSpace

LABELS = LabelSpace(names=("a", "b"), rare=("b",))
COUNTS = {
    "val": ImageCounts(["x", "y"], np.array([[[5, 2, 1, 3], [3, 1, 2, 5]], [[4, 0, 0, 0], [0, 0, 0, 4]]])),
    "test": ImageCounts(["z"], np.array([[[0, 1, 9, 1], [1, 9, 1, 0]]])),
}


def test_image_table_by_hand():
    expected = [
        ("val", "x", "a", 5, 2, 1, 3), ("val", "x", "b", 3, 1, 2, 5),
        ("val", "y", "a", 4, 0, 0, 0), ("val", "y", "b", 0, 0, 0, 4),
        ("test", "z", "a", 0, 1, 9, 1), ("test", "z", "b", 1, 9, 1, 0),
    ]  # fmt: skip
    table = image_table(COUNTS, LABELS)
    assert table.columns.tolist() == ["split", "image", "class", "tp", "fp", "fn", "tn"]
    assert list(table.itertuples(index=False, name=None)) == expected
    assert all(pd.api.types.is_integer_dtype(table[kind]) for kind in ("tp", "fp", "fn", "tn"))


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
