"""The end of a trial of two stages: tune the gate on the validation part, and measure what it lets through."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rarepix.settings import ConfigError
from rarepix.trial.stage_result import StageResult
from rarepix.trial.taken import find_training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rarepix.config import TrialConfig
    from rarepix.data.splits.train_val_test import Splits
    from rarepix.evaluation.image_sums import ImageSums
    from rarepix.gates import Gate
    from rarepix.labels import LabelSpace


def check_taken(config: TrialConfig, taken: Mapping[str, Path]) -> None:
    """Refuse finished trials (stage → folder) whose networks do not fit the data of *config*.

    Raises:
        ConfigError: a folder is of no finished training, its network was trained on images of another split, or the
            second stage was evaluated in another way.
        CheckpointError: a network is of other classes, or of the wrong kind.
    """
    from rarepix.config_data_checks import check_split_fingerprint
    from rarepix.data.sources import source_of
    from rarepix.evaluation.two_stage import SECOND, load_stage

    for name, trial in taken.items():
        folder = find_training(trial, f"{name}.trial").folder
        trained = load_stage(name, folder, config, source_of(config.data).labels)
        try:
            check_split_fingerprint(config, trained.split_fingerprint)
            if name == SECOND:
                _check_predicts_as(trained.config, config)
        except ConfigError as error:
            raise ConfigError(f"{name}.trial={trial}: {error}") from error


def _check_predicts_as(taken: TrialConfig, config: TrialConfig) -> None:
    """Raise ``ConfigError`` unless a network that is taken has been evaluated as this trial evaluates."""
    from rarepix.evaluation.gates.files import predicted_as

    was, now = predicted_as(taken), predicted_as(config)
    different = [key for key in now if now[key] != was[key]]
    if different:
        changes = ", ".join(f"{key} is {now[key]!r}, was {was[key]!r}" for key in different)
        raise ConfigError(
            f"a network that is taken predicts as in its own trial, whose scores are taken with it, but {changes}: "
            f"give these keys as they were, or train the second stage"
        )


def check_data(config: TrialConfig) -> None:
    """Refuse data that no gate can be tuned on, and scores that are not known of what is behind a gate.

    Raises:
        ConfigError, DataError: the message says what is missing.
    """
    from rarepix import config_data_checks
    from rarepix.data.sources import source_of
    from rarepix.gates import SUMS
    from rarepix.metrics.pooled_scores import class_names
    from rarepix.scores import MissingSums, check_score

    labels = source_of(config.data).labels
    for key, name in [("objective", config.evaluate.objective), *(("scores", name) for name in config.evaluate.scores)]:
        try:
            check_score(name, SUMS["mask"], class_names(labels, config.evaluate))
        except MissingSums as error:
            raise ConfigError(f"evaluate.{key} of two stages is of the masks behind the gate, but {error}") from error
    config_data_checks.check_gate_data(config, labels, _splits(config))


def gated_result(first: StageResult, second: StageResult, config: TrialConfig) -> StageResult:
    """Return the result of the *second* stage, judged by its masks behind the gate that asks the *first* one.

    Raises:
        GateError: the validation part has no empty or no positive images.
    """
    from rarepix.data.sources import source_of
    from rarepix.engine import distributed
    from rarepix.evaluation.two_stage import load_two_stages, sums_to_tune_by
    from rarepix.trial.gate import tune_gate

    folders = [result.checkpoint.parents[1] for result in (first, second)]
    with distributed.main_process_first():  # it has written what the others read
        trained = load_two_stages(*folders, config, source_of(config.data).labels)
        splits = _splits(config)
    held_out = {name: split.items for name, split in splits.by_name.items() if name != "train"}
    evaluated = {name: sums_to_tune_by(trained, items, config.gate.kind) for name, items in held_out.items()}
    # the network is that of the second stage, what it is tuned for is the trial's
    tuned_as = {"seed": config.seed, "evaluate": config.evaluate, "gate": config.gate}
    gate, gated = tune_gate(
        trained.config.model_copy(update=tuned_as),
        trained.labels,
        splits.groups,
        evaluated,
        trained.checkpoint,
        classifier=trained.classifier.checkpoint,
    )
    value = _objective(evaluated["val"], gate.gate, trained.labels, config)
    judged = {"name": config.evaluate.objective, "value": value, "gated": True}
    objective = second.objective.model_copy(update=judged)
    return second.model_copy(update={"objective": objective, "gate": gate, "gated": gated})


def _splits(config: TrialConfig) -> Splits:
    from rarepix.data.sources import source_of
    from rarepix.data.splits.train_val_test import make_splits
    from rarepix.paths import cache_root

    return make_splits(source_of(config.data), config.data, seed=config.seed, cache=cache_root() / "inventory")


def _objective(validation: ImageSums, gate: Gate, labels: LabelSpace, config: TrialConfig) -> float:
    """Return the objective of the validation images behind the *gate*; 0 where it is absent, as in a validation."""
    from rarepix.evaluation.gates.passes import features_of
    from rarepix.metrics.pooled_scores import class_names
    from rarepix.scores import objective, pool

    sums = pool(features_of(validation.sums, labels, gate.kind).sums(gate))
    value = objective(config.evaluate.objective, sums, class_names(labels, config.evaluate), config.evaluate.floor)
    return 0.0 if math.isnan(value) else value
