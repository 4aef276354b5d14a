"""Tables of the classes, made from the tables of pixel counts and of objects."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rarepix.data.inventory.counting import BORDER


def class_table(counts: pd.DataFrame, objects: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return one row a class, most pixels first, and ``border`` (ignored pixels) as the last row.

    Columns: images (that hold it), image_share (of all images), pixels, pixel_share (of all pixels of the images,
    ignored ones included), objects, object_pixels (median; NaN without objects).

    *counts* has ``border``, ``height`` and ``width`` beside the classes *names*; *objects* is that of ``find_objects``.
    """
    per_class = counts[[*names, BORDER]]
    holds, pixels = per_class > 0, per_class.sum()
    sizes = objects.groupby("class")["pixels"]
    table = pd.DataFrame(
        {
            "images": holds.sum(),
            "image_share": holds.mean(),
            "pixels": pixels,
            "pixel_share": pixels / (counts["height"] * counts["width"]).sum(),  # several classes may share a pixel
            "objects": sizes.size().reindex(pixels.index, fill_value=0),
            "object_pixels": sizes.median().reindex(pixels.index),
        }
    ).rename_axis("class")
    order = pixels[[*names]].sort_values(ascending=False, kind="stable").index
    return table.loc[[*order, BORDER]]


def co_occurrence(counts: pd.DataFrame) -> pd.DataFrame:
    """Return, of the images that hold the row's class, the share that hold the column's; NaN rows where none do.

    *counts* is an image × class table of pixel counts (classes only).
    """
    holds = (counts > 0).to_numpy(np.int64)
    joint = holds.T @ holds
    images = np.diag(joint).astype(float)[:, None]
    share = np.divide(joint, images, out=np.full(joint.shape, np.nan), where=images > 0)
    return pd.DataFrame(share, index=counts.columns, columns=counts.columns)


def describe_sizes(counts: pd.DataFrame) -> str:
    """Return the widths and heights of the images in words: ``all 240×180``, or their ranges and the commonest."""
    sizes = counts[["width", "height"]].value_counts()
    most = "×".join(map(str, sizes.index[0]))
    if len(sizes) == 1:
        return f"all {most}"
    sides = [f"{counts[side].min()} to {counts[side].max()}" for side in ("width", "height")]
    return f"{' × '.join(sides)}, {len(sizes)} different, most often {most}"
