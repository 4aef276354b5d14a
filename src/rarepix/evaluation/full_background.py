"""The four published numbers of full-background images, and ours beside them, of one network."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from rarepix.data.source import Item
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.gates.batches import gated_batches, items_loader
from rarepix.evaluation.measure import measure
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.pooled_scores import class_names
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import Sums, available, score
from rarepix.settings import ConfigError

PUBLISHED = {
    "IoU": "foreground_iou",
    "IoU_pos": "positive_iou",
    "Class accuracy": "class_accuracy",
    "Binary accuracy": "binary_accuracy",
}
"""Published name → score of ``rarepix.scores``."""
OURS = (
    *("empty_false_alarm_rate", "sensitivity", "foreground_auroc", "false_alarms_at_sensitivity_90"),
    *("positive_dice", "siim_dice", "miou"),
)
"""The scores beside them."""
UNGATED, GATED = "one stage", "with its gate"
"""How masks are kept: as they are, or where the gate that was tuned for the network finds a class."""
Columns = dict[str, dict[str, float]]
"""How masks are kept → name → number."""
Advance = Callable[[int], None]
"""Called with the number of images of each batch, for a progress bar."""


def no_bar(images: int) -> None:
    """Show nothing."""


def evaluate_one(trained: TrainedModel, items: Sequence[Item], advance: Advance = no_bar) -> Columns:
    """Return ``PUBLISHED`` and ``OURS`` of a network on *items*, ``UNGATED`` and, where it has a gate, ``GATED``.

    NaN: absent, or it predicts no masks.

    Raises:
        ConfigError: the dataset has no background.
        DataError: an image or mask cannot be read.
    """
    check_background(trained.labels)
    batches = gated_batches(trained, partial(items_loader, items=items))
    measured = measure(trained, batches, surfaces=False, advance=advance)
    taken = {UNGATED: measured.images}
    if measured.ungated is not None:
        taken = {UNGATED: measured.ungated, GATED: measured.images}
    return {way: numbers(sums.pooled, trained.labels, trained.config.evaluate) for way, sums in taken.items()}


def numbers(sums: Sums, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return ``PUBLISHED`` and ``OURS`` of pooled *sums*; what needs sums of masks that were not taken is NaN."""
    classes, known = class_names(labels, config), available(sums)
    names = PUBLISHED | {name: name for name in OURS}
    return {shown: score(name, sums, classes) if name in known else math.nan for shown, name in names.items()}


def check_background(labels: LabelSpace) -> None:
    """Raise ``ConfigError`` unless an image can be empty: where every pixel has a class, none is background only."""
    if labels.task is not Task.MULTILABEL and labels.background is None:
        raise ConfigError(
            f"the dataset must have a background, since these numbers ask which images hold nothing else, but its "
            f"classes are {', '.join(labels.names)}: name one as background in its dataset.json"
        )
