"""The Cityscapes evaluator of the label-marginal losses: pooled, and a class that is absent counts 0."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Published
from rarepix.labels import Task

TINY = 2.2e-16


class Cityscapes(Published):
    """Areas summed over the set, ignored pixels dropped: IoU I / (U + 2.2e-16), accuracy I / (Y + 2.2e-16)."""

    name = "cityscapes"
    tasks = (Task.BINARY, Task.MULTICLASS)

    def result(self) -> dict[str, float]:
        """Return miou and macc (plain means over all classes), iou (all intersections over all unions), and classes."""
        total = Areas(*np.sum(self.seen(), axis=0))
        iou, accuracy = total.both / (total.union + TINY), total.both / (total.true + TINY)
        return {
            "miou": float(iou.mean()),
            "macc": float(accuracy.mean()),
            "iou": float(total.both.sum() / (total.union.sum() + TINY)),
            **self._by_class("iou", iou),
            **self._by_class("acc", accuracy),
        }
