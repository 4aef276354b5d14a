"""From a configuration and the images of a validation part to a tuned gate: the pass over them, goal and groups."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from torch import Tensor

from rarepix.config import TrialConfig
from rarepix.evaluation.gates.features import GateFeatures, image_features, thresholds_for
from rarepix.evaluation.gates.tuning import Goal, tune
from rarepix.gates import SUMS, Certificate, Gate
from rarepix.inference.predictor import Predictor
from rarepix.labels import LabelSpace
from rarepix.metrics.pooled_scores import class_names
from rarepix.metrics.settings import GateConfig
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction, Target
from rarepix.scores import check_score, direction_of, score
from rarepix.seeding import generator

if TYPE_CHECKING:
    from rarepix.engine.module import SegmentationModule


@contextmanager
def taking_features(module: "SegmentationModule", config: TrialConfig, labels: LabelSpace, kind: str) -> Iterator[None]:
    """Let *module* take the features for a gate of this *kind* beside the sums of each image; none where it is none."""
    if kind == "none":
        yield
        return

    def sums_of(prediction: Prediction, target: Target) -> dict[str, Tensor]:
        return image_sums(prediction, target, labels) | image_features(prediction, target, labels)

    before = module.predictor, module.sums_of
    stride = module.model.stride
    module.predictor = Predictor(config.evaluate, labels, stride=stride, evidence_at=thresholds_for(kind)).predict
    module.sums_of = sums_of
    try:
        yield
    finally:
        module.predictor, module.sums_of = before


def goal_of(gate: GateConfig, config: TrialConfig, labels: LabelSpace) -> Goal:
    """Return what a gate is tuned for.

    Raises:
        MissingSums, ChoiceError: there is no such score, or it needs sums that are not known of a gate.
    """
    if gate.best is None:
        return Goal(false_alarms=gate.false_alarms)
    name, classes = gate.best, class_names(labels, config.evaluate)
    check_score(name, SUMS["mask" if "mask" in config.model.network.outputs else "presence"], classes)
    sign = 1 if direction_of(name) == "maximize" else -1
    return Goal(score=name, score_of=lambda sums: sign * score(name, sums, classes))


def tune_on(
    features: GateFeatures,
    ids: Sequence[str],
    gate: GateConfig,
    config: TrialConfig,
    *,
    groups: pd.Series | None = None,
) -> tuple[Gate, Certificate]:
    """Return the gate that *gate* describes, tuned on the images *ids*, of which *groups* (id → group) belong together.

    Raises:
        GateError: a sort of image, or an output of the network, is missing.
    """
    return tune(
        features,
        gate.kind,
        goal_of(gate, config, features.labels),
        generator=generator(config.seed, "gate"),
        units=None if groups is None else groups.loc[list(ids)].to_numpy(str),
        confidence=gate.confidence,
    )


def features_of(sums: Mapping[str, np.ndarray], labels: LabelSpace, kind: str) -> GateFeatures:
    """Return the features among the *sums* that were taken in ``taking_features``."""
    return GateFeatures.of(sums, labels, thresholds_for(kind))
