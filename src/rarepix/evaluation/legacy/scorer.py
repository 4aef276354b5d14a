"""What the published evaluators have in common here: shown one image after the other, then asked."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from rarepix.labels import LabelSpace, Task
from rarepix.metrics.layers import layers

NEVER = -1
"""An ignore id that no mask has."""


class Scorer(Protocol):
    """Scores a set of images."""

    def update(
        self, image: str, prediction: np.ndarray, target: np.ndarray, probability: np.ndarray | None = None
    ) -> None:
        """Take in one image.

        Args:
            image: its id, for messages.
            prediction: H W class ids; multilabel: H W C of 0 and 1.
            target: H W class ids or the ignore id; multilabel: H W C of 0, 1 or the ignore id.
            probability: C H W (binary: 1 H W), for the evaluators that have a threshold of their own.

        Raises:
            ValueError: masks of another shape.
        """

    def result(self) -> dict[str, float]:
        """Return the scores of the images so far by name.

        Raises:
            ValueError: there was no image.
        """


class Areas(NamedTuple):
    """Pixels by class, each … C."""

    both: np.ndarray
    predicted: np.ndarray
    true: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """Pixels predicted, true, or both."""
        return self.predicted + self.true - self.both


class Published:
    """A published evaluator: it keeps what ``_look`` finds in each image, for ``result``."""

    name: str
    tasks: tuple[Task, ...] = tuple(Task)
    """What it can score."""
    ignored_count = False
    """Whether what is predicted on ignored pixels counts as predicted."""

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
        """Take in one image, see ``Scorer``."""
        ignore = NEVER if self.ignored_count else self.labels.ignore
        kind = {"task": self.labels.task, "classes": self.labels.count, "ignore": ignore}
        try:
            found = list(layers(self._prediction(prediction, probability), target, **kind))
        except ValueError as error:
            raise ValueError(f"{image}: {error}") from None
        self._images.append(self._look(found))

    def seen(self) -> list[Any]:
        """Return what was found in each image.

        Raises:
            ValueError: there was no image.
        """
        if not self._images:
            raise ValueError(f"the published evaluator {self.name!r} must be shown an image before it scores")
        return self._images

    def _prediction(self, prediction: np.ndarray, probability: np.ndarray | None) -> np.ndarray:
        return prediction

    def _look(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Any:
        """Return what is kept of an image: the areas of prediction and truth H W of each class."""
        return Areas(*np.array([((p & t).sum(), p.sum(), t.sum()) for p, t in pairs]).T)

    def _by_class(self, prefix: str, values: np.ndarray) -> dict[str, float]:
        """Return ``<prefix>/<class>`` → value of the values of the foreground classes, or else of all."""
        chosen = self.foreground if len(values) == len(self.foreground) else range(self.labels.count)
        return {f"{prefix}/{self.labels.names[index]}": float(v) for index, v in zip(chosen, values, strict=True)}


def mean_of_present(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the mean of what is not NaN; NaN where all of it is."""
    counted = ~np.isnan(values)
    number = counted.sum(axis=axis)
    total = np.where(counted, values, 0).sum(axis=axis)
    return np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0)
