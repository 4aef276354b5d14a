"""A trained network on one list or part of its dataset: everything counted, and what is left of it for people."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.loaders import build_loader, worker_count
from rarepix.data.source import DataError, Item, Source
from rarepix.data.sources import source_of
from rarepix.data.splits.train_val_test import make_splits
from rarepix.data_validation import check_split_fingerprint
from rarepix.evaluation.checkpoint import CheckpointError, TrainedModel
from rarepix.evaluation.examples import choose_examples, draw_examples, rare_classes, worst
from rarepix.evaluation.legacy import build_legacy
from rarepix.evaluation.legacy.scorer import Scorer
from rarepix.evaluation.mask_files import MASKS, check_form, write_mask
from rarepix.evaluation.measure import measure
from rarepix.evaluation.score_files import image_scores, write_scores
from rarepix.evaluation.score_picture import draw_scores
from rarepix.labels import LabelSpace
from rarepix.layout import EXAMPLES
from rarepix.paths import cache_root
from rarepix.settings import ConfigError

PARTS = ("train", "val", "test")


class TestOptions(NamedTuple):
    """What a test is to do besides counting."""

    surfaces: bool = False
    """Count outlines: boundary IoU and surface Dice."""
    legacy: Sequence[str] = ()
    """Published evaluators, by name."""
    masks: str | None = None
    """Keep the predicted masks in this form."""
    least: int = 1
    """Pixels below which a predicted class is taken for absent in one of the false-positive rates."""


def items_of(trained: TrainedModel, *, part: str | None, listed: str | None) -> tuple[str, Source, list[Item]]:
    """Return a name for what is tested, its source and its items.

    Args:
        trained: says which dataset, fold and seed.
        part: ``train``, ``val`` or ``test`` as the trial divided its dataset; default: test.
        listed: a list of the dataset instead.

    Raises:
        DataError: there is no such part or list.
        CheckpointError: the dataset has other classes than the network was trained on.
    """
    config = trained.config
    source = source_of(config.data)
    ours, theirs = trained.labels, source.labels
    if (ours.names, ours.task) != (theirs.names, theirs.task):
        raise CheckpointError(
            f"{trained.checkpoint} was trained on {ours.task} classes {', '.join(ours.names)}, but the dataset in "
            f"{source.root} has {theirs.task} classes {', '.join(theirs.names)}: test it on a dataset of its classes"
        )
    if listed is not None:
        return listed, source, source.items(listed)
    part = part or "test"
    if trained.division is not None:
        check_split_fingerprint(config, trained.division)
    parts = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory").by_name
    if part not in parts:
        raise DataError(
            f"the part must be one of {', '.join(parts)}, but got {part!r}: "
            f"set data.test_list, or test a list of the dataset ({', '.join(source.lists())})"
        )
    return part, source, parts[part].items


def run_test(
    trained: TrainedModel,
    items: Sequence[Item],
    facts: dict[str, Any],
    out: Path,
    *,
    asked: TestOptions,
    advance: Callable[[int], None] = lambda images: None,
) -> dict[str, Any]:
    """Measure *trained* on *items* and write scores, tables and pictures into *out*; return what scores.json says."""
    labels, config = trained.labels, trained.config
    if asked.masks:
        check_form(asked.masks, labels)
    published = _published(asked.legacy, labels)
    inventory = take_inventory(items, labels, cache=cache_root() / "inventory")[[*labels.names]]
    gpu = trained.module.device.type == "cuda"
    dataset = SegmentationDataset(items, resize=config.data.resize)
    loader = build_loader(
        dataset,
        batch_size=config.evaluate.batch_size,
        ignore=labels.ignore,
        workers=worker_count(config.data.workers, gpu=gpu),
        pin_memory=gpu,
    )

    def keep(name: str, prediction: Any, target: Any, probability: Any) -> None:
        write_mask(prediction, name, out / MASKS, form=asked.masks, labels=labels)

    listeners = [scorer.update for scorer in published.values()] + ([keep] if asked.masks else [])
    measured = measure(trained, loader, surfaces=asked.surfaces, listeners=listeners, advance=advance)
    facts = facts | {"legacy": {name: scorer.result() for name, scorer in published.items()}}
    document = write_scores(measured, labels, config.evaluate, facts, out, least=asked.least)
    table = image_scores(measured, labels)
    _draw(trained, dataset, inventory, table, out)
    draw_scores(measured, labels, out / "scores.png")
    return document


def _published(names: Sequence[str], labels: LabelSpace) -> dict[str, Scorer]:
    try:
        return {name: build_legacy(name, labels) for name in names}
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _draw(
    trained: TrainedModel, dataset: SegmentationDataset, inventory: pd.DataFrame, table: pd.DataFrame, out: Path
) -> None:
    rare = rare_classes(inventory, trained.labels, trained.config.evaluate.rare)
    pictures = {EXAMPLES: choose_examples(table, inventory, rare), "worst.png": worst(table)}
    for name, choice in pictures.items():
        if choice.examples:
            with torch.inference_mode(), trained.autocast():
                draw_examples(
                    trained.module,
                    dataset,
                    choice,
                    trained.labels,
                    out / name,
                    rare=rare,
                    threshold=trained.config.evaluate.threshold,
                )
