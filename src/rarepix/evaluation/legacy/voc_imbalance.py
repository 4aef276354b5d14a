"""The validation and test scores of the VOC imbalance study: means over images, of the classes that they have."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Published, mean_of_present
from rarepix.labels import Task

TINY = 1e-7


class VocImbalance(Published):
    """Of each image the IoU and Dice of each class that it has: I / (P + Y − I + 1e-7) and 2 I / (P + Y + 1e-7).

    P has the predictions on void pixels, too. A class that is not in an image is left out there even where it was
    predicted: such a mistake costs nothing but the pixels of the classes that it covers.
    """

    name = "voc_imbalance"
    tasks = (Task.BINARY, Task.MULTICLASS)
    ignored_count = True

    def result(self) -> dict[str, float]:
        """Return for iou and dice (the second is in the published code, too, but not in its tables):

        ``validation_<score>``: the mean over images of each one's mean over its classes (batches of one).
        ``test_<score>``: the mean over all classes of each one's mean over the images that have it; NaN if a
        class is in no image. ``<score>/<class>``: those means.
        """
        areas = Areas(*np.stack(self.seen(), axis=1))  # each N C
        scores = {
            "iou": areas.both / (areas.union + TINY),
            "dice": 2 * areas.both / (areas.predicted + areas.true + TINY),
        }
        found: dict[str, float] = {}
        for score, values in scores.items():
            there = np.where(areas.true > 0, values, np.nan)
            classes = mean_of_present(there, axis=0)
            found[f"validation_{score}"] = float(mean_of_present(mean_of_present(there, axis=1)))
            found[f"test_{score}"] = float(classes.mean())
            found |= self._by_class(score, classes)
        return found
