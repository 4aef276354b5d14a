"""The end of a trial of two stages: choose the gate on the validation part, and measure what it lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarepix.settings import ConfigError
from rarepix.trial.stage_result import StageResult
from rarepix.trial.taken import find_training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rarepix.data.source import Item
    from rarepix.evaluation.two_stage import TwoStages
    from rarepix.trial.two_stage import TwoStageConfig


def check_taken(config: TwoStageConfig, taken: Mapping[str, Path]) -> None:
    """Refuse finished trials (stage → folder) whose networks do not fit the data of *config*.

    Raises:
        ConfigError: a folder is of no finished training, or its network was trained on images of another split.
        CheckpointError: a network is of other classes, or of the wrong kind.
    """
    from rarepix.config_data_checks import check_split_fingerprint
    from rarepix.data.sources import source_of
    from rarepix.evaluation.checkpoint import load_trained_model
    from rarepix.evaluation.two_stage import check_stage

    for name, trial in taken.items():
        folder = find_training(trial, f"{name}.trial").folder
        trained = load_trained_model(folder, settings={"engine.device": "cpu"})
        check_stage(name, trained, source_of(config.data).labels)
        try:
            check_split_fingerprint(config, trained.split_fingerprint)
        except ConfigError as error:
            raise ConfigError(f"{name}.trial={trial}: {error}") from error


def gated_result(first: StageResult, second: StageResult, config: TwoStageConfig) -> StageResult:
    """Return the result of the *second* stage, judged by its masks behind the gate of the *first* one."""
    from rarepix.evaluation.tuning import Goal, tune
    from rarepix.evaluation.two_stage import Loading
    from rarepix.metrics.pooled_scores import pooled_scores
    from rarepix.seeding import generator

    pair, items = _load(first, second, config), _held_out(config)
    loading = Loading(config.evaluate.batch_size, config.data.workers)
    features = pair.features(items["val"], "classifier", loading)
    gate, certificate = tune(features, "classifier", Goal(false_alarms=0.05), generator=generator(config.seed, "gate"))
    gated = {split: pair.gated_sums(of_split, gate, loading) for split, of_split in items.items()}
    value = pooled_scores(gated["val"].pooled, pair.second.labels, config.evaluate)["objective"]
    print(certificate, gate)
    return second.model_copy(update={"objective": second.objective.model_copy(update={"value": value})})


def _load(first: StageResult, second: StageResult, config: TwoStageConfig) -> TwoStages:
    """Return the networks of both stages, on the device of this process."""
    from rarepix.engine import distributed
    from rarepix.evaluation.checkpoint import load_trained_model
    from rarepix.evaluation.two_stage import TwoStages

    device = {"engine.device": config.engine.device, "engine.precision": config.engine.precision}
    folders = [result.checkpoint.parents[1] for result in (first, second)]
    with distributed.main_process_first():  # it has written what the others read
        return TwoStages(*(load_trained_model(folder, settings=device) for folder in folders))


def _held_out(config: TwoStageConfig) -> dict[str, list[Item]]:
    """Return split → images that no stage was trained on."""
    from rarepix.data.sources import source_of
    from rarepix.data.splits.train_val_test import make_splits
    from rarepix.paths import cache_root

    splits = make_splits(source_of(config.data), config.data, seed=config.seed, cache=cache_root() / "inventory")
    return {name: split.items for name, split in splits.by_name.items() if name != "train"}
