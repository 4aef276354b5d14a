"""The four numbers of the full-background study: is what is there outlined, and what is empty left empty?"""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Published, mean_of_present
from rarepix.labels import LabelSpace, Task
from rarepix.scores import ratio


class FullBackground(Published):
    """Areas summed over the set, and presence in images, where one pixel is enough; ignored pixels are dropped."""

    name = "full_background"

    def __init__(self, labels: LabelSpace) -> None:
        super().__init__(labels)
        if labels.task is not Task.MULTILABEL and labels.background is None:
            raise ValueError(
                f"the published evaluator {self.name!r} asks which images are all background, "
                f"but none of the classes {list(labels.names)} is background: use another evaluator"
            )

    def result(self) -> dict[str, float]:
        """Return the four numbers, and background_accuracy, which is part of two of them.

        ``iou``: mean over foreground classes, pooled over all images; ``iou_pos``: over those that have any.
        ``background_accuracy``: share of the images without any that are predicted so. ``class_accuracy``: its mean
        with the share of images of each class in which it is predicted. ``binary_accuracy``: the mean of it and the
        share of images with any class that are predicted to have any. What is in no image is left out of a mean over
        classes; binary_accuracy is NaN then.
        """
        areas = np.stack(self.seen(), axis=1)[..., self.foreground]  # kind N C
        predicted, true = areas[1:]
        there, said = true.any(axis=1), predicted.any(axis=1)
        background = ratio((~there & ~said).sum(), (~there).sum())
        anything = ratio((there & said).sum(), there.sum())
        classes = ratio(((true > 0) & (predicted > 0)).sum(axis=0), (true > 0).sum(axis=0))
        return {
            "iou": _mean_iou(areas),
            "iou_pos": _mean_iou(areas[:, there]),
            "class_accuracy": float(mean_of_present(np.array([background, *classes]))),
            "binary_accuracy": float((anything + background) / 2),
            "background_accuracy": float(background),
        }


def _mean_iou(areas: np.ndarray) -> float:
    """Return the mean over classes of the IoU pooled over images, of areas kind N C; absent ones left out."""
    total = Areas(*areas.sum(axis=1))
    return float(mean_of_present(ratio(total.both, total.union)))
