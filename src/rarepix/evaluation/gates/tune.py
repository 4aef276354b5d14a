"""A tuning: a trained network on validation images, and the gate that is written beside its checkpoint."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rarepix.config_data_checks import check_split_fingerprint
from rarepix.data.settings import DataConfig
from rarepix.data.source import Item
from rarepix.data.sources import source_of
from rarepix.data.splits.train_val_test import groups_of, make_splits
from rarepix.evaluation.checkpoint import TrainedModel, load_classifier
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.evaluation.gates.batches import gated_batches, items_loader
from rarepix.evaluation.gates.bounds import GateError
from rarepix.evaluation.gates.files import tuned_gate, write_gate
from rarepix.evaluation.gates.passes import features_of, taking_features, tune_on
from rarepix.evaluation.gates.tuning import check_labels
from rarepix.gates import TunedGate, conditions
from rarepix.metrics.settings import GateConfig
from rarepix.paths import cache_root

PART = "val"


def select_validation(
    trained: TrainedModel, *, part: str = PART, listed: str | None = None
) -> tuple[list[Item], pd.Series | None]:
    """Return the images to tune on, and their groups (image id → group) where the dataset has some.

    They are those of the validation part of the network's trial, or of a list that shares no image with other parts.

    Raises:
        GateError: another part, or a list with images of one, or with groups of the training part, is asked for.
        DataError: an image of the list has no group, where the dataset has groups.
        CheckpointError: the dataset has other classes than the network was trained on.
        ConfigError: the configuration would split the dataset otherwise than the network's trial did.
    """
    if part != PART:
        why = {"test": "it is kept for the test of what was tuned", "train": "the network was trained on it"}
        reason = why.get(part, "there is no such part")
        raise GateError(f"a gate must be tuned on the validation part, but got --part {part}: {reason}; use --part val")
    config, source = trained.config, source_of(trained.config.data)
    if (trained.labels.names, trained.labels.task) != (source.labels.names, source.labels.task):
        raise CheckpointError(
            f"{trained.checkpoint} is of {trained.labels.task} classes {', '.join(trained.labels.names)}, but the "
            f"dataset in {source.root} has {source.labels.task} classes {', '.join(source.labels.names)}: "
            f"tune on a dataset of its classes"
        )
    if trained.split_fingerprint is not None:
        check_split_fingerprint(config, trained.split_fingerprint)
    splits = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    if listed is None:
        return splits.by_name[PART].items, splits.groups
    items = source.items(listed)
    for name, split in splits.by_name.items():
        shared = {item.id for item in items} & {item.id for item in split.items}
        if name != PART and shared:
            raise GateError(
                f"a gate must be tuned on images that the network neither trained on nor is tested on, but the list "
                f"{listed!r} shares {len(shared)} with the part {name!r}: use the validation part, or another list"
            )
    return items, _groups_of_list(items, splits.by_name["train"].items, listed, config.data)


def _groups_of_list(items: list[Item], trained_on: list[Item], listed: str, data: DataConfig) -> pd.Series | None:
    """Return the groups of the images of a list, which share none with those that the network was *trained_on*."""
    groups = groups_of(source_of(data), data, [*trained_on, *items], cache_root() / "inventory")
    if groups is None:
        return None
    of_list = groups.loc[[item.id for item in items]]
    shared = set(of_list) & set(groups.loc[[item.id for item in trained_on]])
    if shared:
        raise GateError(
            f"a gate must be tuned on images of groups (data.groups) that the network was not trained on, but the list "
            f"{listed!r} shares {len(shared)} groups with the part 'train', such as {min(shared)}: "
            f"use the validation part, or another list"
        )
    return of_list


def run_tune(
    trained: TrainedModel,
    gate: GateConfig,
    items: Sequence[Item],
    *,
    groups: pd.Series | None = None,
    classifier: Path | None = None,
    advance: Callable[[int], None] = lambda images: None,
) -> tuple[TunedGate, Path]:
    """Tune the gate that *gate* describes on *items*, write it beside the checkpoint, and return it and its file.

    *groups* say which images belong together, *classifier* is the folder of the network that the gate asks, *advance*
    is called with the number of images of each batch.

    Raises:
        GateError: a sort of image, an output of the network or the classifier is missing.
        CheckpointError: the classifier does not fit.
    """
    config, labels, module = trained.config, trained.labels, trained.module
    check_labels(labels)
    asks = "classifier" in conditions(gate.kind)
    if asks and classifier is None:
        raise GateError(f"a gate of kind {gate.kind!r} asks a classifier: name its trial with --classifier")
    if classifier is not None:
        if not asks:
            raise GateError(
                f"a classifier is given, but a gate of kind {gate.kind!r} does not ask it: "
                f"leave --classifier out, or use --gate classifier"
            )
        trained = trained._replace(classifier=load_classifier(classifier, config, labels))
    ids, sums = [], []
    with taking_features(module, config, labels, gate.kind):
        for batch in gated_batches(trained, partial(items_loader, items=items)):
            target = module.target_of(batch["mask"].to(module.device))
            with torch.inference_mode():
                of_batch = module.sums_of(trained.predict(batch), target)
            sums.append({name: values.cpu().numpy() for name, values in of_batch.items()})
            ids += batch["id"]
            advance(len(batch["id"]))
    joined = {name: np.concatenate([each[name] for each in sums]) for name in sums[0]}
    features = features_of(joined, labels, gate.kind)
    chosen, certificate = tune_on(features, ids, gate, config, groups=groups)
    asked = trained.classifier and trained.classifier.checkpoint
    tuned = tuned_gate(chosen, certificate, trained.checkpoint, config, classifier=asked)
    return tuned, write_gate(tuned, trained.checkpoint)
