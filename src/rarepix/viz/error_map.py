"""Error maps: where a prediction is wrong, and whether the error concerns a rare class."""

from collections.abc import Sequence

import numpy as np

from rarepix.labels import LabelSpace
from rarepix.viz.style import BLUE, IGNORED, VERMILLION, YELLOW, rgb

CORRECT, MISSED, FALSE_ALARM, CONFUSED = (245, 245, 245), rgb(VERMILLION), rgb(BLUE), rgb(YELLOW)
LEGEND = (
    ("right", CORRECT),
    ("rare class missed", MISSED),
    ("rare class where it is not", FALSE_ALARM),
    ("other error", CONFUSED),
)
"""What the colours of the map mean; ignored pixels have the colour that they have in all pictures."""


def error_map(truth: np.ndarray, prediction: np.ndarray, labels: LabelSpace, *, rare: Sequence[str]) -> np.ndarray:
    """Return the errors of a prediction in colour, H W 3 uint8.

    A pixel of a rare class that is predicted as another class, rare or not, is missed; any other pixel that is
    predicted as a rare class is a false alarm; all other errors are one colour. A multilabel pixel is correct if it is
    so in all classes, and ignored if it is so in any. Both masks are H W ids or H W C of 0 and 1.
    """
    rare_ids = [labels.names.index(name) for name in rare]
    wrong, ignored = truth != prediction, truth == labels.ignore
    if truth.ndim == 3:
        missed = (wrong & (truth == 1))[..., rare_ids].any(axis=2)
        false_alarm = (wrong & (prediction == 1))[..., rare_ids].any(axis=2)
        wrong, ignored = wrong.any(axis=2), ignored.any(axis=2)
    else:
        missed, false_alarm = wrong & np.isin(truth, rare_ids), wrong & np.isin(prediction, rare_ids)
    colours = np.full((*wrong.shape, 3), CORRECT, np.uint8)
    for mask, colour in ((wrong, CONFUSED), (false_alarm, FALSE_ALARM), (missed, MISSED), (ignored, IGNORED)):
        colours[mask] = colour
    return colours
