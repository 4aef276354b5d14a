"""The four published numbers of full-background images, and ours beside them, of one network."""

import math
from collections.abc import Callable, Sequence

from torch.utils.data import DataLoader

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.source import Item
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.measure import measure
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.pooled_scores import class_names
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import Sums, available, score
from rarepix.settings import ConfigError
from rarepix.wiring import evaluation_loader

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
Advance = Callable[[int], None]
"""Called with the number of images of each batch, for a progress bar."""


def no_bar(images: int) -> None:
    """Show nothing."""


def evaluate_one(trained: TrainedModel, items: Sequence[Item], advance: Advance = no_bar) -> dict[str, float]:
    """Return ``PUBLISHED`` and ``OURS`` of a network on *items*; NaN: absent, or it predicts no masks.

    Raises:
        ConfigError: the dataset has no background.
        DataError: an image or mask cannot be read.
    """
    check_background(trained.labels)
    measured = measure(trained, item_loader(trained, items), surfaces=False, advance=advance)
    return numbers(measured.images.pooled, trained.labels, trained.config.evaluate)


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


def item_loader(trained: TrainedModel, items: Sequence[Item]) -> DataLoader:
    """Return the batches of *items* in their order, of the size that *trained* was trained on."""
    dataset = SegmentationDataset(items, resize=trained.config.data.resize)
    gpu = trained.module.device.type == "cuda"
    return evaluation_loader(dataset, trained.config, trained.labels, gpu=gpu)
