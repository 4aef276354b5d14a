"""The score of the SIIM-ACR pneumothorax challenge: the Dice of each image, where nothing on nothing is 1."""

import numpy as np

from rarepix.evaluation.legacy.scorer import Areas, Published, mean_of_present
from rarepix.labels import Task
from rarepix.scores import ratio


class Siim(Published):
    """The mean Dice over pairs of image and foreground class: of a binary task over images, as in the challenge."""

    name = "siim"
    tasks = (Task.BINARY, Task.MULTILABEL)

    def result(self) -> dict[str, float]:
        """Return dice, dice_pos (of the pairs in which the class is there; NaN if none) and ``dice/<class>``."""
        areas = Areas(*np.stack(self.seen(), axis=1)[..., self.foreground])  # each N C
        dice = ratio(2 * areas.both, areas.predicted + areas.true, absent="one")
        there = np.where(areas.true > 0, dice, np.nan)
        return {
            "dice": float(dice.mean()),
            "dice_pos": float(mean_of_present(there)),
            **self._by_class("dice", dice.mean(axis=0)),
        }
