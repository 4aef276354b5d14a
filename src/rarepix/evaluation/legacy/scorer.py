"""The base of the published evaluators: call ``update`` for each image, then ``result``."""

from typing import Any, NamedTuple

import numpy as np

from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.surface import class_masks

NEVER = -1
"""An ignore id that no pixel has."""


class Areas(NamedTuple):
    """Pixels by class, each … C."""

    both: np.ndarray
    predicted: np.ndarray
    true: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """Pixels predicted, true, or both."""
        return self.predicted + self.true - self.both


class Scorer:
    """Base of the published evaluators: keeps ``_measure`` of each image for ``result``."""

    name: str
    tasks: tuple[Task, ...] = tuple(Task)
    """The tasks that it can score."""
    ignored_count = False
    """Whether predictions on ignored pixels count."""

    def __init__(self, labels: LabelSpace) -> None:
        if labels.task not in self.tasks:
            raise ValueError(
                f"the published evaluator {self.name!r} scores tasks that are {' or '.join(self.tasks)}, "
                f"but this one is {labels.task}: use another evaluator"
            )
        self.labels = labels
        self.foreground = [index for index in range(labels.count) if index != labels.background]
        self._images: list[Any] = []

    def update(
        self, image: str, prediction: np.ndarray, target: np.ndarray, probability: np.ndarray | None = None
    ) -> None:
        """Add one image.

        Args:
            image: its id, for messages.
            prediction: H W class ids; multilabel: H W C of 0 and 1.
            target: H W class ids or the ignore id; multilabel: H W C of 0, 1 or the ignore id. Of a soft mask counts
                where ``is_on``.
            probability: C H W (binary: 1 H W), for evaluators with a threshold of their own.

        Raises:
            ValueError: the masks are not of the shape that the task demands.
        """
        ignore = NEVER if self.ignored_count else self.labels.ignore
        target = hard_mask(target, self.labels)
        try:
            pairs = [*class_masks(prediction, target, task=self.labels.task, classes=self.labels.count, ignore=ignore)]
        except ValueError as error:
            raise ValueError(f"{image}: {error}") from None
        self._images.append(self._measure(pairs))

    def result(self) -> dict[str, float]:
        """Return the scores of all images so far by name.

        Raises:
            ValueError: there was no image.
        """
        raise NotImplementedError

    def images(self) -> list[Any]:
        """Return what ``_measure`` returned for each image.

        Raises:
            ValueError: there was no image.
        """
        if not self._images:
            raise ValueError(f"the published evaluator {self.name!r} needs at least one image to score")
        return self._images

    def _measure(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Any:
        """Return the areas of each class in one image; *pairs* are prediction and truth of each class, H W bool."""
        return Areas(*np.array([((p & t).sum(), p.sum(), t.sum()) for p, t in pairs]).T)

    def _by_class(self, prefix: str, values: np.ndarray) -> dict[str, float]:
        """Return ``<prefix>/<class>`` → value, of values of the foreground classes or of all classes."""
        ids = self.foreground if len(values) == len(self.foreground) else range(self.labels.count)
        return {f"{prefix}/{self.labels.names[index]}": float(v) for index, v in zip(ids, values, strict=True)}


def mean_of_present(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the mean of the values that are not NaN; NaN where all are."""
    present = ~np.isnan(values)
    number = present.sum(axis=axis)
    total = np.where(present, values, 0).sum(axis=axis)
    return np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0)
