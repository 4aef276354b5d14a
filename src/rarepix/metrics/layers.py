"""Masks as one layer of truth values a class, which is what surfaces and boundaries are taken of."""

from collections.abc import Iterator

import numpy as np

from rarepix.labels import Task


def layers(
    prediction: np.ndarray, target: np.ndarray, *, task: Task, classes: int, ignore: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each class its prediction and truth, H W bool; ignored pixels are in neither.

    Args:
        prediction: H W class ids; multilabel: H W C of 0 and 1.
        target: H W class ids or *ignore*; multilabel: H W C of 0, 1 or *ignore*.
        task: how the classes relate.
        classes: number of classes C; of a binary task 2.
        ignore: id of the pixels that do not count.

    Raises:
        ValueError: masks of another shape.
    """
    wanted = (*target.shape[:2], classes) if task is Task.MULTILABEL else target.shape[:2]
    if prediction.shape != wanted or target.shape != wanted:
        raise ValueError(
            f"prediction and target of a {task} task with {classes} classes must both be {tuple(wanted)}, "
            f"but got {prediction.shape} and {target.shape}"
        )
    counted = target != ignore
    for index in range(classes):
        if task is Task.MULTILABEL:
            yield (prediction[..., index] == 1) & counted[..., index], target[..., index] == 1
        else:
            yield (prediction == index) & counted, (target == index) & counted
