"""The end of a trial of two stages: tune the gate on the validation part, and measure what it lets through."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rarepix.settings import ConfigError
from rarepix.trial.stage_result import StageResult
from rarepix.trial.taken import find_training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rarepix.config import TrialConfig
    from rarepix.evaluation.checkpoint import TrainedModel
    from rarepix.gates import Certificate, Gate, TunedGate
    from rarepix.trial.two_stage import TwoStageConfig


def check_taken(config: TwoStageConfig, taken: Mapping[str, Path]) -> None:
    """Refuse finished trials (stage → folder) whose networks do not fit the data of *config*.

    Raises:
        ConfigError: a folder is of no finished training, or its network was trained on images of another split.
        CheckpointError: a network is of other classes, or of the wrong kind.
    """
    from rarepix.config_data_checks import check_split_fingerprint
    from rarepix.data.sources import source_of
    from rarepix.evaluation.two_stage import load_stage

    for name, trial in taken.items():
        folder = find_training(trial, f"{name}.trial").folder
        trained = load_stage(name, folder, config, source_of(config.data).labels)
        try:
            check_split_fingerprint(config, trained.split_fingerprint)
        except ConfigError as error:
            raise ConfigError(f"{name}.trial={trial}: {error}") from error


def gated_result(first: StageResult, second: StageResult, config: TwoStageConfig) -> StageResult:
    """Return the result of the *second* stage, judged by its masks behind the gate that asks the *first* one.

    The gate lies beside the checkpoint of the second stage and names that of the first.

    Raises:
        GateError: the validation part has no empty or no positive images.
    """
    from rarepix.data.sources import source_of
    from rarepix.data.splits.train_val_test import make_splits
    from rarepix.engine import distributed
    from rarepix.evaluation.gate_files import write_gate
    from rarepix.evaluation.gate_pass import features_of, tune_on
    from rarepix.evaluation.two_stage import gated_sums, load_two_stages, sums_to_tune_by
    from rarepix.metrics.pooled_scores import pooled_scores
    from rarepix.paths import cache_root

    source = source_of(config.data)
    folders = [result.checkpoint.parents[1] for result in (first, second)]
    with distributed.main_process_first():  # it has written what the others read
        trained = load_two_stages(*folders, config, source.labels)
        splits = make_splits(source, config.data, seed=config.seed, cache=cache_root() / "inventory")
    validation = sums_to_tune_by(trained, splits.by_name["val"].items, config.gate.kind)
    features = features_of(validation.sums, source.labels, config.gate.kind)
    gate, certificate = tune_on(
        features, validation.ids, config.gate, _scored_as(config, trained), groups=splits.groups
    )
    tuned = _of_this_trial(gate, certificate, trained)
    if distributed.is_main_process():
        write_gate(tuned, trained.checkpoint)
    gated = {name: gated_sums(trained, split.items, gate) for name, split in splits.by_name.items() if name != "train"}
    value = pooled_scores(gated["val"].pooled, source.labels, config.evaluate)["objective"]
    return second.model_copy(update={"objective": second.objective.model_copy(update={"value": value})})


def _scored_as(config: TwoStageConfig, trained: TrainedModel) -> TrialConfig:
    """Return the configuration of the second network with the seed and the scores of the trial."""
    return trained.config.model_copy(update={"seed": config.seed, "evaluate": config.evaluate})


def _of_this_trial(gate: Gate, certificate: Certificate, trained: TrainedModel) -> TunedGate:
    """Return the gate with the checkpoints that it belongs to; a path in the trial's folder, which may be moved."""
    from rarepix.evaluation.gate_files import tuned_gate

    checkpoint, asked = trained.checkpoint, trained.classifier.checkpoint
    tuned = tuned_gate(gate, certificate, checkpoint, trained.config, classifier=asked)
    path = os.path.relpath(asked, checkpoint.parent)
    return tuned.model_copy(update={"classifier": tuned.classifier | {"path": path}})
