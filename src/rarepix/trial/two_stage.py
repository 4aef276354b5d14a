"""The plan ``two_stage``: a network that says which classes are in an image gates the masks of another one.

The first stage is a classifier, the second a segmentation network, which the trial's own sections describe. Either may
be taken from a finished trial instead of being trained. The gate's thresholds are chosen on the validation part, and
the trial is judged by the masks behind the gate. Nothing here imports torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import field_validator

from rarepix.config import TrialConfig
from rarepix.config.overrides import Overrides
from rarepix.layout import STAGE, stage_folder
from rarepix.metrics.settings import GateConfig
from rarepix.paths import expand
from rarepix.settings import ConfigError, Settings
from rarepix.trial.plan import Plan, Stages, stage_config
from rarepix.trial.stage_result import StageResult

FIRST, SECOND = "first", "second"
CLASSIFIER = "classifier"
"""The condition of a gate that asks the first stage."""
OWN_DATA_KEYS = ("data.resize", "data.workers", "data.cache_gib")
"""Keys of ``data`` in which the first stage may differ: everything else decides which images train and validate."""
SAME_KEYS = ("seed", "recipe", "engine.device", "engine.devices")


class FirstConfig(Overrides):
    """The section ``first``: keys of the configuration that are different in the first stage, ``first.optim.lr``.

    What is not given is as in the trial's own sections, but for the network (a classifier with their encoder and
    weights), the loss (``presence_bce``), the crop (none) and the objective (of presence).
    """

    trial: str = ""
    """Folder of a finished trial whose network is taken instead of training one; it may name ``$VARIABLES``. Empty: the
    first stage is trained."""

    @classmethod
    def check_key(cls, key: str) -> None:
        """Raise ``ValueError`` for a key that is the same in both stages."""
        if key in SAME_KEYS or (key.startswith("data") and key not in OWN_DATA_KEYS):
            raise ValueError(
                f"first.{key} must be as in the second stage, since both are trained and validated on the same images: "
                f"set {key} itself (of data the first stage may change {', '.join(OWN_DATA_KEYS)})"
            )


class SecondConfig(Settings):
    """The section ``second``: where the segmentation network comes from."""

    trial: str = ""
    """Folder of a finished trial whose network is taken instead of training one. Empty: the second stage is trained, as
    the trial's own sections say."""


class TwoStageGate(GateConfig):
    """The section ``gate`` of a trial of two stages: its gate asks the first stage, and further conditions if given."""

    kind: str = CLASSIFIER

    @field_validator("kind")
    @classmethod
    def _check_asks_the_first_stage(cls, kind: str) -> str:
        if CLASSIFIER not in kind.split("+"):
            raise ValueError("must be classifier, the first stage, or a sum with it, such as classifier+area")
        return kind


class TwoStageConfig(TrialConfig):
    """The configuration of a trial of two stages."""

    gate: TwoStageGate = TwoStageGate()
    first: FirstConfig = FirstConfig()
    second: SecondConfig = SecondConfig()

    def taken(self) -> dict[str, Path]:
        """Return stage → folder of the finished trial that it is taken from."""
        given = {FIRST: self.first.trial, SECOND: self.second.trial}
        return {stage: expand(folder) for stage, folder in given.items() if folder}

    def stage(self, section: str) -> TrialConfig:
        """Return the configuration of the stage whose keys lie in *section*, ``first``."""
        return _first_config(_second_config(self), getattr(self, section).overrides())


def stages(config: TwoStageConfig) -> dict[str, TrialConfig]:
    """Return the configurations of the stages that are trained."""
    keys = config.first.overrides()
    if config.first.trial and keys:
        raise ConfigError(
            f"first.trial is a finished trial, which is not trained again, but first.{next(iter(keys))} is given, too: "
            f"leave one of them out"
        )
    second = _second_config(config)
    if not config.second.trial and "mask" not in second.model.network.outputs:
        raise ConfigError(
            f"the second stage must predict masks, but model.architecture={second.model.architecture!r} only says "
            f"which classes are in an image: put that under first, as first.model.architecture"
        )
    trained = {} if config.first.trial else {FIRST: config.stage(FIRST)}
    return trained if config.second.trial else trained | {SECOND: second}


def _second_config(config: TwoStageConfig) -> TrialConfig:
    """Return the configuration of the segmentation network, which has no gate of its own."""
    return stage_config(config, {"gate.kind": "none"})


def _first_config(second: TrialConfig, keys: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration of the classifier: what cannot be as in *second*, and *keys*."""
    network = {"architecture": "classifier", "encoder": second.model.encoder, "weights": second.model.weights}
    base = {
        "model": network,
        "loss": {"name": "presence_bce"},
        "crop": {},
        "evaluate.objective": "mean_presence_balanced_accuracy",
        "evaluate.scores": [],
        "evaluate.window": None,
    }
    try:
        first = stage_config(stage_config(second, base), keys)
    except ConfigError as error:
        raise ConfigError("\n".join(f"first: {line}" for line in str(error).splitlines())) from error
    if "presence" not in first.model.network.outputs:
        raise ConfigError(
            f"the first stage must say which classes are in an image, but first.model.architecture="
            f"{first.model.architecture!r} predicts only masks: leave it out, or give first.model.presence"
        )
    return first


def run(stages: Stages) -> StageResult:
    """Train or take both stages, then choose the gate on the validation part and measure what it lets through."""
    from rarepix.trial.gated_pair import check_data, check_taken, gated_result

    taken = stages.config.taken()
    # one that an earlier attempt has copied is not needed any more
    new = {name: trial for name, trial in taken.items() if not (stage_folder(stages.folder, name) / STAGE).is_file()}
    check_data(stages.config)  # all that can be wrong before the first training
    check_taken(stages.config, new)
    first, second = (
        stages.take(name, taken[name]) if name in taken else stages.train(name) for name in (FIRST, SECOND)
    )
    return gated_result(first, second, stages.config)


def check(config: TwoStageConfig) -> None:
    """Refuse finished trials that do not fit the data, and data that no gate can be tuned on."""
    from rarepix.trial.gated_pair import check_data, check_taken

    check_data(config)
    check_taken(config, config.taken())


TWO_STAGE = Plan(
    description="Train a classifier and a segmentation network, and gate the masks of the one by the other.",
    config=TwoStageConfig,
    stages=stages,
    run=run,
    check=check,
)
