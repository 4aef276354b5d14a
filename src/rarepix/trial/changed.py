"""What has changed since a trial ran (code, recipe, data), by which further trials of its study would differ."""

from collections.abc import Collection, Mapping
from typing import Any

from rarepix.config import TrialConfig, flatten
from rarepix.records import TrialRecord, describes_environment

OF_EVERY_MACHINE = ("rarepix", "code")
"""Versions that are the same on all machines of a study."""
UNKNOWN = ("not a checkout", "not installed")
"""Versions that say nothing."""


def changes(
    record: TrialRecord,
    *,
    versions: Mapping[str, str],
    config: TrialConfig,
    inventory_hashes: Collection[str] | None,
    same_machine: bool = True,
) -> list[str]:
    """Return what differs from a complete trial's *record*, one line each for code, configuration and data.

    Args:
        record: of the trial.
        versions: of the packages now, and of the ``code``.
        config: the configuration that the same trial would get now. Keys that only one side knows are not compared.
        inventory_hashes: of the data now, of each of its trainings (None: not known).
        same_machine: whether trials run on this machine. Of another one, only what must be the same is compared.
    """
    lines = []
    names = [name for name in record.versions if same_machine or name in OF_EVERY_MACHINE]
    was = {name: record.versions[name] for name in names if record.versions[name] not in UNKNOWN}
    now = {name: version for name, version in versions.items() if version not in UNKNOWN}
    if different := _differences(was, now):
        lines.append(f"the code has changed since its newest trial: {different}")
    before, after = (
        {key: value for key, value in flatten(tree).items() if not describes_environment(key, value)}
        for tree in (record.config, config.model_dump(mode="json"))
    )
    if different := _differences(before, after):
        lines.append(f"the recipe has changed since its newest trial: {different}")
    if inventory_hashes is not None and record.dataset and record.dataset.inventory_hash not in inventory_hashes:
        hashes = ", ".join(inventory_hashes)
        lines.append(
            f"the data have changed since its newest trial: the inventory's hash was {record.dataset.inventory_hash} "
            f"and is {hashes}"
        )
    return lines


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the common keys with different values, in words; "" if there is none."""
    keys = [key for key in before if key in after and before[key] != after[key]]
    return "; ".join(f"{key} was {before[key]} and is {after[key]}" for key in keys)
