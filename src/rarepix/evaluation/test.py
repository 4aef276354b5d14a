"""A test: a trained network on one list or split of its dataset, with scores, tables and pictures."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rarepix.config_data_checks import check_split_fingerprint
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.source import DataError, Item, Source
from rarepix.data.sources import source_of
from rarepix.data.splits.train_val_test import make_splits
from rarepix.evaluation.checkpoint import TrainedModel
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.evaluation.curves import CURVE_IMAGES
from rarepix.evaluation.examples import choose_examples, classes_to_show, draw_examples, lowest_mean_iou
from rarepix.evaluation.gates.batches import gated_batches, items_loader
from rarepix.evaluation.legacy import build_legacy
from rarepix.evaluation.mask_files import MASKS, check_form, write_mask
from rarepix.evaluation.measure import measure
from rarepix.evaluation.score_files import score_tables, write_scores
from rarepix.layout import EXAMPLES
from rarepix.paths import cache_root
from rarepix.settings import ConfigError
from rarepix.viz.curves import draw_curves
from rarepix.viz.scores import draw_scores

PARTS = ("train", "val", "test")


def select_items(trained: TrainedModel, *, part: str | None, listed: str | None) -> tuple[str, Source, list[Item]]:
    """Return the name of the split or list to test, its source and its items.

    *part* is ``train``, ``val`` or ``test`` as the trial split its dataset (default: test), *listed* a list of the
    dataset instead.

    Raises:
        DataError: there is no such split or list.
        CheckpointError: the dataset has other classes than the network was trained on.
        ConfigError: the configuration would split the dataset otherwise than the network's trial did.
    """
    config = trained.config
    source = source_of(config.data)
    trained_on, labels = trained.labels, source.labels
    if (trained_on.names, trained_on.task) != (labels.names, labels.task):
        raise CheckpointError(
            f"{trained.checkpoint} was trained on {trained_on.task} classes {', '.join(trained_on.names)}, but the "
            f"dataset in {source.root} has {labels.task} classes {', '.join(labels.names)}: "
            f"test it on a dataset of its classes"
        )
    if listed is not None:
        return listed, source, source.items(listed)
    part = part or "test"
    if trained.split_fingerprint is not None:
        check_split_fingerprint(config, trained.split_fingerprint)
    splits = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory").by_name
    if part not in splits:
        raise DataError(
            f"the part must be one of {', '.join(splits)}, but got {part!r}: "
            f"set data.test_list, or test a list of the dataset ({', '.join(source.lists())})"
        )
    return part, source, splits[part].items


def run_test(
    trained: TrainedModel,
    items: Sequence[Item],
    metadata: dict[str, Any],
    out: Path,
    *,
    surfaces: bool = False,
    legacy: Sequence[str] = (),
    masks: str | None = None,
    least: int = 1,
    advance: Callable[[int], None] = lambda images: None,
) -> dict[str, Any]:
    """Test *trained* on *items*, write scores, tables and pictures into *out*, and return what scores.json holds.

    Of a network without masks there are the scores and tables of presence, and no pictures but that of the curves.

    Args:
        metadata: first entries of scores.json: what is tested, and how.
        surfaces: measure outlines: boundary IoU and surface Dice.
        legacy: names of published evaluators.
        masks: form in which the predicted masks are kept, see ``mask_files.FORMS``; None: they are not.
        least: pixels below which a predicted class counts as not predicted in one of the false-positive rates.
        advance: called with the number of images of each batch, for a progress bar.

    Raises:
        MaskFormError: the masks cannot be written in this form.
        ConfigError: a published evaluator does not score this task, or the network has no masks and one is needed.
        DataError: an image or mask cannot be read.
    """
    labels, config = trained.labels, trained.config
    wishes = {"--surfaces": surfaces, "--legacy": legacy, "--masks": masks, "--least": least > 1}
    trained.refuse_without_masks([option for option, wish in wishes.items() if wish])
    if masks:
        check_form(masks, labels)
    try:
        published = {name: build_legacy(name, labels) for name in legacy}
    except ValueError as error:
        raise ConfigError(str(error)) from error
    inventory = take_inventory(items, labels, cache=cache_root() / "inventory")[[*labels.names]]
    dataset = SegmentationDataset(items, resize=config.data.resize)
    classifier: dict[str, torch.Tensor] = {}
    batches = gated_batches(trained, partial(items_loader, items=items), keep=classifier)

    def keep_mask(name: str, prediction: np.ndarray, *_: np.ndarray) -> None:
        write_mask(prediction, name, out / MASKS, form=masks, labels=labels)

    callbacks = [scorer.update for scorer in published.values()] + ([keep_mask] if masks else [])
    measured = measure(trained, batches, surfaces=surfaces, callbacks=callbacks, advance=advance)
    metadata = metadata | {"legacy": {name: scorer.result() for name, scorer in published.items()}}
    tables = score_tables(measured, labels, config.evaluate, least=least)
    document = write_scores(tables, measured, labels, config.evaluate, metadata, out)
    if CURVE_IMAGES in tables:
        draw_curves(tables, out / "curves.png")
    if trained.has_masks:
        _draw_examples(trained, dataset, inventory, tables["images"], classifier, out)
        errors = document["calibration_error"]
        draw_scores(tables["classes"], tables["calibration"], errors, labels, out / "scores.png", images=len(items))
    return document


def _draw_examples(
    trained: TrainedModel,
    dataset: SegmentationDataset,
    inventory: pd.DataFrame,
    table: pd.DataFrame,
    classifier: Mapping[str, torch.Tensor],
    out: Path,
) -> None:
    rare = classes_to_show(inventory, trained.labels, trained.config.evaluate)
    options = {"rare": rare, "classifier": classifier}
    choices = {EXAMPLES: choose_examples(table, inventory, rare), "worst.png": lowest_mean_iou(table)}
    for name, choice in choices.items():
        if choice.examples:
            with torch.inference_mode(), trained.autocast():
                draw_examples(trained.module, dataset, choice, trained.labels, out / name, **options)
