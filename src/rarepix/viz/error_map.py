"""Where a prediction is wrong, and whether what is wrong concerns the rare classes.

Colours are those of Okabe & Ito (2008), which colour-blind readers can tell apart.
"""

from collections.abc import Sequence

import numpy as np

from rarepix.labels import LabelSpace
from rarepix.viz.contact_sheet import IGNORED

RIGHT, MISSED, FALSE_ALARM, CONFUSED = (245, 245, 245), (213, 94, 0), (0, 114, 178), (240, 228, 66)
LEGEND = (
    ("right", RIGHT),
    ("rare class missed", MISSED),
    ("rare class where it is not", FALSE_ALARM),
    ("other error", CONFUSED),
)
"""What the colours of the map say; ignored pixels have the colour that they have everywhere."""


def error_map(truth: np.ndarray, said: np.ndarray, labels: LabelSpace, *, rare: Sequence[str]) -> np.ndarray:
    """Return the colours of a prediction's errors, H W 3 uint8.

    A pixel of a rare class that got another one, rare or not, is missed; else one that wrongly got a rare class is a
    false alarm. Of layers (multilabel) a pixel is right if all of them are, and ignored if any of them is ignored.

    Args:
        truth: H W ids or H W C layers, with the ignore id.
        said: of the same shape.
        labels: the classes.
        rare: names of the rare classes.
    """
    ids = [labels.names.index(name) for name in rare]
    wrong, ignored = truth != said, truth == labels.ignore
    if truth.ndim == 3:
        wrong, missed, alarm = (part.any(axis=2) for part in _of_layers(truth, said, ids))
        ignored = ignored.any(axis=2)
    else:
        missed, alarm = wrong & np.isin(truth, ids), wrong & np.isin(said, ids)
    picture = np.full((*wrong.shape, 3), RIGHT, np.uint8)
    for mask, colour in ((wrong, CONFUSED), (alarm, FALSE_ALARM), (missed, MISSED), (ignored, IGNORED)):
        picture[mask] = colour
    return picture


def _of_layers(truth: np.ndarray, said: np.ndarray, ids: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    wrong = truth != said
    return wrong, (wrong & (truth == 1))[..., ids], (wrong & (said == 1))[..., ids]
