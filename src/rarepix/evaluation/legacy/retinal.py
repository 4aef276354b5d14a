"""The retinal-lesion evaluator of the label-marginal losses: Dice of each image, where nothing on nothing is 1."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Published, mean_of_present
from rarepix.labels import Task
from rarepix.metrics.surface import hausdorff95, surface_dice, surface_lengths

THRESHOLD = 0.5
TINY = 1e-10
SPACING = (2.0, 1.0)
TOLERANCE = 1.0


class Retinal(Published):
    """Of each image and lesion: Dice (2 I + 1e-10) / (P + Y + 1e-10), normalised surface distance, 95 % of distances.

    A lesion is predicted where its probability is above a half, or as predicted where no probabilities are given.
    Surfaces: spacing (2, 1) and tolerance 1, whatever the image, of images that have the lesion. Distances: in pixels,
    of images where it is there and predicted, so that a total miss costs nothing.
    """

    name = "retinal"
    tasks = (Task.BINARY, Task.MULTILABEL)

    def result(self) -> dict[str, float]:
        """Return dsc, nsd and hd95, means over images and lesions, and ``dsc/<class>`` and so on over images.

        nsd and hd95 are NaN where no image has one.
        """
        images = np.array(self.seen())  # N C 3
        found: dict[str, float] = {}
        for position, score in enumerate(("dsc", "nsd", "hd95")):
            values = images[..., position]
            found[score] = float(mean_of_present(values))
            found |= self._by_class(score, mean_of_present(values, axis=0))
        return found

    def _prediction(self, prediction: np.ndarray, probability: np.ndarray | None) -> np.ndarray:
        if probability is None:
            return prediction
        said = (probability > THRESHOLD).astype(np.uint8)
        return said[0] if self.labels.task is Task.BINARY else np.moveaxis(said, 0, -1)

    def _look(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[float, float, float]]:
        return [_scores(*pairs[index]) for index in self.foreground]


def _scores(prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    both, areas = (prediction & truth).sum(), prediction.sum() + truth.sum()
    dice = float((2 * both + TINY) / (areas + TINY))
    if not truth.any():
        return dice, float("nan"), float("nan")
    lengths = surface_lengths(prediction, truth, tolerance=TOLERANCE, spacing=SPACING)
    return dice, float(surface_dice(lengths)), hausdorff95(prediction, truth)
