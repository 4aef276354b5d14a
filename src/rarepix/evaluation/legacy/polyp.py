"""The polyp evaluator of the label-marginal losses: pooled Dice, IoU and accuracy of what is not background."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Published
from rarepix.labels import LabelSpace, Task

TINY = 1e-10


class Polyp(Published):
    """Areas summed over the set, ignored pixels dropped, class 0 left out; a class that is absent counts 0."""

    name = "polyp"
    tasks = (Task.BINARY, Task.MULTICLASS)

    def __init__(self, labels: LabelSpace) -> None:
        super().__init__(labels)
        if labels.background != 0:
            raise ValueError(
                f"the published evaluator {self.name!r} leaves out class 0, which must be the background, "
                f"but here it is {labels.names[0]!r}: use another evaluator"
            )

    def result(self) -> dict[str, float]:
        """Return mdsc, miou and macc (plain means over the foreground classes), and dsc, iou and acc of each."""
        total = Areas(*np.sum(self.seen(), axis=0)[:, self.foreground])
        scores = {
            "dsc": 2 * total.both / (total.predicted + total.true + TINY),
            "iou": total.both / (total.union + TINY),
            "acc": total.both / (total.true + TINY),
        }
        found = {f"m{score}": float(values.mean()) for score, values in scores.items()}
        for score, values in scores.items():
            found |= self._by_class(score, values)
        return found
