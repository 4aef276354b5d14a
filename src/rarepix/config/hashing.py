"""The hash of a configuration, which stays the same when the configuration gets new keys.

Trials are compared by this hash, and an unfinished one is resumed only under the same. Records of schema 1 hashed every
key that existed then, parameters that were not given as null. A key that was added since is hashed where it is not at
its default. A file of weights counts by its content, wherever it lies.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from rarepix.config.trial import TrialConfig, flatten
from rarepix.files import sha256
from rarepix.records import BLOCK_KEYS, describes_environment

FIRST_KEYS = {
    "data": "source root train_list val_list test_list scarcity split split_on groups folds fold allow_absent resize "
    "cache_gib workers",
    "sampling": "kind images_per_epoch steps_per_epoch",
    "crop": "size kind",
    "paste": "kind",
    "augment": "flip scale rotate shift motion whole warp brightness tone hue texture",
    "model": "architecture encoder weights options",
    "loss": "name",
    "optim": "name lr encoder_ratio weight_decay schedule",
    "engine": "epochs batch_size device devices precision channels_last threads validate_every patience min_delta "
    "tensorboard progress",
    "evaluate": "objective rare floor batch_size threshold window overlap flips scales",
}
"""Section → its keys in schema 1 that every configuration has."""
FIRST_PARAMETERS = {
    "sampling": "by published threshold temperature added",
    "crop": "probability classes ratio",
    "paste": "probability donors classes below lowest scores scale rotate ring protect place area",
    "loss": "alpha schedule every factor limit start over temperature marginal foreground_only label_smoothing "
    "class_weights gamma balance smooth fp_weight fn_weight power tau epsilon threshold min_kept share "
    "background_weight object_weight edge_weight edge_kernel delta region_weight published",
    "optim": "momentum nesterov power min_lr every factor patience warmup",
}
"""Section → the parameters of schema 1 that were hashed as null where they were not given."""
NOT_GIVEN = {f"{section}.{name}": None for section, names in FIRST_PARAMETERS.items() for name in names.split()}
NOT_GIVEN |= {"data.merge": False}


def config_hash(config: TrialConfig) -> str:
    """Return a hash of the configuration without seed, fold and the keys that say where and how it ran.

    Trials with equal hashes ran the same configuration.

    Raises:
        FileNotFoundError: ``model.weights`` is a file that is not there.
    """
    flat = flatten(config.model_dump(mode="json"))
    if config.model.weights_file is not None:
        flat["model.weights"] = f"sha256:{sha256(config.model.weights_file)}"
    later = _later_defaults(type(config))
    hashed = {
        key: value
        for key, value in (NOT_GIVEN | flat).items()
        if key not in BLOCK_KEYS
        and not describes_environment(key, value)
        and not (key in later and later[key] == value)
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:12]


@cache
def _later_defaults(kind: type[TrialConfig]) -> Mapping[str, Any]:
    """Return key → default of the keys of every configuration that schema 1 did not have."""
    first = {"recipe", "seed"}
    first |= {f"{section}.{name}" for section, names in FIRST_KEYS.items() for name in names.split()}
    defaults = flatten(kind(data={"root": ""}).model_dump(mode="json"))
    return {key: value for key, value in defaults.items() if key not in first}
