"""What a first study compares, and what a first search varies: remedies that can make a difference for these images."""

from typing import Any, NamedTuple

from rarepix.labels import Task
from rarepix.starter.survey import Survey
from rarepix.starter.training import Training

EVERYWHERE = 0.9
"""A class that is in this share of the images is found by drawing images evenly."""
COMPARED = 3
"""Configurations of the study, the recipe as it is included."""
Choices = list[dict[str, Any]]


class Remedy(NamedTuple):
    """A configuration beside the recipe's, and what it asks."""

    configuration: dict[str, Any]
    asks: str


def remedies(seen: Survey, training: Training) -> list[Remedy]:
    """Return what is compared with the recipe, in the order in which it is likely to help."""
    classes = crop_classes(seen)
    centred = {"_name": "class_centred", "probability": 0.5} | ({"classes": classes} if classes else {})
    placed = Remedy({"crop": centred}, "do crops on the rarer classes help?")
    drawn = Remedy({"sampling": {"_name": "class_uniform"}}, "does it help to show images of rarer classes more often?")
    ce = Remedy({"loss": {"_name": "ce"}}, "is cross-entropy, which counts pixels alike, worse than Dice?")
    focal = Remedy({"loss": {"_name": "focal", "gamma": 2.0}}, "is the focal loss, of hard pixels, better than Dice?")
    possible = [placed] * (not training.covers) + [drawn] * has_scarce_images(seen) + [ce, focal]
    return possible[: COMPARED - 1] if possible[0] is ce else [possible[0], ce]


def crop_classes(seen: Survey) -> list[str]:
    """Return the classes that crops are placed on; none where the dataset says them, by its background or by itself.

    They are the rare ones or, if none is rare, all but the one with the most pixels.
    """
    labels = seen.labels
    if labels.background is not None or labels.task is Task.MULTILABEL or labels.rare:
        return []
    commonest = seen.classes.index[0]
    return [*seen.rare.names] or [name for name in labels.names if name != commonest]


def has_scarce_images(seen: Survey) -> bool:
    """Return whether a class beside the background is in so few images that it matters how images are drawn."""
    shares = seen.classes.loc[[*seen.labels.presence_names], "image_share"]
    return bool(((shares > 0) & (shares < EVERYWHERE)).any())


def loss_choices() -> Choices:
    """Return the losses of the search space, as nested choices."""
    return [
        {"_name": "dice"},
        {"_name": "ce"},
        {"_name": "focal", "gamma": {"_type": "uniform", "_value": [1.0, 4.0]}},
        {"_name": "ce+dice", "alpha": {"_type": "loguniform", "_value": [0.1, 10.0]}},
        {"_name": "tversky", "fn_weight": {"_type": "uniform", "_value": [0.5, 0.9]}},
    ]


def sampling_choices() -> Choices:
    """Return the ways to draw images of the search space."""
    return [
        {"_name": "uniform"},
        {"_name": "class_uniform"},
        {"_name": "rare_class", "temperature": {"_type": "loguniform", "_value": [0.01, 1.0]}},
    ]


def crop_choices(seen: Survey) -> Choices:
    """Return the ways to place a crop of the search space."""
    classes = crop_classes(seen)
    named = {"classes": {"_type": "choice", "_value": [classes]}} if classes else {}
    return [
        {"_name": "random"},
        {"_name": "foreground", "probability": {"_type": "uniform", "_value": [0.2, 1.0]}} | named,
        {"_name": "class_centred", "probability": {"_type": "uniform", "_value": [0.2, 1.0]}} | named,
    ]
