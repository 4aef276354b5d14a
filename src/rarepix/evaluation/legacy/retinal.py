"""The retinal-lesion evaluator of the label-marginal losses: Dice per image, 1 where truth and prediction are empty."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Scorer, mean_of_present
from rarepix.labels import Task
from rarepix.metrics.surface import hausdorff95, surface_lengths
from rarepix.scores.class_scores import surface_dice

THRESHOLD = 0.5
TINY = 1e-10
SPACING = (2.0, 1.0)
TOLERANCE = 1.0


class Retinal(Scorer):
    """For each image and lesion: Dice (2 I + 1e-10) / (P + Y + 1e-10), surface Dice and 95 % Hausdorff distance.

    A lesion is predicted where its probability is above 0.5; without probabilities the prediction is taken as it is.
    Surface Dice: spacing (2, 1) and tolerance 1, whatever the image, over the images whose truth has the lesion.
    Distances: in pixels, over the images in which the lesion is in truth and prediction, so that a total miss costs
    nothing.
    """

    name = "retinal"
    tasks = (Task.BINARY, Task.MULTILABEL)

    def result(self) -> dict[str, float]:
        """Return dsc, nsd and hd95, means over images and lesions, and ``dsc/<class>`` and so on over images.

        nsd and hd95 are NaN where no image has one.
        """
        images = np.array(self.images())  # N C 3
        results: dict[str, float] = {}
        for position, score in enumerate(("dsc", "nsd", "hd95")):
            values = images[..., position]
            results[score] = float(mean_of_present(values))
            results |= self._by_class(score, mean_of_present(values, axis=0))
        return results

    def update(
        self, image: str, prediction: np.ndarray, target: np.ndarray, probability: np.ndarray | None = None
    ) -> None:
        """Add one image, see ``Scorer.update``."""
        if probability is not None:
            masks = (probability > THRESHOLD).astype(np.uint8)
            prediction = masks[0] if self.labels.task is Task.BINARY else np.moveaxis(masks, 0, -1)
        super().update(image, prediction, target)

    def _measure(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[float, float, float]]:
        return [_scores(*pairs[index]) for index in self.foreground]


def _scores(prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    both, areas = (prediction & truth).sum(), prediction.sum() + truth.sum()
    dice = float((2 * both + TINY) / (areas + TINY))
    if not truth.any():
        return dice, float("nan"), float("nan")
    lengths = surface_lengths(prediction, truth, tolerance=TOLERANCE, spacing=SPACING)
    return dice, float(surface_dice(lengths)), hausdorff95(prediction, truth)
