"""The end of a trial of two stages: choose the gate on the validation part, and measure what it lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarepix.settings import ConfigError
from rarepix.trial.taken import find_training

if TYPE_CHECKING:
    from rarepix.labels import LabelSpace
    from rarepix.trial.two_stage import TwoStageConfig


def check_taken(config: TwoStageConfig) -> None:
    """Refuse finished trials whose networks do not fit the data or one another.

    Raises:
        ConfigError: a folder is of no finished training, or its network was trained on images of another split.
        CheckpointError: a network is of other classes, or of the wrong kind.
    """
    from rarepix.config_data_checks import check_split_fingerprint
    from rarepix.data.sources import source_of
    from rarepix.evaluation.checkpoint import load_trained_model
    from rarepix.evaluation.two_stage import check_stage

    for name, trial in config.taken().items():
        folder = find_training(trial, f"{name}.trial").folder
        trained = load_trained_model(folder, settings={"engine.device": "cpu", "engine.devices": 1})
        check_stage(name, trained, source_of(config.data).labels)
        try:
            check_split_fingerprint(config, trained.split_fingerprint)
        except ConfigError as error:
            raise ConfigError(f"{name}.trial={trial}: {error}") from error


def gated_result(first: StageResult, second: StageResult, config: TwoStageConfig) -> StageResult:
    """Return the result of the *second* stage, which is judged by its masks behind the gate of the *first* one."""
