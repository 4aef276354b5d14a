"""The published evaluators that need only the areas of prediction, truth and intersection of each image and class."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Scorer, mean_of_present
from rarepix.labels import LabelSpace, Task
from rarepix.scores import ratio


class Cityscapes(Scorer):
    """The Cityscapes evaluator of the label-marginal losses: pooled, and a class that is absent counts 0.

    Areas are summed over the set without ignored pixels: IoU I / (U + 2.2e-16), accuracy I / (Y + 2.2e-16).
    """

    name = "cityscapes"
    tasks = (Task.BINARY, Task.MULTICLASS)
    epsilon = 2.2e-16

    def result(self) -> dict[str, float]:
        """Return miou and macc (means over all classes), iou (all intersections over all unions), and each class."""
        total = Areas(*np.sum(self.images(), axis=0))
        iou, accuracy = total.both / (total.union + self.epsilon), total.both / (total.true + self.epsilon)
        return {
            "miou": float(iou.mean()),
            "macc": float(accuracy.mean()),
            "iou": float(total.both.sum() / (total.union.sum() + self.epsilon)),
            **self._by_class("iou", iou),
            **self._by_class("acc", accuracy),
        }


class Polyp(Scorer):
    """The polyp evaluator of the label-marginal losses: pooled Dice, IoU and accuracy of the foreground.

    Areas are summed over the set without ignored pixels and class 0; a class that is absent counts 0.
    """

    name = "polyp"
    tasks = (Task.BINARY, Task.MULTICLASS)
    epsilon = 1e-10

    def __init__(self, labels: LabelSpace) -> None:
        super().__init__(labels)
        if labels.background != 0:
            raise ValueError(
                f"the published evaluator {self.name!r} leaves out class 0, which must be the background, "
                f"but here it is {labels.names[0]!r}: use another evaluator"
            )

    def result(self) -> dict[str, float]:
        """Return mdsc, miou and macc (means over the foreground classes), and dsc, iou and acc of each."""
        total = Areas(*np.sum(self.images(), axis=0)[:, self.foreground])
        scores = {
            "dsc": 2 * total.both / (total.predicted + total.true + self.epsilon),
            "iou": total.both / (total.union + self.epsilon),
            "acc": total.both / (total.true + self.epsilon),
        }
        means = {f"m{score}": float(values.mean()) for score, values in scores.items()}
        for score, values in scores.items():
            means |= self._by_class(score, values)
        return means


class Siim(Scorer):
    """The score of the SIIM-ACR pneumothorax challenge: Dice per image; an empty prediction of an empty mask has 1.

    The mean runs over pairs of image and foreground class: of a binary task over images, as in the challenge.
    """

    name = "siim"
    tasks = (Task.BINARY, Task.MULTILABEL)

    def result(self) -> dict[str, float]:
        """Return dice, dice_pos (of pairs in which the truth has the class; NaN if none) and ``dice/<class>``."""
        areas = Areas(*np.stack(self.images(), axis=1)[..., self.foreground])  # each N C
        dice = ratio(2 * areas.both, areas.predicted + areas.true, absent="one")
        present = np.where(areas.true > 0, dice, np.nan)
        return {
            "dice": float(dice.mean()),
            "dice_pos": float(mean_of_present(present)),
            **self._by_class("dice", dice.mean(axis=0)),
        }


class VocImbalance(Scorer):
    """The scores of the VOC imbalance study: means over images, of the classes that each truth holds.

    For each image and class I / (P + Y − I + 1e-7) and 2 I / (P + Y + 1e-7). P includes predictions on void pixels.
    A class that is not in an image's truth is left out there even if it was predicted: such an error costs only the
    pixels of the classes that it covers.
    """

    name = "voc_imbalance"
    tasks = (Task.BINARY, Task.MULTICLASS)
    ignored_count = True
    epsilon = 1e-7

    def result(self) -> dict[str, float]:
        """Return for iou and dice (which is in the published code, but not in its tables):

        ``validation_<score>``: the mean over images of the mean over the classes of each (batches of one).
        ``test_<score>``: the mean over all classes of the mean over the images that hold each; NaN if a class is in
        no image. ``<score>/<class>``: those means.
        """
        areas = Areas(*np.stack(self.images(), axis=1))  # each N C
        scores = {
            "iou": areas.both / (areas.union + self.epsilon),
            "dice": 2 * areas.both / (areas.predicted + areas.true + self.epsilon),
        }
        results: dict[str, float] = {}
        for score, values in scores.items():
            present = np.where(areas.true > 0, values, np.nan)
            classes = mean_of_present(present, axis=0)
            results[f"validation_{score}"] = float(mean_of_present(mean_of_present(present, axis=1)))
            results[f"test_{score}"] = float(classes.mean())
            results |= self._by_class(score, classes)
        return results


class FullBackground(Scorer):
    """The four numbers of the full-background study: IoU of the foreground, and presence of classes in images.

    Areas are summed over the set without ignored pixels; one pixel makes a class present in an image.
    """

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

        ``iou``: mean over foreground classes, pooled over all images; ``iou_pos``: over the images with any of them.
        ``background_accuracy``: share of the images without any that are predicted so. ``class_accuracy``: the mean
        of it and, for each class, the share of its images in which it is predicted. ``binary_accuracy``: the mean of
        it and the share of the images with any class in which any is predicted. Classes in no image are left out of
        means over classes; binary_accuracy is NaN if either share is.
        """
        areas = np.stack(self.images(), axis=1)[..., self.foreground]  # kind N C
        predicted, true = areas[1:]
        has_class, any_predicted = true.any(axis=1), predicted.any(axis=1)
        background = ratio((~has_class & ~any_predicted).sum(), (~has_class).sum())
        foreground = ratio((has_class & any_predicted).sum(), has_class.sum())
        classes = ratio(((true > 0) & (predicted > 0)).sum(axis=0), (true > 0).sum(axis=0))
        return {
            "iou": _mean_iou(areas),
            "iou_pos": _mean_iou(areas[:, has_class]),
            "class_accuracy": float(mean_of_present(np.array([background, *classes]))),
            "binary_accuracy": float((foreground + background) / 2),
            "background_accuracy": float(background),
        }


def _mean_iou(areas: np.ndarray) -> float:
    """Return the mean over classes of the IoU pooled over images, of areas kind N C; absent classes are left out."""
    total = Areas(*areas.sum(axis=1))
    return float(mean_of_present(ratio(total.both, total.union)))
