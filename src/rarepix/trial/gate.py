"""The gate of a trial: tuned on its validation part, and what its held-out images are with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rarepix.gates import TunedGate
from rarepix.record_splits import GatedSums

if TYPE_CHECKING:
    import pandas as pd

    from rarepix.config import TrialConfig
    from rarepix.evaluation.image_sums import ImageSums
    from rarepix.labels import LabelSpace


def tune_gate(
    config: TrialConfig,
    labels: LabelSpace,
    groups: pd.Series | None,
    evaluated: Mapping[str, ImageSums],
    checkpoint: Path,
    *,
    classifier: Path | None = None,
) -> tuple[TunedGate | None, dict[str, GatedSums]]:
    """Tune the gate of *config* on the validation part, and return it and the sums of every split with it.

    *evaluated* are the sums of each split, with the features for a gate (``passes.taking_features``); *groups* say
    which images belong together, *classifier* is the checkpoint that the gate asks. The main process writes the gate
    beside *checkpoint*. Without a gate in *config* there is none, and no sums.

    Raises:
        GateError: a sort of image is missing.
    """
    from rarepix.engine import distributed
    from rarepix.evaluation.gates.files import tuned_gate, write_gate
    from rarepix.evaluation.gates.passes import features_of, tune_on

    if config.gate.kind == "none":
        return None, {}
    features = {split: features_of(images.sums, labels, config.gate.kind) for split, images in evaluated.items()}
    chosen = tune_on(features["val"], evaluated["val"].ids, config.gate, config, groups=groups)
    tuned = tuned_gate(*chosen, checkpoint, config, classifier=classifier)
    if distributed.is_main_process():
        write_gate(tuned, checkpoint)
    ids = {split: images.ids for split, images in evaluated.items()}
    return tuned, {split: _gated(ids[split], of_split.sums(tuned.gate), labels) for split, of_split in features.items()}


def _gated(ids: list[str], sums: dict, labels: LabelSpace) -> GatedSums:
    from rarepix.evaluation.image_sums import ImageSums, class_counts, split_sums

    images = ImageSums(ids, sums)
    return GatedSums(counts=class_counts(images, labels) if "pixels" in sums else {}, sums=split_sums(images, labels))
