"""How often each sampling shows images that hold each class of the demo data."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from rarepix.data.inventory import take_inventory
from rarepix.data.sources import open_source
from rarepix.data.synthetic import draw_voc
from rarepix.data.weights import image_weights
from rarepix.files import replacing

KINDS = {
    "uniform": {},
    "repeat_factor": {},
    "inverse_log": {},
    "class_uniform": {},
    "rare_class": {},
}
COLOURS = ("#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7")
"""Of Okabe and Ito: told apart by the colour-blind, too."""


def shown(counts: pd.DataFrame) -> pd.DataFrame:
    """Return sampling × class: the share of draws that show an image which holds the class, rarest class first."""
    presence = counts > 0
    rows = {kind: presence.mul(image_weights(counts, kind, **given), axis=0).sum() for kind, given in KINDS.items()}
    return pd.DataFrame(rows).T[presence.sum().sort_values().index]


def draw(root: Path, path: Path) -> None:
    """Draw the demo data into *root* and the picture to *path*."""
    source = open_source("voc", draw_voc(root))
    counts = take_inventory(source.items("train"), source.labels)[[*source.labels.names]]
    table = shown(counts) * 100
    figure, axes = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
    table.T.plot.bar(ax=axes, color=COLOURS, width=0.8, rot=0)
    axes.set(ylabel="% of the images shown that hold the class", ylim=(0, 105))
    axes.set_xticks(
        range(table.shape[1]), [f"{name}\nin {(counts[name] > 0).sum()} of {len(counts)}" for name in table]
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(title="sampling.kind", frameon=False, loc="upper left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
